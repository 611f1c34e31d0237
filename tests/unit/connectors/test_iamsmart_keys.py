"""The content key: fetched once for all who wait, renewed when the provider says so, put away before it ends."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault
from connectors.iamsmart.content_keys import PATIENCE, ContentKey, ContentKeys
from connectors.mock_idps.faults import Fault, Setting
from tests.support.iamsmart_world import CLIENT, IamSmartWorld, iamsmart_world

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
GET_KEY = "/security/getKey"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


class Source:
    """Counts fetches; `hold` keeps them waiting, `error` makes them fail."""

    def __init__(self) -> None:
        self.count = 0
        self.hold = threading.Event()
        self.hold.set()
        self.entered = threading.Event()
        self.error: ConnectorError | None = None

    def __call__(self, at: datetime) -> ContentKey:
        self.count += 1
        self.entered.set()
        assert self.hold.wait(10)
        if self.error is not None:
            raise self.error
        return ContentKey(self.count.to_bytes(32, "big"), at + timedelta(days=1))


def test_it_is_kept_until_it_ends() -> None:
    source = Source()
    keys = ContentKeys(source)
    first = keys.current(NOW)
    assert keys.current(NOW + timedelta(hours=23, minutes=59)) is first
    assert keys.current(NOW + timedelta(days=1)) is not first
    assert source.count == 2


def test_many_threads_fetch_once() -> None:
    source = Source()
    keys = ContentKeys(source)
    source.hold.clear()
    with ThreadPoolExecutor(32) as pool:
        waiting = [pool.submit(keys.current, NOW) for _ in range(32)]
        assert source.entered.wait(10)
        source.hold.set()
        assert len({future.result().key for future in waiting}) == 1
    assert source.count == 1


def test_many_threads_renew_once() -> None:
    source = Source()
    keys = ContentKeys(source)
    stale = keys.current(NOW)
    with ThreadPoolExecutor(32) as pool:
        renewed = list(pool.map(lambda _: keys.renewed(stale, NOW), range(64)))
    assert {key.key for key in renewed} == {(2).to_bytes(32, "big")}
    assert source.count == 2
    assert [key.key[-1] for key in keys.live(NOW)] == [2, 1]


def test_a_failure_reaches_all_who_wait_and_the_next_asks_again() -> None:
    source = Source()
    source.error = ConnectorError("iamsmart", ProviderFault.UNREACHABLE, "down", code="X")
    keys = ContentKeys(source)
    source.hold.clear()
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(keys.current, NOW) for _ in range(8)]
        assert source.entered.wait(10)
        source.hold.set()
        errors = [future.exception() for future in waiting]
    assert all(isinstance(error, ConnectorError) and error.code == "X" for error in errors)
    assert len({id(error) for error in errors}) == 8  # each thread has an exception of its own
    source.error = None
    assert keys.current(NOW)


def test_callbacks_bring_about_a_fetch_now_and_then_only() -> None:
    source = Source()
    keys = ContentKeys(source)
    for _ in range(50):
        keys.ask_again(NOW)
    assert source.count == 1
    keys.ask_again(NOW + PATIENCE)
    assert source.count == 2
    keys.ask_again(NOW)  # a clock that was set back does not lock everybody out
    assert source.count == 3


def test_an_expired_key_is_replaced_without_a_restart(world: IamSmartWorld) -> None:
    world.login()
    world.switch.set(Setting(Fault.EXPIRED_KEY, times=1))
    assert world.login().claims
    assert world.wire.count(GET_KEY) == 2


def test_a_rotated_key_is_replaced_without_a_restart(world: IamSmartWorld) -> None:
    world.login()
    world.provider.keys.rotate(CLIENT)  # the provider cannot open what the old one sealed: M30003
    assert world.login().claims
    assert world.wire.count(GET_KEY) == 2


def test_a_revoked_key_is_replaced_without_a_restart(world: IamSmartWorld) -> None:
    world.login()
    world.provider.keys.revoke(CLIENT)
    assert world.login().claims


def test_a_key_lives_a_day(world: IamSmartWorld) -> None:
    world.login()
    world.clock.forward(hours=24, seconds=-1)
    assert world.login().claims
    assert world.wire.count(GET_KEY) == 1
    world.clock.forward(seconds=1)
    assert world.login().claims
    assert world.wire.count(GET_KEY) == 2
    assert world.wire.count("/auth/getToken") == 3  # no request was sent in vain


def test_rotation_in_the_middle_of_many_logins_loses_none(world: IamSmartWorld) -> None:
    people = ["iamsmart-chan", "iamsmart-wong", "iamsmart-dsouza"] * 8
    answers = [world.answer(world.connector.begin(world.start()).url, person) for person in people]
    done = 0
    lock = threading.Lock()

    def finish(answer: dict[str, str]) -> str | None:
        nonlocal done
        with lock:
            done += 1
            if done in (6, 12, 18):
                world.provider.keys.rotate(CLIENT)
        claims = world.finish(answer).claims
        return claims.document_number if claims else None

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(finish, answers))
    assert numbers == ["QX9001236", "QX9004561", "QX9007897"] * 8


def _key_answer(world: IamSmartWorld, **change: object) -> None:
    def answer(response: httpx.Response) -> httpx.Response:
        members = json.loads(response.read())
        members["content"] |= change
        return httpx.Response(200, json=members)

    world.wire.answers[GET_KEY] = answer


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"secretKey": "AAAA"}, ProviderFault.MISCONFIGURED),
        ({"secretKey": None}, ProviderFault.MISCONFIGURED),
        ({"secretKey": 7}, ProviderFault.MISCONFIGURED),
        ({"issueAt": "yesterday"}, ProviderFault.GARBLED),
        ({"issueAt": -1}, ProviderFault.GARBLED),
        ({"issueAt": 10**30}, ProviderFault.GARBLED),
        ({"expiresIn": 0}, ProviderFault.GARBLED),
        ({"expiresIn": True}, ProviderFault.GARBLED),
        ({"expiresIn": None}, ProviderFault.GARBLED),
    ],
)
def test_an_unusable_key_answer(world: IamSmartWorld, change: dict[str, object], fault: ProviderFault) -> None:
    _key_answer(world, **change)
    with pytest.raises(ConnectorError) as failed:
        world.login()
    assert failed.value.fault is fault


@pytest.mark.parametrize("ahead", [-280, 280])
def test_clocks_a_few_minutes_apart_do_no_harm(world: IamSmartWorld, ahead: int) -> None:
    answer = world.answer(world.connector.begin(world.start()).url)
    at = world.clock.at + timedelta(seconds=ahead)
    grant = world.connector.finish(answer, memory=b"", redirect_uri="", at=at)
    assert grant.auth_time <= at
    assert grant.tokens is not None and grant.tokens.expires_at is not None
    assert grant.tokens.expires_at <= at + timedelta(hours=10)


def test_the_provider_counts_time_as_text_too(world: IamSmartWorld) -> None:
    _key_answer(world, issueAt=str(int(world.clock.seconds() * 1000)), expiresIn="86400000")
    assert world.login().claims


def test_pkcs1_and_oaep_and_signatures_by_setting(tmp_path: Path) -> None:
    for wrap in ("pkcs1v15", "oaep-sha1", "oaep-sha256"):
        for body, encoded in ((True, True), (False, True), (True, False), (False, False)):
            options = {
                "key_wrap": wrap,
                "signature_covers_body": "yes" if body else "no",
                "signature_url_encoded": "yes" if encoded else "no",
            }
            change = {"key_wrap": wrap, "signature_covers_body": body, "signature_url_encoded": encoded}
            with iamsmart_world(tmp_path, options=options, **change) as world:
                assert world.login().claims


def test_sides_that_disagree_on_the_padding_do_not_understand_each_other(tmp_path: Path) -> None:
    with iamsmart_world(tmp_path, options={"key_wrap": "oaep-sha1"}) as world, pytest.raises(ConnectorError) as failed:
        world.login()
    # With PKCS#1 v1.5 the library may return random bytes instead of an error; the seal then finds out.
    assert failed.value.fault is ProviderFault.MISCONFIGURED
