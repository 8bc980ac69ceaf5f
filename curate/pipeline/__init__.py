"""The four stages of a run (measure, decide, compare, write) and what drives them."""
