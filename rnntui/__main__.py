"""`python -m rnntui` is `rnntui`."""

from rnntui.cli import main

if __name__ == "__main__":
    main()
