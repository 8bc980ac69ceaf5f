"""Tables of runs: what was trained on which shares, and the losses that came of it."""
