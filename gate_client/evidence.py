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
    """Writes codes and faces as PNG under `folder`/<session>: for demonstrations, never at a border.

    Pictures are held until the session has ended and written then, so that keeping them delays no door.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held: dict[bytes, dict[str, Image]] = {}

    def keep(self, session: bytes, name: str, image: Image) -> None:
        self._held.setdefault(session, {})[name] = image

    def kept(self, session: bytes) -> Mapping[str, str]:
        written = {}
        for name, image in self._held.pop(session, {}).items():
            path = self._folder / session.hex() / f"{name}.png"
            path.parent.mkdir(exist_ok=True, mode=0o700)
            cv2.imwrite(str(path), image)
            written[name] = str(path)
        return written
