"""Lists and secrets on disk."""

from datetime import timedelta
from pathlib import Path

import pytest

from broker.wire.errors import WireError
from broker.wire.gate_api import EpochSecret
from broker.wire.reasons import Reason
from gate_client.database import open_database
from gate_client.trust_store import TrustStore
from tests.support.gate_world import NOON, Authority, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "gate.db").stock()


def refusal(act: object, *arguments: object, **keywords: object) -> Reason:
    assert callable(act)
    with pytest.raises(WireError) as refused:
        act(*arguments, **keywords)
    return refused.value.reason


def test_a_lower_version_is_refused_and_the_newer_list_kept(world: World) -> None:
    accept = world.trust.accept_trust_list
    accept(world.authority.trust_list(version=5), at=NOON)
    assert refusal(accept, world.authority.trust_list(version=4), at=NOON) is Reason.LIST_ROLLED_BACK
    assert world.trust.trust_list(at=NOON).version == 5
    status = world.trust.accept_status_list
    status(world.authority.status_list(3, version=8), 0, at=NOON)
    assert refusal(status, world.authority.status_list(version=7), 0, at=NOON) is Reason.LIST_ROLLED_BACK
    held = world.trust.status_list(0, at=NOON)
    assert held is not None and held.version == 8 and held.status(3)


def test_a_restart_still_refuses_what_it_refused_before(world: World) -> None:
    world.trust.accept_status_list(world.authority.status_list(version=8), 0, at=NOON)
    again = TrustStore(open_database(world.path), world.authority.root.public)
    raw = world.authority.status_list(version=7)
    assert refusal(again.accept_status_list, raw, 0, at=NOON) is Reason.LIST_ROLLED_BACK


def test_the_same_version_issued_again_refreshes_its_age(world: World) -> None:
    later = NOON + timedelta(minutes=5)
    world.trust.accept_status_list(world.authority.status_list(at=later), 0, at=later)
    held = world.trust.status_list(0, at=later)
    assert held is not None and held.issued_at == later.replace(microsecond=0)
    world.trust.accept_status_list(world.authority.status_list(at=NOON), 0, at=later)
    held = world.trust.status_list(0, at=later)
    assert held is not None and held.issued_at == later.replace(microsecond=0), "an older copy does not age it"


def test_only_the_pinned_root_is_believed(world: World) -> None:
    stranger = Authority()
    assert refusal(world.trust.accept_trust_list, stranger.trust_list(version=9), at=NOON) is Reason.UNKNOWN_KEY
    assert refusal(world.trust.accept_status_list, stranger.status_list(), 0, at=NOON) is Reason.UNKNOWN_KEY


def test_a_list_under_another_number_is_refused(world: World) -> None:
    raw = world.authority.status_list(version=3)
    assert refusal(world.trust.accept_status_list, raw, 1, at=NOON) is Reason.MALFORMED_CLAIMS


def test_what_another_thread_fetched_is_seen(world: World) -> None:
    assert world.trust.trust_list(at=NOON).version == 1
    other = TrustStore(open_database(world.path), world.authority.root.public)
    other.accept_trust_list(world.authority.trust_list(NOON + timedelta(seconds=1), version=2), at=NOON)
    other.accept_status_list(world.authority.status_list(4, version=2), 0, at=NOON)
    assert world.trust.trust_list(at=NOON).version == 2
    held = world.trust.status_list(0, at=NOON)
    assert held is not None and held.status(4)


def test_an_older_file_put_back_in_place_of_a_newer_one_is_noticed(world: World) -> None:
    old = world.db.execute("SELECT raw FROM status_lists").fetchone()[0]
    world.trust.accept_status_list(world.authority.status_list(version=8), 0, at=NOON)
    world.db.execute("UPDATE status_lists SET raw = ?", (old,))
    fresh = TrustStore(open_database(world.path), world.authority.root.public)
    assert refusal(fresh.status_list, 0, at=NOON) is Reason.LIST_ROLLED_BACK


def test_secrets_die_at_their_hour_and_leave_no_bytes_behind(world: World) -> None:
    secret = b"an epoch secret of thirty-two by"
    dies = NOON + timedelta(hours=13)
    world.trust.keep_secrets([EpochSecret(20_000, secret, dies)])
    assert world.trust.secret(20_000, at=dies - timedelta(seconds=1)) == secret
    assert refusal(world.trust.secret, 20_000, at=dies) is Reason.TEMPLATE_UNAVAILABLE
    assert refusal(world.trust.secret, 20_001, at=NOON) is Reason.TEMPLATE_UNAVAILABLE
    assert world.trust.destroy_expired(at=dies - timedelta(seconds=1)) == 0
    assert world.trust.destroy_expired(at=dies) == 1
    assert world.trust.epochs() == {}
    for path in world.path.parent.iterdir():
        assert secret not in path.read_bytes(), path.name


def test_the_file_is_private(world: World) -> None:
    assert world.path.stat().st_mode & 0o077 == 0


def test_a_damaged_list_is_mended_by_the_next_one(world: World) -> None:
    world.db.execute("UPDATE status_lists SET raw = x'00'")
    fresh = TrustStore(open_database(world.path), world.authority.root.public)
    assert refusal(fresh.status_list, 0, at=NOON) is Reason.MALFORMED_COSE
    fresh.accept_status_list(world.authority.status_list(version=2), 0, at=NOON)
    held = fresh.status_list(0, at=NOON)
    assert held is not None and held.version == 2


def test_a_reader_in_the_way_only_delays_the_emptying_of_the_log(world: World) -> None:
    secret = b"an epoch secret of thirty-two by"
    world.trust.keep_secrets([EpochSecret(20_000, secret, NOON)])
    reader = open_database(world.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM epoch_secrets").fetchall()
    assert world.trust.destroy_expired(at=NOON) == 1
    assert not world.trust.wipe()
    reader.execute("ROLLBACK")
    assert world.trust.destroy_expired(at=NOON) == 0
    assert world.trust.wipe()
    assert not any(secret in path.read_bytes() for path in world.path.parent.iterdir())


def test_a_new_process_empties_what_a_dead_one_left_in_the_log(world: World) -> None:
    secret = b"an epoch secret of thirty-two by"
    world.trust.keep_secrets([EpochSecret(20_000, secret, NOON)])
    world.db.execute("DELETE FROM epoch_secrets")  # and then the process died
    again = TrustStore(open_database(world.path), world.authority.root.public)
    assert again.destroy_expired(at=NOON) == 0 and again.wipe()
    assert not any(secret in path.read_bytes() for path in world.path.parent.iterdir())
