"""Samples in PostgreSQL: days with their seeds, and the auditors' queue."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.core.journal import JournalEntry, decode_entry
from broker.core.sample import CLAIM_LASTS, Finding, Sample, SampleState, Verdict
from broker.core.sampling import Rates, Stratum, Why
from broker.flows.ports.samples import DayState, SamplingDay
from broker.stores.journal import CHECKPOINTS, ENTRIES
from broker.stores.sample_tables import SAMPLES, SAMPLING_DAYS
from broker.stores.tables import TRAVELLER_ENTRIES

_HOUR = timedelta(hours=1)
_SLACK = timedelta(minutes=5)
_PLAIN: Final = tuple(each.name for each in fields(Sample) if each.name != "finding")
_RANKS: Final = {
    Stratum.UNKNOWN: 0,
    Stratum.RED: 0,
    Stratum.AMBER: 1,
    Stratum.EXEMPT: 2,
    Stratum.GREEN: 3,
}


class SqlSampleRegister:
    """Port `SampleRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def day(self, day: date) -> SamplingDay | None:
        query = select(SAMPLING_DAYS).where(SAMPLING_DAYS.c.day == day).with_for_update()
        row = self._session.execute(query).one_or_none()
        return None if row is None else _day(row)

    def days(self, *, limit: int) -> Sequence[SamplingDay]:
        query = select(SAMPLING_DAYS).order_by(SAMPLING_DAYS.c.day.desc()).limit(limit)
        return [_day(row) for row in self._session.execute(query).all()]

    def first_day(self) -> date | None:
        first: date | None = self._session.execute(select(func.min(SAMPLING_DAYS.c.day))).scalar_one()
        return first

    def due(self, last: date) -> Sequence[SamplingDay]:
        table = SAMPLING_DAYS
        query = select(table).where(table.c.state != DayState.CLOSED.value, table.c.day <= last).order_by(table.c.day)
        return [_day(row) for row in self._session.execute(query).all()]

    def open_day(self, day: SamplingDay) -> bool:
        fresh = insert(SAMPLING_DAYS).values(_day_values(day)).on_conflict_do_nothing()
        return self._session.execute(fresh.returning(SAMPLING_DAYS.c.day)).one_or_none() is not None

    def change_day(self, day: SamplingDay) -> None:
        changed = update(SAMPLING_DAYS).where(SAMPLING_DAYS.c.day == day.day).values(_day_values(day))
        self._session.execute(changed)

    def count(self, day: date, *, decided: int) -> None:
        table = SAMPLING_DAYS
        counted = update(table).where(table.c.day == day, table.c.state != DayState.CLOSED.value)
        self._session.execute(counted.values(decided=table.c.decided + decided))

    def covered_at(self, leaf: bytes) -> datetime | None:
        place = select(ENTRIES.c.position).where(ENTRIES.c.leaf_hash == leaf).scalar_subquery()
        query = select(CHECKPOINTS.c.signed_at).where(CHECKPOINTS.c.size > place).order_by(CHECKPOINTS.c.size).limit(1)
        return self._session.execute(query).scalar_one_or_none()

    def add(self, samples: Sequence[Sample]) -> None:
        if samples:
            rows = [{**_values(sample), "rank": _RANKS[sample.stratum]} for sample in samples]
            self._session.execute(insert(SAMPLES).on_conflict_do_nothing(), rows)

    def drawn(self, day: date, *, size: int) -> Sequence[bytes]:
        query = select(SAMPLES.c.release).where(SAMPLES.c.day == day, SAMPLES.c.position < size)
        return [bytes(leaf) for leaf in self._session.execute(query.order_by(SAMPLES.c.position)).scalars()]

    def claim(self, auditor: str, *, release: bytes | None, at: datetime) -> Sample | None:
        table = SAMPLES
        free = or_(
            table.c.state == SampleState.WAITING.value,
            and_(table.c.state == SampleState.CLAIMED.value, table.c.claimed_at <= at - CLAIM_LASTS),
        )
        chosen = select(table.c.release).where(free)
        if release is not None:
            chosen = chosen.where(table.c.release == release)
        # Whoever asks at the same moment passes over the row that is locked here.
        chosen = chosen.order_by(table.c.rank, table.c.position).limit(1).with_for_update(skip_locked=True)
        taken = update(table).where(table.c.release == chosen.scalar_subquery())
        taken = taken.values(state=SampleState.CLAIMED.value, auditor=auditor, claimed_at=at)
        row = self._session.execute(taken.returning(*table.columns)).one_or_none()
        return None if row is None else _sample(row)

    def lock(self, release: bytes) -> Sample | None:
        query = select(SAMPLES).where(SAMPLES.c.release == release).with_for_update()
        row = self._session.execute(query).one_or_none()
        return None if row is None else _sample(row)

    def find(self, release: bytes) -> Sample | None:
        row = self._session.execute(select(SAMPLES).where(SAMPLES.c.release == release)).one_or_none()
        return None if row is None else _sample(row)

    def change(self, sample: Sample) -> None:
        changed = update(SAMPLES).where(SAMPLES.c.release == sample.release).values(_values(sample))
        self._session.execute(changed)

    def listed(
        self, *, states: Collection[SampleState] = (), day: date | None = None, auditor: str | None = None, limit: int
    ) -> Sequence[Sample]:
        query = select(SAMPLES).order_by(SAMPLES.c.position.desc()).limit(limit)
        if states:
            query = query.where(SAMPLES.c.state.in_([state.value for state in states]))
        if day is not None:
            query = query.where(SAMPLES.c.day == day)
        if auditor is not None:
            query = query.where(SAMPLES.c.auditor == auditor)
        return [_sample(row) for row in self._session.execute(query).all()]

    def tally(self) -> Mapping[tuple[SampleState, str], int]:
        query = select(SAMPLES.c.state, func.coalesce(SAMPLES.c.verdict, ""), func.count()).group_by(
            SAMPLES.c.state, SAMPLES.c.verdict
        )
        return {(SampleState(state), verdict): number for state, verdict, number in self._session.execute(query)}

    def entry(self, release: bytes) -> JournalEntry | None:
        query = select(ENTRIES.c.entry).where(ENTRIES.c.leaf_hash == release)
        raw = self._session.execute(query).scalar_one_or_none()
        return None if raw is None else decode_entry(bytes(raw))

    def person_of(self, release: bytes, hour: datetime) -> UUID | None:
        table = TRAVELLER_ENTRIES
        # The index of people's entries leads from person to entry; the other way only the hour narrows it down.
        query = select(table.c.traveller_id).where(
            table.c.at >= hour - _SLACK, table.c.at < hour + _HOUR + _SLACK, table.c.leaf_hash == release
        )
        return self._session.execute(query.limit(1)).scalar_one_or_none()


def _day(row: Row[Any]) -> SamplingDay:
    return SamplingDay(
        row.day,
        DayState(row.state),
        _bytes(row.commitment),
        _bytes(row.committed),
        None if row.rates is None else Rates.read(row.rates),
        None if row.why is None else Why(row.why),
        row.size,
        row.decided,
        row.sampled,
        _bytes(row.digest),
        _bytes(row.seed),
    )


def _day_values(day: SamplingDay) -> dict[str, Any]:
    values = {name: getattr(day, name) for name in day.__dataclass_fields__}
    return values | {
        "state": day.state.value,
        "why": None if day.why is None else day.why.value,
        "rates": None if day.rates is None else day.rates.model_dump(),
    }


def _sample(row: Row[Any]) -> Sample:
    finding = None
    if row.verdict is not None:
        finding = Finding(Verdict(row.verdict), row.text, row.follow_up, bytes(row.nonce), row.found_at)
    return Sample(
        bytes(row.release),
        row.position,
        row.day,
        row.hour,
        row.kind,
        Stratum(row.stratum),
        row.late,
        SampleState(row.state),
        row.auditor,
        row.claimed_at,
        finding,
        row.closed_at,
    )


def _values(sample: Sample) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(sample, name) for name in _PLAIN}
    values |= {"state": sample.state.value, "stratum": sample.stratum.value}
    found = sample.finding
    if found is None:
        return values | dict.fromkeys(("verdict", "text", "follow_up", "nonce", "found_at"))
    return values | {
        "verdict": found.verdict.value,
        "text": found.text,
        "follow_up": found.follow_up,
        "nonce": found.nonce,
        "found_at": found.at,
    }


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
