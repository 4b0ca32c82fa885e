"""The PyTorch core: text, cells, models, training and inference, with no user interface.

Nothing here imports textual, rich or click; `pyproject.toml` carries the contracts and
`tests/test_import_walls.py` proves them at run time.
"""
