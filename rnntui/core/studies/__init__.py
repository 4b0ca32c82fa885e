"""Several trainings that answer one question: which cell is better, which settings are best, which rate."""
