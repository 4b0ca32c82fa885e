"""The app: screens, widgets, styles.  It starts the headless command and reads the run folder."""

import os

# Textual paints so many times a second at most, when there is something to paint: half the wait of its own
# 60 before a key is seen.  It reads this when it is imported, which is after this line.
os.environ.setdefault("TEXTUAL_FPS", "120")
