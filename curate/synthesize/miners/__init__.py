"""Rules that find items in a text without a model. How to add one: the docstring of `curate.synthesize`."""
