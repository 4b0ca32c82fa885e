"""Train recurrent language models on your own text in a terminal, and write with them while they learn."""

__version__ = "0.1.0"
