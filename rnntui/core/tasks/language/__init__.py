"""The language model: the next token of a text."""
