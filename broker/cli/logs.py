"""Logs go to standard error, one line an event. Libraries are quiet: their lines quote addresses with their queries."""

import logging.config


def configure_logs() -> None:
    """Set up this process's logging."""
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
