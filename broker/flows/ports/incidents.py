"""Incidents, whom they touched, and what those people are told."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from broker.core.incident import Criterion, Incident, PersonNotice
from broker.wire.keys import Entropy


class IncidentRegister(Protocol):
    """Within the transaction of the work."""

    def affected(self, criterion: Criterion) -> Sequence[UUID]:
        """Everybody whom an entry touches, in ascending order; who was erased cannot be found any more."""

    def enter(self, incident: Incident) -> None: ...

    def tell(
        self, incident_id: UUID, people: Collection[UUID], body: Mapping[str, Any], *, at: datetime, entropy: Entropy
    ) -> None:
        """One notice for each."""

    def notices(self, traveller: UUID) -> Sequence[PersonNotice]:
        """A person's, newest first."""

    def seen(self, traveller: UUID, at: datetime) -> None:
        """Note that the person read them."""

    def counts(self) -> Sequence[tuple[Incident, int]]:
        """Every incident, newest first, and how many have read their notice."""
