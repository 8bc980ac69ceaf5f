"""Scores of documents by models: fastText classifiers, DSIR, KenLM, causal language models, embeddings."""
