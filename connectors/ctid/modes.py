"""Modes of authentication, and what each is worth here (specs/ctid.md 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broker.wire.identity_grant import Assurance


class AuthMode(StrEnum):
    """`authMode` on the wire."""

    NAME_NUMBER = "0x40"
    NAME_NUMBER_FACE = "0x42"
    FOUR_ITEMS = "0x10"
    FOUR_ITEMS_FACE = "0x12"
    CREDENTIAL_FACE = "0x06"
    APP_CREDENTIAL = "R01"
    APP_PASSWORD = "R02"  # noqa: S105  # the name of a mode
    APP_FACE = "R03"
    APP_PASSWORD_FACE = "R04"  # noqa: S105  # the name of a mode


class DownloadMode(StrEnum):
    """`authMode` of a credential download."""

    FOUR_ITEMS = "0x10"
    ENROL = "0x13"  # with a code sent by SMS
    NAME_NUMBER_FACE = "0x14"


@dataclass(frozen=True)
class Worth:
    """`result`: the `authResult` of success, text, photo, credential and code in turn; X is what the mode does not
    look at. `acr` None: proves knowledge or possession alone, no login rests on it.
    """

    result: str
    amr: tuple[str, ...]
    acr: Assurance | None


WORTH: Final[Mapping[AuthMode, Worth]] = {
    AuthMode.NAME_NUMBER: Worth("0XXX", ("kba",), None),
    AuthMode.NAME_NUMBER_FACE: Worth("00XX", ("kba", "face"), Assurance.HIGH),
    AuthMode.FOUR_ITEMS: Worth("0XXX", ("kba",), None),
    AuthMode.FOUR_ITEMS_FACE: Worth("00XX", ("kba", "face"), Assurance.HIGH),
    AuthMode.CREDENTIAL_FACE: Worth("X00X", ("swk", "face"), Assurance.HIGH),
    AuthMode.APP_CREDENTIAL: Worth("XX0X", ("swk",), None),
    AuthMode.APP_PASSWORD: Worth("XX00", ("swk", "pin"), Assurance.SUBSTANTIAL),
    AuthMode.APP_FACE: Worth("X00X", ("swk", "face"), Assurance.HIGH),
    AuthMode.APP_PASSWORD_FACE: Worth("X000", ("swk", "pin", "face"), Assurance.HIGH),
}

# The app's `type`: 1 asks for the password too.
APP_TYPE: Final[Mapping[AuthMode, str]] = {
    AuthMode.APP_CREDENTIAL: "0",
    AuthMode.APP_PASSWORD: "1",
    AuthMode.APP_FACE: "0",
    AuthMode.APP_PASSWORD_FACE: "1",
}
WITH_FACE: Final = frozenset(mode for mode, worth in WORTH.items() if "face" in worth.amr)
WITH_PASSWORD: Final = frozenset(mode for mode, kind in APP_TYPE.items() if kind == "1")
