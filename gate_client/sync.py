"""Keeps a gate current and its crossings delivered: clock, lists, epoch secrets, outbox (specs/gate-lane.md 7)."""

import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic as monotonic_seconds
from typing import Protocol

from broker.wire import hpke
from broker.wire.errors import VerifyError, WireError
from broker.wire.fields import EPOCH
from broker.wire.gate_api import (
    REQUEST_ID_BYTES,
    CrossingEvent,
    CrossingReport,
    EpochSecretsRequest,
    decode_epoch_secrets,
    sign_request,
)
from broker.wire.keys import Entropy
from broker.wire.reasons import Reason
from gate_client.broker_client import BrokerRefused, BrokerUnreachable
from gate_client.clock_store import ClockStore
from gate_client.core.clock_guard import drift_alarm
from gate_client.database import checkpoint
from gate_client.outbox import Outbox
from gate_client.spending import Spending
from gate_client.template_source import GateIdentity
from gate_client.trust_store import TrustStore

log = logging.getLogger("tongguan.gate.sync")

BATCH = 100
MAX_ROUNDS = 100
DAY = timedelta(days=1)


class Broker(Protocol):
    """What a sync asks of the broker; each call may raise `BrokerUnreachable` or `BrokerRefused`."""

    def time(self) -> datetime: ...
    def trust_list(self) -> bytes: ...
    def status_list_numbers(self) -> tuple[int, ...]: ...
    def status_list(self, number: int) -> bytes: ...
    def epoch_secrets(self, signed_request: bytes) -> bytes: ...
    def crossings(self, signed_report: bytes) -> Iterable[bytes]: ...


@dataclass(slots=True)
class SyncReport:
    """What one round did. `alarms` are for an operator: anything refused, rolled back, drifting."""

    reached: bool = True
    drift_seconds: float | None = None
    trust_version: int | None = None
    status_versions: dict[int, int] = field(default_factory=dict)
    epochs: tuple[int, ...] = ()
    delivered: int = 0
    waiting: int = 0
    alarms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GateRecords:
    """The tables of one gate through one connection, hence for one thread."""

    connection: sqlite3.Connection
    clock_store: ClockStore
    trust: TrustStore
    outbox: Outbox
    spending: Spending


