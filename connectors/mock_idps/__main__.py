"""Entry point of `python -m connectors.mock_idps`."""

from connectors.mock_idps.cli import app

app()
