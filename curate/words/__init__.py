"""Word splitters: exactly the words of spaCy, ICU and other segmenters, or characters."""
