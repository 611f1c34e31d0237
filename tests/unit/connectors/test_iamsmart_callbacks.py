"""Server callbacks: only the provider's, only about what this service began, and the same again says the same."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.wire.approval_connector import FilledForm, FormNotice, ProviderNotice
from broker.wire.identity_connector import ConnectorError, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.iamsmart.business_id import LIFETIME, BusinessIds, Kind
from connectors.iamsmart.content_key import KeyWrap, wrap
from connectors.iamsmart.content_keys import PATIENCE
from connectors.iamsmart.envelope import open_envelope, seal_json
from connectors.iamsmart.mailbox import MemoryMailbox
from connectors.mock_idps.faults import Fault, Setting
from connectors.mock_idps.iamsmart.service import read_public_key
from tests.support.iamsmart_world import (
    APPROVALS,
    CLIENT,
    SECRET,
    SERVICE_CERTIFICATE,
    IamSmartWorld,
    iamsmart_keys,
    iamsmart_world,
)  # fmt: skip

GET_KEY = "/security/getKey"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


@pytest.fixture
def tokens(world: IamSmartWorld) -> UpstreamTokens:
    found = world.login().tokens
    assert found is not None
    return found


def begin(world: IamSmartWorld, tokens: UpstreamTokens) -> Redirection:
    start = world.start(redirect_uri=APPROVALS)
    return world.connector.begin_form_fill(start, fields=("gender",), form=FormNotice("F", "1", "d"), tokens=tokens)


def called_back(world: IamSmartWorld, tokens: UpstreamTokens) -> bytes:
    world.answer(begin(world, tokens).url)
    return world.callbacks.pop()


def receive(world: IamSmartWorld, body: bytes) -> ProviderNotice:
    return world.connector.receive({"content-type": "application/json"}, body, at=world.clock.at)


def fault_of(world: IamSmartWorld, body: bytes) -> ProviderFault:
    with pytest.raises(ConnectorError) as failed:
        receive(world, body)
    return failed.value.fault


def forged(world: IamSmartWorld, content: dict[str, Any], *, key: bytes, **members: Any) -> bytes:
    """A callback that anybody who knows our certificate can make."""
    sealed = seal_json(key, content, iv=os.urandom(12))
    return json.dumps({"txID": "t", "code": "D00000", "message": "SUCCESS", "content": sealed, **members}).encode()


def test_a_callback_becomes_a_notice(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = begin(world, tokens)
    world.answer(begun.url)
    notice = receive(world, world.callbacks.pop())
    assert (notice.kind, notice.state) == ("form_fill", "the-state")
    assert notice.business_id == json.loads(begun.memory)["businessID"]
    assert isinstance(notice.outcome, FilledForm)
    assert notice.outcome.fields == {"gender": "M"}
    assert world.wire.count(GET_KEY) == 1


def test_notice_and_pickup_say_the_same(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = begin(world, tokens)
    answer = world.answer(begun.url)
    notice = receive(world, world.callbacks.pop())
    assert world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at) == notice.outcome


def test_a_replay_gives_the_same_notice_and_fills_no_form_twice(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    world.switch.set(Setting(Fault.REPLAYED_CALLBACK))
    begun = begin(world, tokens)
    answer = world.answer(begun.url)
    first, second = world.callbacks
    assert first == second
    assert receive(world, first) == receive(world, second)
    assert world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    receive(world, second)
    with pytest.raises(ConnectorError) as again:
        world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert again.value.fault is ProviderFault.UNREACHABLE


def test_an_old_callback_is_refused(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    body = called_back(world, tokens)
    world.clock.forward(seconds=LIFETIME.total_seconds())
    assert fault_of(world, body) is ProviderFault.UNTRUSTED


def test_a_callback_sealed_with_another_key(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    world.switch.set(Setting(Fault.WRONG_SIGNATURE, paths=("/callback",)))
    assert fault_of(world, called_back(world, tokens)) is ProviderFault.UNTRUSTED


def test_a_key_that_anybody_could_have_wrapped_proves_nothing(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    """Our certificate is public: the forger makes a key, wraps it to us, and seals a result for a real businessID."""
    business_id = json.loads(begin(world, tokens).memory)["businessID"]
    key = os.urandom(32)
    wrapped = wrap(key, read_public_key(iamsmart_keys() / SERVICE_CERTIFICATE), KeyWrap.PKCS1V15)
    content = {"businessID": business_id, "state": "the-state", "gender": "F"}
    body = forged(world, content, key=key, secretKey=wrapped)
    for _ in range(20):
        assert fault_of(world, body) is ProviderFault.UNTRUSTED
    assert world.wire.count(GET_KEY) == 2  # asked the provider once, not once for every forgery


@pytest.mark.parametrize("wrapped", ["", "AAAA", "not base64", "A" * 5000])
def test_a_secret_key_that_does_not_open(world: IamSmartWorld, tokens: UpstreamTokens, wrapped: str) -> None:
    members = json.loads(called_back(world, tokens)) | {"secretKey": wrapped}
    if wrapped:
        assert fault_of(world, json.dumps(members).encode()) is ProviderFault.UNTRUSTED
    else:
        assert receive(world, json.dumps(members).encode())


def test_whether_a_key_opened_shows_nowhere(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    """No padding oracle: a key that opens and one that does not are refused alike, after the same question."""
    certificate = read_public_key(iamsmart_keys() / SERVICE_CERTIFICATE)
    members = json.loads(called_back(world, tokens))
    errors = []
    for wrapped in (wrap(os.urandom(32), certificate, KeyWrap.PKCS1V15), "AAAA"):
        before = world.wire.count(GET_KEY)
        with pytest.raises(ConnectorError) as failed:
            receive(world, json.dumps(members | {"secretKey": wrapped}).encode())
        errors.append((str(failed.value), world.wire.count(GET_KEY) - before))
        world.clock.forward(seconds=PATIENCE.total_seconds())
    assert errors[0] == errors[1]
    assert errors[0][1] == 1


def test_a_new_key_that_comes_with_a_callback(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = begin(world, tokens)
    world.provider.keys.rotate(CLIENT)
    world.answer(begun.url)
    body = world.callbacks.pop()
    assert "secretKey" in json.loads(body)
    assert isinstance(receive(world, body).outcome, FilledForm)
    assert world.wire.count(GET_KEY) == 2  # believed because the provider itself says so
    assert world.login().claims
    assert world.wire.count(GET_KEY) == 2


def test_a_new_key_that_nobody_mentioned(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = begin(world, tokens)
    world.provider.keys.rotate(CLIENT)
    world.provider.keys.get(CLIENT)  # another worker of ours fetched it, so the provider thinks we know
    world.answer(begun.url)
    body = world.callbacks.pop()
    assert "secretKey" not in json.loads(body)
    assert isinstance(receive(world, body).outcome, FilledForm)


def test_a_callback_from_before_a_rotation(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    body = called_back(world, tokens)
    world.provider.keys.rotate(CLIENT)
    world.login()
    assert isinstance(receive(world, body).outcome, FilledForm)


def test_any_worker_understands_what_another_began(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    body = called_back(world, tokens)
    notice = world.connect_as().receive({}, body, at=world.clock.at)
    assert isinstance(notice.outcome, FilledForm)


def sealed_content(world: IamSmartWorld, body: bytes, change: dict[str, Any]) -> bytes:
    """The same callback with another content, sealed as the provider seals."""
    key = world.provider.keys.get(CLIENT).key
    members = json.loads(body)
    content = json.loads(open_envelope(key, members["content"])) | change
    return json.dumps(members | {"content": seal_json(key, content, iv=os.urandom(12))}).encode()


@pytest.mark.parametrize("business_id", [None, "", 7, "A" * 35, "A" * 36, "é" * 35, "{flipped}"])
def test_a_request_that_nobody_began(world: IamSmartWorld, tokens: UpstreamTokens, business_id: object) -> None:
    body = called_back(world, tokens)
    if business_id == "{flipped}":
        real = json.loads(open_envelope(world.provider.keys.get(CLIENT).key, json.loads(body)["content"]))["businessID"]
        business_id = ("B" if real[20] != "B" else "C").join([real[:20], real[21:]])
    assert fault_of(world, sealed_content(world, body, {"businessID": business_id})) is ProviderFault.UNTRUSTED


def test_a_malformed_result(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    body = called_back(world, tokens)
    assert fault_of(world, sealed_content(world, body, {"gender": ["M"]})) is ProviderFault.GARBLED
    assert receive(world, sealed_content(world, body, {"state": 7})).state is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300))
def test_any_body_at_all_gives_a_connector_error(world: IamSmartWorld, body: bytes) -> None:
    with pytest.raises(ConnectorError):
        receive(world, body)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
def test_any_members_at_all_give_a_connector_error(world: IamSmartWorld, value: object) -> None:
    members = {"txID": "t", "code": "D00000", "message": value, "content": value, "secretKey": value}
    with pytest.raises(ConnectorError):
        receive(world, json.dumps(members).encode())


def test_business_ids(world: IamSmartWorld) -> None:
    ids, at = BusinessIds(SECRET), world.clock.at
    made = ids.new(Kind.FORM_FILL, at=at, entropy=os.urandom, fields=("gender", "idNo"))
    assert len(made) <= 36 and made.isascii()
    begun = ids.begun(made, at=at)
    assert begun is not None
    assert (begun.kind, begun.fields) == (Kind.FORM_FILL, ("idNo", "gender"))
    assert ids.begun(made, at=at + LIFETIME) is None
    assert ids.begun(made, at=at - timedelta(minutes=2)) is None
    assert BusinessIds("another secret").begun(made, at=at) is None
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [made[:-1] + last for last in alphabet if ids.begun(made[:-1] + last, at=at)]
    assert spellings == [made]
    for document in (b"a" * 32, b"b" * 32):
        signed = ids.begun(ids.new(Kind.HASH_SIGNATURE, at=at, entropy=os.urandom, document=document), at=at)
        assert signed is not None
        assert signed.asked_for(document)
        assert not signed.asked_for(b"c" * 32)


def test_the_mailbox_keeps_the_first_and_gives_it_once(world: IamSmartWorld) -> None:
    mailbox, at = MemoryMailbox(), world.clock.at
    assert mailbox.put("a", b"first", until=at + timedelta(minutes=1))
    assert not mailbox.put("a", b"second", until=at + timedelta(minutes=1))
    assert mailbox.take("a", at=at) == b"first"
    assert mailbox.take("a", at=at) is None
    assert not mailbox.put("a", b"third", until=at + timedelta(minutes=1))
    mailbox.put("b", b"late", until=at)
    assert mailbox.take("b", at=at) is None
    for number in range(10_001):
        mailbox.put(f"n{number}", b"x", until=at + timedelta(minutes=1))
    assert mailbox.take("n0", at=at) is None
    assert mailbox.take("n10000", at=at) == b"x"
