"""A journal with decided releases, a sequencer and a clock, over a real database."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from broker.core.governance.calendar import shanghai_date
from broker.core.journal import decode_entry
from broker.core.sampling import Rates, begins
from broker.core.sampling_check import DayCheck, SamplingCheck
from broker.flows.commit_sampling import commit_sampling
from broker.flows.ports import Entry, KeyStore
from broker.flows.read_releases import read_releases
from broker.stores.database import Database
from broker.stores.journal import CHECKPOINTS, ENTRIES
from broker.stores.journal_export import export
from broker.stores.sequencer import Sequencer
from broker.stores.work import Works
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.ports.fakes import FakeKeyStore


def decided(band: str = "green", gate: str = "allow", **others: Any) -> dict[str, Any]:
    """The clear part of an entry about a decided release."""
    said = {"transfer": gate, "mechanism": "gba_sc", "policy": "ab" * 32, "score": 40, "band": band}
    return {**said, "origin": "CN", "destination": "HK", "zone": "HK-SZB", **others}


@dataclass
class AuditedWorld:
    """`at` is the clock; `signer` signs checkpoints."""

    database: Database
    at: datetime
    keys: KeyStore = field(default_factory=lambda: FakeKeyStore(os.urandom))
    signer: LocalSigner = field(default_factory=lambda: LocalSigner.generate(KeyUse.CHECKPOINT))
    rates: Rates = field(default_factory=Rates.load)

    def __post_init__(self) -> None:
        self.works = Works(self.database)
        self.begin = self.works.begin
        self._sequencer = Sequencer(self.database, self.signer, lambda: self.at)

    def go_to(self, moment: datetime) -> None:
        """The broker lives until then: housekeeping at the start of each day that it passes, and at the end."""
        while self.at < moment:
            midnight = begins(shanghai_date(self.at) + timedelta(days=1)).astimezone(UTC)
            self.at = min(moment, midnight)
            self.keep_house()

    def keep_house(self, *, batch: int = 500) -> int:
        """Commit, place what waits, read, and place what that wrote."""
        with self.begin() as work:
            commit_sampling(work, keys=self.keys, rates=self.rates, at=self.at, entropy=os.urandom)
        self.place()
        read = read_releases(self.begin, keys=self.keys, rates=self.rates, at=self.at, entropy=os.urandom, batch=batch)
        self.place()
        return read

    def place(self) -> None:
        while self._sequencer.run_once():
            pass

    def release(
        self,
        number: int = 1,
        clear: dict[str, Any] | None = None,
        *,
        kind: str = "gate:template:released",
        traveller: UUID | None = None,
        personal: dict[str, Any] | None = None,
    ) -> list[bytes]:
        """Journal so many alike; returns the leaf hashes."""
        key = self.keys.key(traveller) if traveller is not None else None
        entry = Entry(kind, clear or decided(), personal, traveller, key)
        with self.begin() as work:
            leaves = work.journal.append_all([entry] * number, at=self.at, entropy=os.urandom)
        return list(leaves)

    def check(self) -> tuple[list[DayCheck], list[str]]:
        """The whole journal drawn again, as an auditor with an export does."""
        check = SamplingCheck()
        with self.database.unit_of_work() as uow:
            entries = uow.session.execute(ENTRIES.select().order_by(ENTRIES.c.position)).all()
            checkpoints = uow.session.execute(CHECKPOINTS.select().order_by(CHECKPOINTS.c.size)).all()
        signed = {row.size: row.signed_at for row in checkpoints}
        for row in entries:
            check.entry(row.position, bytes(row.leaf_hash), decode_entry(bytes(row.entry)))
            if row.position + 1 in signed:
                check.checkpoint(signed[row.position + 1])
        return check.finish()

    def exported(self, target: Path) -> Path:
        """The journal as a file."""
        report = export(self.database, [self.signer.public], target)
        assert not report.faults, report.faults
        return target

    def kinds(self, prefix: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """Kind and clear part of every placed entry whose kind begins so."""
        with self.database.unit_of_work() as uow:
            rows = uow.session.execute(ENTRIES.select().order_by(ENTRIES.c.position)).all()
        found = [decode_entry(bytes(row.entry)) for row in rows]
        return [(entry.kind, dict(entry.clear)) for entry in found if entry.kind.startswith(prefix)]
