"""Training: the loop, optimisers, checkpoints."""
