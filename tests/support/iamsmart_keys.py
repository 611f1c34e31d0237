"""Key files of iAM Smart's mock and its service."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from connectors.mock_idps.iamsmart.authority import lay_out

_FILES = TemporaryDirectory(prefix="iamsmart-keys-")


@cache
def iamsmart_keys() -> Path:
    """One set for the whole run: making RSA keys takes longer than most tests. Good for ten years from 2026."""
    folder = Path(_FILES.name)
    lay_out(folder, at=datetime(2026, 1, 1, tzinfo=UTC))
    return folder
