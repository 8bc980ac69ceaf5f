"""Languages: identification, codes, word splitters, and the figures that FineWeb2 published for each."""
