"""Logs go to standard error, one line an event. Libraries are quiet: their lines quote addresses with their queries."""

import logging
import logging.config


def configure_logs() -> None:
    """Set up this process's logging. What no line shows is not looked up for each (the module's own "Optimization")."""
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {"tongguan": {"level": "INFO"}, "broker": {"level": "INFO"}},
        }
    )
