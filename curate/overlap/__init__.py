"""Which items of an evaluation stand in training sets: the same document, nearly the same, contained in a longer one, or in parts."""
