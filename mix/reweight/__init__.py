"""Next weights from measured losses: the measurements, the rules, and the resulting recipe."""
