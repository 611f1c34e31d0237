"""An exported journal (specs/journal.md 6) read without a database: the log checked, its samples drawn again."""

import json
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from broker.core.journal import decode_entry
from broker.core.sampling_check import DayCheck, SamplingCheck
from broker.stores.journal_export import FORMAT
from broker.wire.checkpoint import verify
from broker.wire.keys import PublicKey
from broker.wire.merkle import Frontier, leaf_hash

_MAX_LINE = 65_536


def check_samples(export: Path, keys: Sequence[PublicKey]) -> tuple[list[DayCheck], list[str]]:
    """Every day drawn again, and faults that belong to none. Raises ValueError or WireError when the log itself does
    not hold: another format, a checkpoint that no key of `keys` signed, or one that does not fit the entries.
    """
    check, frontier, covered = SamplingCheck(), Frontier(), 0
    with export.open(encoding="ascii") as file:
        if _line(file.readline(_MAX_LINE)) != {"format": FORMAT}:
            raise ValueError("that is no export of a journal")
        for text in file:
            line = _line(text)
            if "entry" in line:
                raw = b64decode(line["entry"], validate=True)
                leaf = leaf_hash(raw)
                check.entry(frontier.size, leaf, decode_entry(raw))
                frontier = frontier.append(leaf)
            else:
                note = str(line.get("checkpoint"))
                signed = verify(note, keys, expected_origin=note.split("\n", 1)[0])
                if (signed.size, signed.root) != (frontier.size, frontier.root()):
                    raise ValueError(f"the checkpoint over {signed.size} entries does not match the entries")
                check.checkpoint(signed.signed_at)
                covered = signed.size
    if covered != frontier.size:
        raise ValueError(f"{frontier.size} entries, but the last checkpoint covers {covered}")
    return check.finish()


def _line(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("that is no export of a journal")  # noqa: TRY004 - bad data, not a bad call
    return found
