"""Alarms in PostgreSQL: the primary key is what raises each once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from broker.core.alarm import Alarm
from broker.flows.ports.papers import RaisedAlarm
from broker.stores.paper_tables import ALARMS


class SqlAlarmRegister:
    """Port `AlarmRegister`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def raise_new(self, alarms: Sequence[Alarm], *, at: datetime) -> Sequence[Alarm]:
        if not alarms:
            return []
        rows = [{**_key(a), "limit": a.limit, "count": a.count, "raised_at": at} for a in alarms]
        columns = (ALARMS.c.year, ALARMS.c.counter, ALARMS.c.threshold, ALARMS.c.level)
        added = insert(ALARMS).values(rows).on_conflict_do_nothing().returning(*columns)
        new = {tuple(row) for row in self._session.execute(added)}
        return [a for a in alarms if (a.year, a.counter, a.threshold, a.level) in new]

    def raised(self, *, limit: int = 200) -> Sequence[RaisedAlarm]:
        newest = select(ALARMS).order_by(ALARMS.c.raised_at.desc(), ALARMS.c.counter, ALARMS.c.level.desc())
        return [_raised(row) for row in self._session.execute(newest.limit(limit))]

    def untold(self, *, limit: int = 100) -> Sequence[RaisedAlarm]:
        oldest = select(ALARMS).where(ALARMS.c.told_at.is_(None)).order_by(ALARMS.c.raised_at).limit(limit)
        return [_raised(row) for row in self._session.execute(oldest)]

    def told(self, alarm: Alarm, at: datetime) -> None:
        self._session.execute(update(ALARMS).where(_is(alarm)).values(told_at=at))


def _key(alarm: Alarm) -> dict[str, Any]:
    return {"year": alarm.year, "counter": alarm.counter, "threshold": alarm.threshold, "level": alarm.level}


def _is(alarm: Alarm) -> ColumnElement[bool]:
    return and_(*(ALARMS.c[name] == value for name, value in _key(alarm).items()))


def _raised(row: Any) -> RaisedAlarm:
    # "count" is a method of every row.
    values = row._mapping
    alarm = Alarm(row.year, row.counter, row.threshold, row.limit, row.level, values["count"])
    return RaisedAlarm(alarm, row.raised_at, row.told_at)
