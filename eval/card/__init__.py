"""The model card of the Hugging Face hub, with the results of evaluations."""
