"""How weights change: learning rate, optimizer, precision of weights, skipped steps, averages."""
