"""How a model learns: the loop and what it needs."""
