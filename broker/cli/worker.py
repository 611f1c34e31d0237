"""What a worker process runs: the application, with logs set up, and never longer than the process that started it."""

import ctypes
import multiprocessing
import signal
import sys

from fastapi import FastAPI

from broker.cli.logs import configure_logs
from broker.main import application as _application

_PR_SET_PDEATHSIG = 1


def application() -> FastAPI:
    """The factory uvicorn calls."""
    configure_logs()
    _end_with_parent()
    return _application()


def _end_with_parent() -> None:
    """Linux: a killed parent takes its workers along, so that none serves without sequencer and database."""
    if sys.platform == "linux" and multiprocessing.parent_process() is not None:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
