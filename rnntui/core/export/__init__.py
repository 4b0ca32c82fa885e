"""A run's model for other programs, and smaller."""