class Sync:
    """One round at a time; each step stands alone, so a refused list does not hold crossings back."""

    def __init__(
        self,
        records: GateRecords,
        broker: Broker,
        identity: GateIdentity,
        *,
        clock: Callable[[], datetime],
        entropy: Entropy,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._records = records
        self._broker = broker
        self._identity = identity
        self._clock = clock
        self._entropy = entropy
        self._monotonic = monotonic
        # The broker's time when the clocks last agreed, and the monotonic seconds then.
        self._agreed: tuple[datetime, float] | None = None

    def run_once(self) -> SyncReport:
        """Every step in order; stops asking when the broker does not answer."""
        report = SyncReport()
        steps = (self._time, self._trust_list, self._status_lists, self._epoch_secrets, self._deliver)
        for each in steps:
            try:
                each(report)
            except BrokerUnreachable as error:
                report.reached = False
                log.info("broker unreachable: %s", error)
                break
            except (BrokerRefused, WireError) as error:
                report.alarms.append(f"{each.__name__.strip('_')}: {error.reason}: {error.detail}")
        self._expire(report)
        return self._finished(report)

    def deliver(self) -> SyncReport:
        """The outbox alone: soon after a decision, without waiting for the lists' turn."""
        report = SyncReport()
        try:
            self._deliver(report)
        except BrokerUnreachable:
            report.reached = False
        return self._finished(report)

    def _time(self, report: SyncReport) -> None:
        before = self._clock()
        broker_at = self._broker.time()
        after = self._clock()
        ours = before + (after - before) / 2
        report.drift_seconds = (ours - broker_at).total_seconds()
        drifting = drift_alarm(ours, broker_at)
        self._agreed = None if drifting else (broker_at, self._monotonic())
        if drifting:
            report.alarms.append(f"{Reason.CLOCK_DRIFT}: {report.drift_seconds:+.1f} s from the broker")
        self._records.clock_store.agree(after, broker_at, self._records.connection)

    def _trust_list(self, report: SyncReport) -> None:
        listed = self._records.trust.accept_trust_list(self._broker.trust_list(), at=self._clock())
        self._records.clock_store.prove(listed.issued_at, self._records.connection)
        report.trust_version = listed.version

    def _status_lists(self, report: SyncReport) -> None:
        refused: list[WireError] = []
        for number in self._broker.status_list_numbers():
            raw = self._broker.status_list(number)
            try:
                listed = self._records.trust.accept_status_list(raw, number, at=self._clock())
            except WireError as error:
                refused.append(error)
            else:
                report.status_versions[number] = listed.version
                self._records.clock_store.prove(listed.issued_at, self._records.connection)
        if refused:
            raise refused[0]

    def _epoch_secrets(self, report: SyncReport) -> None:
        """Today's and tomorrow's, so that a line cut overnight does not cut the lane."""
        at = self._clock()
        held = self._records.trust.epochs()
        today = (at - EPOCH) // DAY
        if today in held and today + 1 in held:
            return
        key = hpke.RecipientKey.generate()
        who = self._identity
        request = EpochSecretsRequest(self._entropy(REQUEST_ID_BYTES), who.gate_id, who.zone, key.public_bytes(), at)
        signed = sign_request(request, who.signer)
        opened = key.open(self._broker.epoch_secrets(signed), request.info(signed))
        self._records.trust.keep_secrets(secret for secret in decode_epoch_secrets(opened) if secret.expires_at > at)

    def _deliver(self, report: SyncReport) -> None:
        for _ in range(MAX_ROUNDS):
            events = self._records.outbox.pending(BATCH)
            if not events:
                return
            accepted = self._send(events, report)
            self._records.outbox.accepted(accepted, at=self._clock())
            report.delivered += len(accepted)
            if len(accepted) < len(events):
                return  # the rest stays for the next round

    def _send(self, events: tuple[CrossingEvent, ...], report: SyncReport) -> set[bytes]:
        """Return the ids the broker now holds. One event it refuses must not hold the others back."""
        sent = {event.event_id for event in events}
        message = CrossingReport(self._identity.gate_id, self._identity.zone, events)
        try:
            return sent & set(self._broker.crossings(sign_request(message, self._identity.signer)))
        except BrokerRefused as error:
            if len(events) > 1:
                return set().union(*(self._send((event,), report) for event in events))
            report.alarms.append(f"crossing {events[0].event_id.hex()}: {error}")
            return set()

    def _expire(self, report: SyncReport) -> None:
        """Destroy what is over, by no clock alone: a wrong one must not destroy secrets or forget spends."""
        records, at = self._records, self._confirmed_time()
        if at is not None:
            records.trust.destroy_expired(at=at)
            # A spend forgotten too early lets a pass open again, so only what a signature proves ends one.
            records.spending.forget(at=min(at, records.clock_store.guard.floor))
        if not records.trust.wipe():
            report.alarms.append("a destroyed secret may still be in the write-ahead log")
        checkpoint(records.connection)

    def _confirmed_time(self) -> datetime | None:
        """A time that is not later than now by this clock, nor by the broker's word and the seconds since; or None."""
        at = self._clock()
        try:
            self._records.clock_store.observe(at)
        except VerifyError as error:
            log.warning("nothing is expired: %s", error)
            return None
        if self._agreed is None:
            return None
        broker_at, then = self._agreed
        return min(at, broker_at + timedelta(seconds=self._monotonic() - then))

    def _finished(self, report: SyncReport) -> SyncReport:
        report.epochs = tuple(self._records.trust.epochs())
        report.waiting = self._records.outbox.waiting()
        for alarm in report.alarms:
            log.warning("%s", alarm)
        return report
