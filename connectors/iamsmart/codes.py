"""Every code of the dialect and what it means for the traveller (specs/iamsmart.md 8).

D and M codes are the provider's own, as public clients know them. For what those clients do not show (a bad signature,
a dead token) no code is public: S codes are synthetic, ours, and spoken by the mock alone. A code that is not in the
table is a refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.wire.identity_connector import ProviderFault


@dataclass(frozen=True)
class Meaning:
    """`renews_key`: the content key is at fault, and a new one is fetched before anybody is told."""

    fault: ProviderFault
    text: str
    renews_key: bool = False


_F: Final = ProviderFault

CODES: Final[Mapping[str, Meaning]] = {
    "D40000": Meaning(_F.CANCELLED, "the person cancelled"),
    "D40001": Meaning(_F.CANCELLED, "the person rejected the request in the app"),
    "D40003": Meaning(_F.TIMED_OUT, "the person did not answer in time"),
    "D40004": Meaning(_F.UNTRUSTED, "the code was issued to another service"),
    "D20008": Meaning(_F.MISCONFIGURED, "our redirect address is not listed"),
    "M30001": Meaning(_F.MISCONFIGURED, "no certificate of ours is on file for the content key"),
    "M30002": Meaning(_F.MISCONFIGURED, "there is no content key, or it expired", renews_key=True),
    "M30003": Meaning(_F.MISCONFIGURED, "the content could not be decrypted there", renews_key=True),
    "S10001": Meaning(_F.MISCONFIGURED, "our request signature was not accepted"),
    "S10002": Meaning(_F.MISCONFIGURED, "our timestamp lies outside the window: compare the clocks"),
    "S10003": Meaning(_F.MISCONFIGURED, "our nonce was used before"),
    "S10004": Meaning(_F.MISCONFIGURED, "our clientID is not known"),
    "S10005": Meaning(_F.MISCONFIGURED, "a parameter is missing or malformed"),
    "S20001": Meaning(_F.EXPIRED_CREDENTIAL, "the access token is unknown or has expired"),
    "S20002": Meaning(_F.WITHHELD, "the person did not grant the scope this needs"),
    "S20003": Meaning(_F.REFUSED, "no such request, or its result was fetched before"),
    "S20004": Meaning(_F.FROZEN, "the account is suspended"),
    "S20005": Meaning(_F.UNREACHABLE, "the person has not answered yet"),
    "S20006": Meaning(_F.REFUSED, "the code is unknown, used or expired"),
    "S20007": Meaning(_F.NOT_SAME_PERSON, "the identity number is not this person's"),
    "S20008": Meaning(_F.NOT_ENROLLED, "the account cannot sign: it is not an iAM Smart+ account"),
}
_UNKNOWN: Final = Meaning(ProviderFault.REFUSED, "the provider answered with a code that is not in the table")


def meaning(code: str) -> Meaning:
    return CODES.get(code, _UNKNOWN)
