"""Packs tokens into rows, plans a mix at exact token ratios, and streams its rows from one integer of state."""
