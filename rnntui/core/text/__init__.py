"""From a corpus to batches of tokens.  Nothing here imports torch."""
