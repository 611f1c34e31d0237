"""Every error code of the dialect and what it means for the traveller's next step (specs/ctid.md 7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.wire.identity_connector import ProviderFault

_CODE: Final = re.compile(r"0x00A1[0-9A-F]{4}")


@dataclass(frozen=True)
class Meaning:
    """`text`: for the operator's log."""

    fault: ProviderFault
    text: str


PLATFORM: Final[Mapping[str, Meaning]] = {
    "0x00A19001": Meaning(ProviderFault.EXPIRED_CREDENTIAL, "the credential is older than six months"),
    "0x00A19002": Meaning(ProviderFault.EXPIRED_CREDENTIAL, "the identity card has expired"),
    "0x00A19003": Meaning(ProviderFault.FROZEN, "the credential was cancelled"),
    "0x00A19004": Meaning(ProviderFault.FROZEN, "the credential is frozen"),
    "0x00A19006": Meaning(ProviderFault.EXPIRED_CREDENTIAL, "the credential was downloaded again elsewhere"),
    "0x00A19102": Meaning(ProviderFault.NOT_SAME_PERSON, "the face is not that person's"),
    "0x00A19103": Meaning(ProviderFault.NOT_ENROLLED, "the authority has no photograph of the person"),
    "0x00A19105": Meaning(ProviderFault.POOR_PHOTO, "the photograph is too poor to compare"),
    "0x00A19201": Meaning(ProviderFault.REFUSED, "the password or code is wrong"),
    "0x00A19202": Meaning(ProviderFault.NOT_ENROLLED, "the person has no credential"),
    "0x00A19300": Meaning(ProviderFault.REFUSED, "the QR code is none of the platform's"),
    "0x00A19301": Meaning(ProviderFault.TIMED_OUT, "the QR code has expired"),
    "0x00A19302": Meaning(ProviderFault.REFUSED, "the QR code was used before"),
    "0x00A19401": Meaning(ProviderFault.REFUSED, "the identity is not valid"),
    "0x00A19404": Meaning(ProviderFault.QUOTA, "the quota is used up"),
    # Synthetic: public pages do not name the codes of a request that is itself at fault.
    "0x00A1FF01": Meaning(ProviderFault.MISCONFIGURED, "our signature is not accepted"),
    "0x00A1FF02": Meaning(ProviderFault.MISCONFIGURED, "our clock is not the platform's"),
    "0x00A1FF03": Meaning(ProviderFault.REFUSED, "the business serial number is unknown, used or too old"),
    "0x00A1FF04": Meaning(ProviderFault.MISCONFIGURED, "the platform does not know us"),
    "0x00A1FF05": Meaning(ProviderFault.MISCONFIGURED, "the platform cannot read our request"),
    "0x00A1FF06": Meaning(ProviderFault.UNTRUSTED, "the app's data is for another login"),
}

APP: Final[Mapping[str, Meaning]] = {
    "C0412002": Meaning(ProviderFault.NOT_ENROLLED, "the app is not installed"),
    "C0412003": Meaning(ProviderFault.CANCELLED, "the person cancelled in the app"),
    "C0405001": Meaning(ProviderFault.MISCONFIGURED, "the app cannot read our request"),
}
APP_OK: Final = "C0000000"


def code_in(description: object) -> str | None:
    """The error code that `errorDesc` begins with."""
    found = _CODE.match(description) if isinstance(description, str) else None
    return found[0] if found else None


def meaning(code: str | None) -> Meaning:
    """What to make of a code, also of one nobody told us about."""
    known = PLATFORM.get(code or "") or APP.get(code or "")
    return known or Meaning(ProviderFault.REFUSED, "an error the dialect's pages do not name")
