"""Text to words: exactly as spaCy, ICU and other segmenters give them, or characters."""
