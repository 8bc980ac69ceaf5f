"""Files of any format: decompressed, transcoded to UTF-8, and split into lines."""
