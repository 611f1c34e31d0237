"""The journal against the independent Merkle rules of broker.wire.merkle, and what happens when a row is touched."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from broker.core.journal import EntrySealed
from broker.flows.ports import Entry
from broker.stores import sequencer as sequencer_module
from broker.stores.database import Database
from broker.stores.journal import Journal
from broker.stores.journal_audit import audit
from broker.stores.journal_export import export
from broker.stores.sequencer import Sequencer, SequencerThread
from broker.wire import merkle
from broker.wire.checkpoint import Checkpoint, verifier_key, verify
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from tests.support.postgres import Cluster

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SIGNER = LocalSigner.generate(KeyUse.CHECKPOINT)
KEY = bytes(range(32))
JOURNAL = Journal()


def _sequencer(database: Database, signer: LocalSigner = SIGNER) -> Sequencer:
    return Sequencer(database, signer, lambda: AT)


def _append(database: Database, count: int) -> list[bytes]:
    entries = [Entry("traveller:pass:minted", {"zone": "HK-SZB"}, {"n": n}, None, KEY) for n in range(count)]
    with database.unit_of_work() as uow:
        return list(JOURNAL.append_all(uow, entries, at=AT, entropy=os.urandom))


def _log(database: Database, *batches: int) -> list[bytes]:
    """Append and sequence one batch after another."""
    leaves: list[bytes] = []
    for count in batches:
        leaves += _append(database, count)
        assert _sequencer(database).run_once() == count
    return leaves


def _checkpoint(database: Database) -> Checkpoint:
    with database.unit_of_work() as uow:
        note = JOURNAL.latest_checkpoint(uow)
        assert note is not None
        return verify(note, [SIGNER.public], expected_origin=JOURNAL.origin(uow))


def test_an_entry_is_kept_only_with_its_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError), database.unit_of_work() as uow:
        JOURNAL.append(uow, "traveller:pass:minted", {}, at=AT, entropy=os.urandom)
        raise RuntimeError
    assert _sequencer(database).run_once() == 0
    leaf = _append(database, 1)[0]
    with database.unit_of_work() as uow:
        assert JOURNAL.proof(uow, leaf) is None, "no proof before a place"
        assert JOURNAL.read(uow, [leaf])[leaf].open(KEY) == {"n": 0}


def test_personal_fields_open_for_the_traveller_s_key_alone(database: Database) -> None:
    leaf = _log(database, 1)[0]
    with database.unit_of_work() as uow:
        entry = JOURNAL.read(uow, [leaf])[leaf]
    assert entry.open(KEY) == {"n": 0}
    assert entry.hour == int(AT.replace(minute=0, second=0).timestamp())
    with pytest.raises(EntrySealed):
        entry.open(bytes(32))


@pytest.mark.parametrize("batches", [(1,), (2, 1), (255, 1, 1), (256,), (300, 300), (600, 13)])
def test_every_inclusion_proof_holds(database: Database, batches: tuple[int, ...]) -> None:
    leaves = _log(database, *batches)
    checkpoint = _checkpoint(database)
    assert checkpoint.root == merkle.root_of(leaves)
    with database.unit_of_work() as uow:
        for position in {0, 1, 254, 255, 256, 257, 511, 512, len(leaves) // 2, len(leaves) - 1} & set(
            range(len(leaves))
        ):
            proof = JOURNAL.proof(uow, leaves[position])
            assert proof is not None
            assert list(proof.path) == merkle.inclusion_path(leaves, position)
            merkle.verify_inclusion(
                leaves[position], index=position, size=proof.size, proof=proof.path, root=checkpoint.root
            )


def test_consistency_proofs_hold_between_any_two_sizes(database: Database) -> None:
    leaves = _log(database, 255, 2, 300)
    with database.unit_of_work() as uow:
        for old, new in ((1, 557), (255, 257), (256, 512), (257, 557), (512, 557), (557, 557)):
            path = JOURNAL.consistency(uow, old, new)
            assert list(path) == merkle.consistency_path(leaves[:new], old)
        with pytest.raises(ValueError, match="no such pair"):
            JOURNAL.consistency(uow, 1, 558)


def test_tiles_of_the_second_level_serve_proofs(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """65,536 entries fill 256 tiles and so one tile of the next level."""
    with database.unit_of_work() as uow:
        uow.session.execute(
            text(
                "INSERT INTO journal_inbox (leaf_hash, entry) "
                "SELECT sha256('\\x00'::bytea || e), e "
                "FROM (SELECT int4send(n) AS e FROM generate_series(1, 65600) n) x"
            )
        )
    monkeypatch.setattr(sequencer_module, "BATCH", 30_000)
    assert [_sequencer(database).run_once() for _ in range(4)] == [30_000, 30_000, 5_600, 0]
    with database.unit_of_work() as uow:
        tiles = uow.session.execute(
            text("SELECT level, count(*) FROM journal_tiles GROUP BY level ORDER BY level")
        ).all()
        leaves = uow.session.execute(text("SELECT leaf_hash FROM journal_entries ORDER BY position")).scalars().all()
        checkpoint = _checkpoint(database)
        for position in (0, 65_535, 65_536, 65_599):
            proof = JOURNAL.proof(uow, leaves[position])
            assert proof is not None
            merkle.verify_inclusion(
                leaves[position], index=position, size=65_600, proof=proof.path, root=checkpoint.root
            )
    assert [tuple(row) for row in tiles] == [(0, 256), (1, 1)]


def test_two_sequencers_at_once_never_fork(database: Database) -> None:
    """Several workers append and sequence at the same time; the result is one log of all entries."""
    leaves: list[bytes] = []
    guard = threading.Lock()

    def work() -> None:
        for _ in range(15):
            mine = _append(database, 3)
            with guard:
                leaves.extend(mine)
            _sequencer(database).run_once()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _sequencer(database).run_once()
    report = audit(database, [SIGNER.public])
    assert (report.faults, report.entries, report.waiting) == ([], 270, 0)
    with database.unit_of_work() as uow:
        placed = uow.session.execute(text("SELECT leaf_hash FROM journal_entries")).scalars().all()
    assert {bytes(leaf) for leaf in placed} == set(leaves)


def test_a_sequencer_that_ignored_the_lock_could_not_place_an_entry_twice(database: Database) -> None:
    """The primary key on the position is the last word."""
    _log(database, 2)
    with pytest.raises(DBAPIError), database.unit_of_work() as uow:
        uow.session.execute(text("INSERT INTO journal_entries VALUES (1, '\\x01', '')"))


def test_the_thread_signs_within_a_second_and_drains_when_stopped(database: Database) -> None:
    thread = SequencerThread(_sequencer(database), interval=0.05)
    thread.start()
    _append(database, 5)
    thread.stop()
    assert _checkpoint(database).size == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entries SET entry = ''",
        "DELETE FROM journal_entries",
        "TRUNCATE journal_entries",
        "UPDATE journal_checkpoints SET note = ''",
        "DELETE FROM journal_tiles",
        "UPDATE journal_inbox SET entry = ''",
        "DELETE FROM journal_inbox",
        "TRUNCATE journal_inbox",
        "UPDATE journal_log SET origin = 'other'",
        "INSERT INTO journal_log VALUES ('second')",
        "INSERT INTO journal_inbox (leaf_hash, entry) VALUES (sha256('x'), 'y')",
    ],
)
def test_the_database_refuses_to_change_the_log(database: Database, statement: str) -> None:
    _log(database, 300)
    _append(database, 1)
    with pytest.raises(DBAPIError, match=r"append-only|ck_journal_inbox"), database.unit_of_work() as uow:
        uow.session.execute(text(statement))


Tamper = Callable[[str], None]


@pytest.fixture
def tamper(cluster: Cluster, database: Database) -> Tamper:
    """Run a statement as an attacker with full rights: triggers and constraints do not fire."""

    def run(statement: str) -> None:
        name = database.engine.url.database
        assert name is not None
        with cluster.admin(database=name) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(statement.encode())

    return run


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE journal_entries SET entry = set_byte(entry, 40, 0) WHERE position = 7",
            "entry 7 does not have the hash",
        ),
        (
            "UPDATE journal_entries SET entry = e, leaf_hash = sha256('\\x00'::bytea || e) FROM "
            "(SELECT set_byte(entry, 25, get_byte(entry, 25) # 1) AS e FROM journal_entries WHERE position = 7) x "
            "WHERE position = 7",
            "does not match the entries",
        ),
        ("DELETE FROM journal_entries WHERE position = 7", "entries 7 to 7 are missing"),
        ("DELETE FROM journal_entries WHERE position = 299", "entries were cut off"),
        ("DELETE FROM journal_checkpoints", "no valid checkpoint covers the last entries"),
        ("UPDATE journal_checkpoints SET note = replace(note, 'time 1', 'time 2')", "is not valid"),
        ("UPDATE journal_checkpoints SET frontier = '\\x00'", "stored with another root"),
        ("UPDATE journal_tiles SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)", "tile 0 of level 0"),
        ("DELETE FROM journal_tiles", "tile 0 of level 0"),
        ("UPDATE journal_log SET origin = 'tongguan/journal/other'", "is not valid"),
    ],
)
def test_tampering_with_a_row_is_found(database: Database, tamper: Tamper, statement: str, fault: str) -> None:
    _log(database, 200, 100)
    assert audit(database, [SIGNER.public]).faults == []
    tamper(statement)
    faults = audit(database, [SIGNER.public]).faults
    assert any(fault in found for found in faults), faults


def test_cutting_the_log_back_is_found_by_who_kept_a_checkpoint(database: Database, tamper: Tamper) -> None:
    _log(database, 20, 10)
    seen = _checkpoint(database)
    tamper("DELETE FROM journal_entries WHERE position >= 20")
    tamper("DELETE FROM journal_checkpoints WHERE size > 20")
    assert audit(database, [SIGNER.public]).faults == [], (
        "an earlier state is a valid state: only a witness knows better"
    )
    assert any("was seen before" in fault for fault in audit(database, [SIGNER.public], seen=seen).faults)


def test_a_log_rewritten_by_the_holder_of_the_key_is_found_by_who_kept_a_checkpoint(
    database: Database, tamper: Tamper
) -> None:
    _log(database, 30)
    seen = _checkpoint(database)
    tamper("DELETE FROM journal_entries")
    tamper("DELETE FROM journal_checkpoints")
    _log(database, 40)
    assert audit(database, [SIGNER.public]).faults == []
    assert any("rewritten" in fault for fault in audit(database, [SIGNER.public], seen=seen).faults)


def test_checkpoints_by_a_stranger_s_key_are_not_accepted(database: Database) -> None:
    _log(database, 3)
    assert audit(database, [LocalSigner.generate(KeyUse.CHECKPOINT).public]).faults


SCRIPT = Path(__file__).parents[3] / "specs" / "journal_verify.py"


def _run_script(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # -I -S: no installed package is importable, this project least of all.
    command = [sys.executable, "-I", "-S", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_an_export_is_verified_by_the_stand_alone_script(database: Database, tmp_path: Path, tamper: Tamper) -> None:
    _log(database, 5)
    with database.unit_of_work() as uow:
        note, origin = JOURNAL.latest_checkpoint(uow), JOURNAL.origin(uow)
    kept = tmp_path / "kept.txt"
    kept.write_text(str(note))
    second = LocalSigner.generate(KeyUse.CHECKPOINT)  # the key is rotated in between
    _append(database, 4)
    assert _sequencer(database, second).run_once() == 4
    keys = ",".join(verifier_key(signer.public, origin) for signer in (SIGNER, second))
    file = tmp_path / "journal.jsonl"
    assert export(database, [SIGNER.public, second.public], file).faults == []
    good = _run_script(str(file), keys, str(kept))
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.startswith("verified: 9 entries, 2 checkpoints")
    assert _run_script(str(file), verifier_key(SIGNER.public, origin)).returncode == 1, "a key is missing"
    for garbage in ("garbage", "log+00000000+not base64", "log+00000000+"):
        refused = _run_script(str(file), garbage)
        assert (refused.returncode, refused.stderr) == (1, ""), garbage
        assert refused.stdout == "NOT VERIFIED: that is not a verifier key\n"

    lines = file.read_text().splitlines()
    for forged in ([*lines[:2], *lines[3:]], lines[:-1], [lines[0], lines[2], lines[1], *lines[3:]]):
        file.write_text("\n".join(forged) + "\n")
        assert _run_script(str(file), keys).returncode == 1
    tamper("DELETE FROM journal_entries WHERE position >= 5")
    tamper("DELETE FROM journal_checkpoints WHERE size > 5")
    export(database, [SIGNER.public], file)
    assert _run_script(str(file), keys).returncode == 0
    kept.write_text(_note_of(lines[-1]))
    assert _run_script(str(file), keys, str(kept)).returncode == 1, "the log was cut back"


def _note_of(line: str) -> str:
    return str(json.loads(line)["checkpoint"])


def test_the_clock_of_a_checkpoint_is_whole_seconds(database: Database) -> None:
    _append(database, 1)
    Sequencer(database, SIGNER, lambda: AT + timedelta(microseconds=999_999)).run_once()
    assert _checkpoint(database).signed_at == AT
