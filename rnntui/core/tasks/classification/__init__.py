"""Classification: the label of a text."""
