"""Translation: from a text to another one."""
