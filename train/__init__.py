"""Continues the pre-training of a Hugging Face causal language model on a mix of packed rows."""
