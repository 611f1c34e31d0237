"""What CTID answers is believed only when it is signed, fresh and its own; keys, clocks and callbacks."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault, Redirection
from connectors.ctid import package
from connectors.mock_idps.ctid.keys import CLIENT_ENCRYPT, CLIENT_SIGN, Pair
from connectors.mock_idps.faults import Fault
from connectors.sm import signed_data
from connectors.sm.errors import DecodeError
from tests.support.ctid_world import CALLBACK, LI, NOW, OUYANG, WANG, CtidWorld, portrait


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault.WRONG_SIGNATURE, ProviderFault.UNTRUSTED),
        (Fault.EXPIRED_KEY, ProviderFault.UNTRUSTED),
        (Fault.DOWN, ProviderFault.UNREACHABLE),
        (Fault.GARBAGE, ProviderFault.GARBLED),
        (Fault.CANCELLED, ProviderFault.CANCELLED),
        (Fault.FROZEN, ProviderFault.FROZEN),
    ],
)
def test_every_fault_has_its_outcome(ctid: CtidWorld, fault: Fault, expected: ProviderFault) -> None:
    paths = ("/app",) if fault is Fault.CANCELLED else ("/ctid/api",)
    ctid.fault(fault, paths=paths)
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is expected
    ctid.fault(Fault.NONE)
    assert ctid.login(WANG).claims is not None


@pytest.mark.parametrize(("path", "good"), [("/ctid/api/v1/request", True), ("/ctid/api/v1/authentication", False)])
def test_an_application_is_tried_again_and_an_authentication_is_not(ctid: CtidWorld, path: str, good: bool) -> None:
    ctid.fault(Fault.DOWN, paths=(path,), times=1)
    if good:
        assert ctid.login(WANG).subject
        return
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNREACHABLE


@pytest.mark.parametrize("path", ["/ctid/api/v1/request", "/ctid/api/v1/authentication"])
def test_both_answers_must_be_signed(ctid: CtidWorld, path: str) -> None:
    ctid.fault(Fault.WRONG_SIGNATURE, paths=(path,))
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNTRUSTED


def _changed(old: bytes, new: bytes) -> object:
    def change(response: httpx.Response) -> httpx.Response:
        body = response.read()
        assert old in body
        return httpx.Response(200, content=body.replace(old, new))

    return change


@pytest.mark.parametrize(("old", "new"), [(b'"success":true', b'"success": true'), (b"X00X", b"0000")])
def test_an_altered_answer_is_untrusted(ctid: CtidWorld, old: bytes, new: bytes) -> None:
    ctid.spoiler.answers["/ctid/api/v1/authentication"] = _changed(old, new)  # type: ignore[assignment]
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNTRUSTED


def test_an_old_answer_to_another_application_is_untrusted(ctid: CtidWorld) -> None:
    kept: list[bytes] = []

    def keep(response: httpx.Response) -> httpx.Response:
        kept.append(response.read())
        return httpx.Response(200, content=kept[0])

    ctid.spoiler.answers["/ctid/api/v1/authentication"] = keep
    assert ctid.login(WANG).subject
    with pytest.raises(ConnectorError) as refused:
        ctid.login(LI)
    assert refused.value.fault is ProviderFault.UNTRUSTED


@pytest.mark.parametrize("minutes", [-10, -2.5, 2.5, 10])
def test_clocks_that_differ_too_much_are_told(ctid: CtidWorld, minutes: float) -> None:
    ctid.lag = timedelta(minutes=minutes)
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    expected = ProviderFault.MISCONFIGURED if abs(minutes) > 5 else ProviderFault.UNTRUSTED
    # A clock ahead of ours by less than two exchanges is no skew at all.
    assert refused.value.fault is expected


@pytest.mark.parametrize("seconds", [-100, 100])
def test_clocks_that_differ_a_little_do_not_matter(ctid: CtidWorld, seconds: float) -> None:
    ctid.lag = timedelta(seconds=seconds)
    assert ctid.login(WANG).claims is not None


def test_a_clock_that_answers_have_shown_is_reckoned_with(ctid: CtidWorld) -> None:
    """Beyond the skew of the settings, but every answer says what time it is there."""

    def dated(response: httpx.Response) -> httpx.Response:
        date = format_datetime(ctid.clock.at, usegmt=True)
        return httpx.Response(response.status_code, headers={"Date": date}, content=response.read())

    ctid.lag = timedelta(minutes=4)
    ctid.rebuild(behind=ctid.lag)
    paths = ("/ctid/api/v1/request", "/ctid/api/v1/authentication")
    ctid.spoiler.answers = dict.fromkeys(paths, dated)
    assert ctid.login(WANG).claims is not None
    ctid.spoiler.answers = {}
    stamps = [package.read_stamp(package.read(sent.content).fields["timeStamp"]) for sent in ctid.spoiler.asked[-2:]]
    assert [stamp - ctid.at for stamp in stamps][1] == ctid.lag


@pytest.mark.parametrize(
    "change",
    [
        {"authResult": "X01X"},
        {"authResult": "00XX"},
        {"authResult": None},
        {"pid": None},
        {"pid": ""},
        {"pid": "x" * 256},
        {"success": "true"},
        {"customNumber": "somebody"},
        {"bizSeq": "0" * 32},
        {"businessSerialNumber": "0"},
        {"timeStamp": "20261121155000000"},
        {"timeStamp": None},
        {"authResultRetainData": "AAAA"},
        {"authResultRetainData": 5},
    ],
)
def test_a_signed_answer_must_say_the_right_thing(ctid: CtidWorld, change: dict[str, object]) -> None:
    pair, honest = ctid.world.keys.platform, ctid.world.answer

    def answer(fields: Mapping[str, object], path: str) -> bytes:
        said = dict(fields) | (change if path.endswith("authentication") else {})
        return package.write(said, lambda raw: signed_data.sign(raw, key=pair.key, certificate=pair.certificate))

    ctid.world.answer = answer  # type: ignore[method-assign]
    with pytest.raises(ConnectorError):
        ctid.login(WANG)
    ctid.world.answer = honest  # type: ignore[method-assign]
    assert ctid.login(WANG).claims is not None


def test_a_rotated_key_needs_no_restart(ctid: CtidWorld) -> None:
    before = ctid.login(WANG).subject
    ctid.world.keys.rotate(at=NOW)
    assert ctid.login(WANG).subject == before


def test_a_new_key_that_is_not_in_the_file_is_untrusted(ctid: CtidWorld) -> None:
    trusted = ctid.keys / "platform-certificates.pem"
    known = trusted.read_bytes()
    ctid.world.keys.rotate(at=NOW)
    trusted.write_bytes(known)
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNTRUSTED


def test_our_own_new_keys_need_no_restart(ctid: CtidWorld) -> None:
    before = ctid.login(WANG).subject
    sign, encrypt = (Pair.make("our new key", at=NOW, until=NOW + timedelta(days=9)) for _ in range(2))
    sign.write(ctid.keys, CLIENT_SIGN)
    encrypt.write(ctid.keys, CLIENT_ENCRYPT)
    ctid.world.keys.client_sign, ctid.world.keys.client_encrypt = sign.certificate, encrypt.certificate
    grant = ctid.login(WANG)
    assert grant.subject == before
    assert grant.claims is not None


def test_keys_that_are_half_written_are_read_when_they_are_whole(ctid: CtidWorld) -> None:
    new = Pair.make("our new key", at=NOW, until=NOW + timedelta(days=9))
    (ctid.keys / f"{CLIENT_SIGN}.key").write_bytes(new.key.pem())
    assert ctid.login(WANG).subject
    new.write(ctid.keys, CLIENT_SIGN)
    ctid.world.keys.client_sign = new.certificate
    assert ctid.login(WANG).subject


def test_a_certificate_of_another_key_is_refused_at_start(ctid: CtidWorld) -> None:
    other = (ctid.keys / "client-encrypt.pem").read_bytes()
    (ctid.keys / "client-sign.pem").write_bytes(other)
    with pytest.raises(DecodeError, match="not the certificate of"):
        ctid.rebuild()


def test_keys_that_became_unreadable_leave_the_old_ones(ctid: CtidWorld) -> None:
    (ctid.keys / "client-sign.key").write_bytes(b"half a file")
    ctid.connector.service.caller.keys.read_again()
    assert ctid.login(WANG).subject


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"resultCode": "C0000000"},
        {"resultCode": "C0000000", "resultData": "[]"},
        {"resultCode": "C0000000", "resultData": "{"},
        {"resultCode": "C0000000", "resultData": "[" * 20_000},
        {"resultCode": "C0000000", "resultData": json.dumps({"idCardAuthData": "###", "verifyData": "AAAA"})},
        {"resultCode": "C0000000", "resultData": json.dumps({"idCardAuthData": "AAAA"})},
        {"resultCode": "C0000000", "resultData": json.dumps({"idCardAuthData": 5, "verifyData": None})},
        {"resultCode": "nonsense\r\nin two lines"},
        {"error": "access_denied"},
    ],
)
def test_a_hostile_callback_is_an_error_and_nothing_else(ctid: CtidWorld, answer: dict[str, str]) -> None:
    begun = ctid.begin()
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, {"state": "the-state", **answer})
    assert refused.value.fault in (ProviderFault.GARBLED, ProviderFault.REFUSED)
    assert "\n" not in str(refused.value)
    assert not any(request.url.path.startswith("/ctid/") for request in ctid.spoiler.asked)


@pytest.mark.parametrize("memory", [b"", b"{}", b"[]", b'{"nonce": "n"}', b'{"bizSeq": "a", "begun": "b"}'])
def test_a_memory_of_another_version_ends_the_login(ctid: CtidWorld, memory: bytes) -> None:
    begun = ctid.begin()
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(Redirection(begun.url, memory), ctid.answer(begun))
    assert refused.value.fault is ProviderFault.TIMED_OUT


def test_parallel_logins_lose_none_and_cross_none(ctid: CtidWorld) -> None:
    plan = [WANG, LI, OUYANG] * 8
    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(ctid.login, plan))
    numbers = {person: str(ctid.world.register.people[person].record["gMSFZHM"]) for person in plan}
    for person, grant in zip(plan, grants, strict=True):
        assert grant.claims is not None
        assert grant.claims.document_number == numbers[person]
        assert grant.portrait == portrait(person)
    assert len({grant.subject for grant in grants}) == 3


def test_callbacks_are_the_one_listed(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    browser = httpx.Client(transport=ctid.spoiler)
    assert browser.get(begun.url.replace("broker.test", "elsewhere.test")).status_code == 400
    assert browser.get(begun.url + f"&redirectURI={CALLBACK}").status_code == 400
