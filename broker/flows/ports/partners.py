"""Partner agencies, what they are told, and what they asked people to approve."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from broker.core.partner import Ceilings, Partner, PartnerStatus
from broker.core.purpose import Recipient
from broker.core.webhook import EventState, PartnerEvent
from broker.wire.keys import Entropy


class PartnerRegister(Protocol):
    """Every partner that was ever onboarded."""

    def recipient(self, partner_id: str) -> Recipient | None:
        """The partner as the recipient of a consent; None when it is unknown or suspended."""

    def find(self, partner_id: str) -> Partner | None: ...

    def lock(self, partner_id: str) -> Partner | None:
        """The partner, locked against other changes until the end of the work."""

    def all(self) -> Sequence[Partner]:
        """In the order of their ids."""

    def add(self, partner: Partner) -> bool:
        """False when the id is taken: then nothing was added."""

    def set_status(self, partner_id: str, status: PartnerStatus, at: datetime) -> None: ...

    def set_ceilings(self, partner_id: str, ceilings: Ceilings) -> None: ...

    def set_keys(
        self, partner_id: str, *, jwks_uri: str | None, jwks: Mapping[str, Any] | None, at: datetime | None
    ) -> None:
        """Replace the address of the key set and the copy of it, taken at `at`."""

    def set_webhook(self, partner_id: str, url: str | None) -> None: ...

    def lock_guesses(self, partner_id: str, traveller: UUID, *, at: datetime, window: timedelta) -> int:
        """How many wrong values the partner stated about the person since a `window` without any; locked until the end
        of the work. So no window, wherever it begins, has more than may be counted.
        """

    def add_guesses(self, partner_id: str, traveller: UUID, wrong: int, *, at: datetime) -> None: ...


class PartnerEvents(Protocol):
    """The outbox of notices: written in the transaction of what they tell of, delivered at least once."""

    def enqueue(
        self,
        partner_id: str,
        event: str,
        body: Mapping[str, Any],
        *,
        about: UUID | None = None,
        at: datetime,
        entropy: Entropy,
    ) -> None:
        """Tell the partner. Does nothing for a partner that is unknown or takes no notices.

        `about`: the person, named by the pseudonym under which the partner knows them, whatever became of its grants.
        Without it, when `body["grants"]` lists grants, the notice names the person by the pseudonym of the first one.
        """

    def take_due(self, at: datetime, *, partners: int, each: int) -> Sequence[PartnerEvent]:
        """Notices that are due, of at most that many partners, those first that have waited longest; nobody else takes
        them for a while. Each partner's come oldest first, behind them those that failed before.
        """

    def decided(self, event_id: UUID, *, subject: str | None) -> None:
        """The law was asked about a notice; without `subject` it names nobody from now on."""

    def delivered(self, event_id: UUID, *, outcome: str, at: datetime) -> None: ...

    def failed(self, event_id: UUID, *, outcome: str, again_at: datetime) -> None:
        """One more attempt went wrong; the next is due at `again_at`."""

    def put_off(self, partner_id: str, until: datetime) -> None:
        """Nothing that waits for the partner is due before `until`."""

    def given_up(self, event_id: UUID, *, outcome: str, at: datetime) -> None: ...

    def revive(self, partner_id: str, at: datetime) -> int:
        """Make the partner's dead notices due again; returns how many."""

    def of(self, partner_id: str | None, *, state: EventState | None, limit: int) -> Sequence[PartnerEvent]:
        """Newest first."""

    def drop_settled_before(self, moment: datetime) -> int:
        """Delete notices that were delivered or given up before; returns how many."""
