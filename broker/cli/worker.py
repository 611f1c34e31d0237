"""What a worker process runs: the application, with logs set up, and never longer than the process that started it."""

import ctypes
import gc
import multiprocessing
import signal
import sys

from fastapi import FastAPI

from broker.cli.logs import configure_logs
from broker.main import application as _application

_PR_SET_PDEATHSIG = 1
_COLLECT_AFTER = (20_000, 50, 50)  # a request makes a few thousand objects, hardly any in a cycle
_SWITCH_SECONDS = 0.0005  # a thread whose database has answered waits that long for its turn, not the usual 5 ms


def application() -> FastAPI:
    """The factory uvicorn calls."""
    configure_logs()
    _end_with_parent()
    app = _application()
    _settle()
    return app


def _settle() -> None:
    """For a process that answers many small requests from a few threads."""
    # What is loaded by now stays, so the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_SECONDS)


def _end_with_parent() -> None:
    """Linux: a killed parent takes its workers along, so that none serves without sequencer and database."""
    if sys.platform == "linux" and multiprocessing.parent_process() is not None:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
