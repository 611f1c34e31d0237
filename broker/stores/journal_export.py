"""The journal as a file that anybody can check without this program (specs/journal.md 6): JSON lines."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from broker.stores.database import Database
from broker.stores.journal_audit import Audit, audit
from broker.wire.checkpoint import Checkpoint
from broker.wire.keys import PublicKey

FORMAT = "tongguan-journal/1"


def export(database: Database, keys: Sequence[PublicKey], target: Path, *, seen: Checkpoint | None = None) -> Audit:
    """Audit the journal and write it to `target`, which appears only when complete.

    Raises DatabaseUnavailable or OSError. A journal with faults is exported all the same: the file is then evidence.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        with unfinished.open("w", encoding="ascii") as file:

            def line(**value: str) -> None:
                file.write(json.dumps(value) + "\n")

            line(format=FORMAT)
            report = audit(
                database,
                keys,
                seen=seen,
                on_entry=lambda entry: line(entry=base64.b64encode(entry).decode()),
                on_checkpoint=lambda note: line(checkpoint=note),
            )
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return report
