"""The example of a context made longer."""
