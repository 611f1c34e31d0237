"""Gates, invitations and what lanes reported; and which epochs have secrets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import Session

from broker.core.gate import Gate, Invitation
from broker.stores.driver import run
from broker.stores.tables import CROSSINGS, EPOCHS, GATE_INVITATIONS, GATES
from broker.wire.gate_api import CrossingEvent

_GATE = "SELECT * FROM gates WHERE kid = %s"


class SqlGateRegister:
    """Port `GateRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def invite(self, invitation: Invitation) -> None:
        self._session.execute(
            insert(GATE_INVITATIONS).values(
                digest=invitation.digest,
                gate_id=invitation.gate_id,
                zone=invitation.zone,
                expires_at=invitation.expires_at,
            )
        )

    def lock_invitation(self, digest: bytes) -> Invitation | None:
        query = select(GATE_INVITATIONS).where(GATE_INVITATIONS.c.digest == digest).with_for_update()
        row = self._session.execute(query).one_or_none()
        if row is None:
            return None
        used_by = None if row.used_by is None else bytes(row.used_by)
        return Invitation(bytes(row.digest), row.gate_id, row.zone, row.expires_at, used_by)

    def enrol(self, gate: Gate, invitation: Invitation) -> None:
        self._session.execute(
            insert(GATES).values(
                gate_id=gate.gate_id,
                zone=gate.zone,
                kid=gate.kid,
                public_key=gate.public_key,
                enrolled_at=gate.enrolled_at,
            )
        )
        used = update(GATE_INVITATIONS).where(GATE_INVITATIONS.c.digest == invitation.digest)
        self._session.execute(used.values(used_by=gate.kid))

    def by_id(self, gate_id: str) -> Gate | None:
        row = self._session.execute(select(GATES).where(GATES.c.gate_id == gate_id)).one_or_none()
        return None if row is None else _gate(row)

    def by_kid(self, kid: bytes) -> Gate | None:
        row = run(self._session, _GATE, (kid,)).one_or_none()
        return None if row is None else _gate(row)

    def retire(self, gate_id: str, at: datetime) -> None:
        change = update(GATES).where(GATES.c.gate_id == gate_id, GATES.c.retired_at.is_(None))
        self._session.execute(change.values(retired_at=at))

    def known_events(self, gate: Gate, event_ids: Sequence[bytes]) -> frozenset[bytes]:
        self._session.execute(select(GATES.c.gate_id).where(GATES.c.gate_id == gate.gate_id).with_for_update())
        query = select(CROSSINGS.c.event_id).where(
            CROSSINGS.c.gate_id == gate.gate_id, CROSSINGS.c.event_id.in_(event_ids)
        )
        return frozenset(bytes(event_id) for event_id in self._session.execute(query).scalars())

    def record_event(self, gate: Gate, event: CrossingEvent, *, conflict: bool, at: datetime) -> None:
        row = insert_once(CROSSINGS).values(
            gate_id=gate.gate_id,
            event_id=event.event_id,
            zone=gate.zone,
            pass_id=event.pass_id,
            decision=event.decision.value,
            reasons=[reason.value for reason in event.reasons],
            mode=event.mode.value,
            liveness=event.liveness.value,
            opened=event.opened,
            conflict=conflict,
            score=event.score,
            threshold=event.threshold,
            embedder_set=event.embedder_set,
            models=dict(event.model_hashes),
            decided_at=event.decided_at,
            recorded_at=at,
        )
        self._session.execute(row.on_conflict_do_nothing())


_EPOCH = "SELECT destroyed_at FROM epochs WHERE zone = %s AND epoch = %s"


class SqlEpochRegister:
    """Port `EpochRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, zone: str, epoch: int, *, dies_at: datetime) -> bool:
        known = run(self._session, _EPOCH, (zone, epoch)).one_or_none()
        if known is None:
            fresh = insert_once(EPOCHS).values(zone=zone, epoch=epoch, dies_at=dies_at)
            self._session.execute(fresh.on_conflict_do_nothing())
            known = run(self._session, _EPOCH, (zone, epoch)).one()
        return known.destroyed_at is None

    def due(self, at: datetime) -> Sequence[tuple[str, int]]:
        query = select(EPOCHS.c.zone, EPOCHS.c.epoch).where(EPOCHS.c.dies_at <= at, EPOCHS.c.destroyed_at.is_(None))
        ordered = query.order_by(EPOCHS.c.zone, EPOCHS.c.epoch).with_for_update()
        return [(row.zone, row.epoch) for row in self._session.execute(ordered)]

    def close(self, zone: str, epoch: int, at: datetime) -> None:
        change = update(EPOCHS).where(EPOCHS.c.zone == zone, EPOCHS.c.epoch == epoch)
        self._session.execute(change.values(destroyed_at=at))


def _gate(row: Row[Any]) -> Gate:
    return Gate(row.gate_id, row.zone, bytes(row.kid), bytes(row.public_key), row.enrolled_at, row.retired_at)
