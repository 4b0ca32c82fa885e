"""The tests."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # Several workers share the processors, and so do the programs that they start: a thread for each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
