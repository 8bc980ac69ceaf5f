"""What a run will need, before it is paid for: parameters, memory, tokens, FLOPs, hours, the course of the learning rate."""
