"""What candidates must pass to become documents. How to add one: the docstring of `curate.synthesize`."""
