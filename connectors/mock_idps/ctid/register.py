"""The authority's register: people, their credentials (网证) and the photographs it knows them by."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from connectors.ctid.retain import FOR_EVER
from connectors.documents import compact_date
from connectors.mock_idps.ctid.refusals import Code, Refused
from connectors.mock_idps.people import Person

LIFETIME: Final = timedelta(days=183)  # six months
PASSWORD: Final = "246810"  # noqa: S105  # everybody's, said on the page that asks for it
_JPEG: Final = b"\xff\xd8\xff"


class Status(StrEnum):
    VALID = "0"
    FROZEN = "1"
    CANCELLED = "2"


@dataclass(frozen=True)
class Issued:
    """One download of somebody's credential. `index` changes with each, which tells older copies apart."""

    index: str
    at: datetime
    status: Status
    password: str


class Register:
    """Everybody is enrolled to begin with. `now` in seconds."""

    def __init__(self, people: Mapping[str, Person], now: Callable[[], float]) -> None:
        self.people = people
        self._now = now
        first = self.now() - timedelta(days=30)
        self._issued = {person_id: Issued(secrets.token_hex(8), first, Status.VALID, PASSWORD) for person_id in people}

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def issued(self, person_id: str) -> Issued | None:
        return self._issued.get(person_id)

    def issue(self, person_id: str, password: str) -> Issued:
        """A new download: every older copy is void."""
        self._issued[person_id] = made = Issued(secrets.token_hex(8), self.now(), Status.VALID, password)
        return made

    def change(self, person_id: str, **values: object) -> None:
        """What the authority does to a credential."""
        self._issued[person_id] = replace(self._issued[person_id], **values)  # type: ignore[arg-type]

    def forget(self, person_id: str) -> None:
        """The person never enrolled."""
        del self._issued[person_id]

    def by_number(self, number: object) -> Person:
        """Raises Refused."""
        for person in self.people.values():
            if person.record["gMSFZHM"] == number:
                return person
        raise Refused(Code.NOT_VALID)

    def check_card(self, person: Person) -> None:
        """Raises Refused for a card past its last day."""
        last_day = person.record["yXQJZRQ"]
        if last_day != FOR_EVER:
            until = compact_date(last_day)
            if until is None or until < self.now().date():
                raise Refused(Code.CARD_EXPIRED)

    def enrolled(self, person_id: str) -> Issued:
        """Raises Refused for somebody without a credential, or with one that is frozen or cancelled."""
        issued = self.issued(person_id)
        if issued is None:
            raise Refused(Code.NOT_ENROLLED)
        if issued.status is Status.CANCELLED:
            raise Refused(Code.CANCELLED)
        if issued.status is Status.FROZEN:
            raise Refused(Code.FROZEN)
        return issued

    def check_credential(self, person_id: str, index: str) -> Issued:
        """Raises Refused for a copy that does not count."""
        issued = self.enrolled(person_id)
        if issued.index != index:
            raise Refused(Code.DOWNLOADED_ELSEWHERE)
        if self.now() - issued.at > LIFETIME:
            raise Refused(Code.CREDENTIAL_EXPIRED)
        return issued

    def check_face(self, person: Person, live: bytes) -> None:
        """Synthetic comparison: the live picture must be one that the authority has of the person, byte for byte.
        Raises Refused.
        """
        if person.portrait is None:
            raise Refused(Code.NO_PHOTO)
        if not live.startswith(_JPEG):
            raise Refused(Code.POOR_PHOTO)
        if sha256(live).digest() != sha256(person.portrait).digest():
            raise Refused(Code.NOT_SAME_PERSON)
