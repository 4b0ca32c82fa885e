"""The run folder: its files, its events, who owns it, and where runs live."""
