"""What is changed in texts, and how often."""
