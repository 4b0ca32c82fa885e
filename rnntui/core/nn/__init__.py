"""Embedding, recurrent stack, head."""
