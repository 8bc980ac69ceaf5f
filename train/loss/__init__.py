"""What is minimised: the output head with its loss in one, and objectives on top of it."""
