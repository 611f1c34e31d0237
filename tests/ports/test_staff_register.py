"""The register of staff: one suite over the fake and PostgreSQL."""

import os
from datetime import timedelta

import pytest

from broker.core.denial import InvalidInput
from broker.core.staff import Role, jwk_of, new_staff, private_jwk_of, staff_key, staff_signer
from broker.flows.add_staff import add_staff
from broker.flows.suspend_staff import suspend_staff
from broker.wire.keys import LocalSigner
from broker.wire.registry import Alg, KeyUse
from tests.support.broker_world import NOON, World
from tests.support.staff import enter

LATER = timedelta(minutes=1)


def test_an_id_and_a_key_are_one_person(world: World) -> None:
    with world.begin() as work:
        member, signer = enter(work, Role.OPERATOR, Role.AUDITOR, at=world.at, alg=Alg.ES256)
    for staff_id, key in ((member.staff_id, LocalSigner.generate(KeyUse.STAFF).public), ("another", signer.public)):
        twin = new_staff(staff_id, "Twin", ["operator"], key, world.at)
        with pytest.raises(InvalidInput, match="staff_taken"), world.begin() as work:
            add_staff(work, twin, at=world.at, entropy=os.urandom)
    with world.begin() as work:
        assert work.staff.find(member.staff_id) == member
        assert member in work.staff.all()
        assert work.staff.find("another") is None


def test_each_secret_is_used_once_in_its_time(world: World) -> None:
    with world.begin() as work:
        member, _ = enter(work, Role.OPERATOR, at=world.at)
        register, until = work.staff, world.at + LATER
        register.keep_challenge(b"c", member.staff_id, until=until, at=world.at)
        assert register.take_challenge(b"c", "another", world.at) is None
        assert register.take_challenge(b"c", member.staff_id, world.at) == until
        assert register.take_challenge(b"c", member.staff_id, world.at) is None
        register.keep_challenge(b"d", member.staff_id, until=until, at=world.at)
        assert register.take_challenge(b"d", member.staff_id, until) is None
        for digest, moment, found in ((b"l", until, None), (b"m", world.at, member)):
            register.keep_link(digest, member.staff_id, until=until)
            assert register.take_link(digest, moment) == found
            assert register.take_link(digest, world.at) is None


def test_nothing_of_a_suspended_member_opens(world: World) -> None:
    with world.begin() as work:
        member, _ = enter(work, Role.OPERATOR, at=world.at)
        until = world.at + LATER
        work.staff.open_session(b"s", member.staff_id, until=until, at=world.at)
        work.staff.keep_link(b"l", member.staff_id, until=until)
        assert work.staff.session(b"s", world.at) == member
        assert suspend_staff(work, staff_id=member.staff_id, at=world.at, entropy=os.urandom)
        assert not suspend_staff(work, staff_id=member.staff_id, at=world.at, entropy=os.urandom)
        # Neither what there was nor what a race would leave behind.
        work.staff.open_session(b"t", member.staff_id, until=until, at=world.at)
        work.staff.keep_link(b"m", member.staff_id, until=until)
        assert [work.staff.session(digest, world.at) for digest in (b"s", b"t")] == [None, None]
        assert [work.staff.linked(digest, world.at) for digest in (b"l", b"m")] == [None, None]
        assert work.staff.take_link(b"m", world.at) is None
        assert work.staff.end_session(b"s") is None


@pytest.mark.parametrize("alg", [Alg.EDDSA, Alg.ES256])
def test_keys_are_read_in_one_form(alg: Alg) -> None:
    signer = LocalSigner.generate(KeyUse.STAFF, alg)
    jwk = jwk_of(signer.public)
    assert staff_key(jwk) == signer.public
    assert staff_signer(private_jwk_of(signer)).private_bytes() == signer.private_bytes()
    other = private_jwk_of(LocalSigner.generate(KeyUse.STAFF, alg))
    for wrong in (
        {**jwk, "d": other["d"]},
        {**jwk, "x": jwk["x"] + "="},
        {**jwk, "x": jwk["x"][:-2]},
        {**jwk, "crv": "P-384"},
        {**jwk, "x": 7},
        {},
    ):
        with pytest.raises(InvalidInput):
            staff_key(wrong)
    with pytest.raises(InvalidInput):
        staff_signer({**jwk, "d": other["d"]})
    if alg is Alg.ES256:
        with pytest.raises(InvalidInput):
            staff_key({**jwk, "y": other["y"]})


@pytest.mark.parametrize(
    ("staff_id", "name", "roles"),
    [
        ("Op-1", "A", ["operator"]),
        ("o", "A", ["operator"]),
        ("op", " ", ["operator"]),
        ("op", "A", []),
        ("op", "A", ["root"]),
    ],
)
def test_who_is_no_member(staff_id: str, name: str, roles: list[str]) -> None:
    with pytest.raises(InvalidInput):
        new_staff(staff_id, name, roles, LocalSigner.generate(KeyUse.STAFF).public, NOON)
