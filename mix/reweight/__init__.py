"""Next weights from measured losses: what was measured, the rules, and the recipe that comes out."""
