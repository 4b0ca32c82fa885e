"""Several processes for one training on this machine, by torch's own launcher."""

from __future__ import annotations

import logging
import os
import signal
import uuid
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from rnntui.core.errors import RnntuiError
from rnntui.core.processors import processor_count

_INTERRUPTED = 130


def launch(processes: int, command: Sequence[str]) -> int:
    """Run a command in so many processes that know of each other, and return the exit code of rank 0.

    They share out the processors, unless OMP_NUM_THREADS says how many threads each has.  Where one fails or is killed,
    all end.  Raises RnntuiError where one was killed.
    """
    # What went wrong is said by the process that knows, in one line.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, processor_count() // processes)))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid.uuid4().hex, rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0", max_restarts=0, monitor_interval=0.1,
    )  # fmt: skip
    try:
        elastic_launch(config, command[0])(*command[1:])
    except ChildFailedError as error:
        failures = sorted(error.failures.values(), key=lambda failure: failure.timestamp)
        killed = [
            failure for failure in failures if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM
        ]
        if killed:
            name = signal.Signals(-killed[0].exitcode).name
            raise RnntuiError(
                f"rank {killed[0].local_rank} of {processes} was killed ({name}); go on with --resume"
            ) from None
        return max(1, int(failures[0].exitcode))
    except SignalException:
        return _INTERRUPTED
    return 0
