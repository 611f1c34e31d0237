"""Who works at this broker, and how they prove it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broker.core.staff import Staff


class StaffRegister(Protocol):
    """Members of staff, their open challenges and links, and their sessions. Secrets are known by SHA-256 alone."""

    def add(self, member: Staff) -> bool:
        """Unique insert; False when the id or the key is taken."""

    def find(self, staff_id: str) -> Staff | None: ...

    def lock(self, staff_id: str) -> Staff | None:
        """The member, who is not suspended by another until the end of the work."""

    def all(self) -> Sequence[Staff]:
        """Everybody, in the order of their ids."""

    def suspend(self, staff_id: str, at: datetime) -> None:
        """Final. Ends the member's challenges, links and sessions too."""

    def keep_challenge(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None:
        """Keep a challenge for that id, known or not; those whose time is over go."""

    def take_challenge(self, digest: bytes, staff_id: str, at: datetime) -> datetime | None:
        """Use it up. Until when it stood; None when it is another's, used or over."""

    def keep_link(self, digest: bytes, staff_id: str, *, until: datetime) -> None: ...

    def linked(self, digest: bytes, at: datetime) -> Staff | None:
        """Whose link it is, while it stands; it is not used up."""

    def take_link(self, digest: bytes, at: datetime) -> Staff | None:
        """Use it up. The active member whose it was, locked as `lock` does; of two at once one gets it."""

    def open_session(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None: ...

    def session(self, digest: bytes, at: datetime) -> Staff | None:
        """The active member whose session it is."""

    def end_session(self, digest: bytes) -> str | None:
        """Whose it was; None when there was none."""
