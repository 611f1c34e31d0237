"""The register of staff in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from broker.core.staff import Staff

Held = dict[bytes, tuple[str, datetime]]


@dataclass
class FakeStaffRegister:
    """Port `StaffRegister`."""

    members: dict[str, Staff] = field(default_factory=dict)
    challenges: Held = field(default_factory=dict)
    links: Held = field(default_factory=dict)
    sessions: Held = field(default_factory=dict)

    def add(self, member: Staff) -> bool:
        if member.staff_id in self.members or any(known.key == member.key for known in self.members.values()):
            return False
        self.members[member.staff_id] = member
        return True

    def find(self, staff_id: str) -> Staff | None:
        return self.members.get(staff_id)

    def lock(self, staff_id: str) -> Staff | None:
        return self.find(staff_id)

    def all(self) -> Sequence[Staff]:
        return [self.members[staff_id] for staff_id in sorted(self.members)]

    def suspend(self, staff_id: str, at: datetime) -> None:
        self.members[staff_id] = replace(self.members[staff_id], suspended_at=at)
        for held in (self.challenges, self.links, self.sessions):
            for digest in [digest for digest, (owner, _) in held.items() if owner == staff_id]:
                del held[digest]

    def keep_challenge(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None:
        self.challenges = {key: kept for key, kept in self.challenges.items() if kept[1] > at}
        self.challenges[digest] = staff_id, until

    def take_challenge(self, digest: bytes, staff_id: str, at: datetime) -> datetime | None:
        if self.challenges.get(digest, ("", at))[0] != staff_id:
            return None
        until = self.challenges.pop(digest)[1]
        return until if at < until else None

    def keep_link(self, digest: bytes, staff_id: str, *, until: datetime) -> None:
        self.links[digest] = staff_id, until

    def linked(self, digest: bytes, at: datetime) -> Staff | None:
        return self._behind(self.links, digest, at)

    def take_link(self, digest: bytes, at: datetime) -> Staff | None:
        member = self.linked(digest, at)
        self.links.pop(digest, None)
        return member

    def open_session(self, digest: bytes, staff_id: str, *, until: datetime, at: datetime) -> None:
        self.sessions[digest] = staff_id, until

    def session(self, digest: bytes, at: datetime) -> Staff | None:
        return self._behind(self.sessions, digest, at)

    def end_session(self, digest: bytes) -> str | None:
        owner, _ = self.sessions.pop(digest, (None, None))
        return owner

    def _behind(self, held: Held, digest: bytes, at: datetime) -> Staff | None:
        owner, until = held.get(digest, ("", at))
        member = self.members.get(owner)
        return member if member is not None and member.active and at < until else None
