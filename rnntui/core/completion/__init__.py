"""Completion on numpy alone: engine, session, sampling, suggestions.  Never torch."""
