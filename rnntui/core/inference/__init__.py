"""What a trained model is for: scoring, sampling, completing."""
