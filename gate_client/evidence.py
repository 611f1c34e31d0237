"""Whether pictures outlive their session. In normal running they do not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import cv2

from gate_client.devices.frames import Image


class ImageKeeper(Protocol):
    """Told of every picture a session looked at."""

    def keep(self, session: bytes, name: str, image: Image) -> None: ...
    def kept(self, session: bytes) -> Mapping[str, str]:
        """Name to file of what was kept; asked once, at the end of the session."""


class KeepNothing:
    """The rule: no image of a traveller is ever written."""

    def keep(self, session: bytes, name: str, image: Image) -> None:
        """Nothing."""

    def kept(self, session: bytes) -> Mapping[str, str]:
        return {}


class UnsafeKeepImages:
    """Writes codes and faces as PNG under `folder`/<session>: for demonstrations, never at a border."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._kept: dict[bytes, dict[str, str]] = {}

    def keep(self, session: bytes, name: str, image: Image) -> None:
        path = self._folder / session.hex() / f"{name}.png"
        path.parent.mkdir(exist_ok=True, mode=0o700)
        cv2.imwrite(str(path), image)
        self._kept.setdefault(session, {})[name] = str(path)

    def kept(self, session: bytes) -> Mapping[str, str]:
        return self._kept.pop(session, {})
