"""A login by the app: what a grant says, and what is refused."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from broker.wire.identity_connector import ConnectorError, ProviderFault, Redirection
from broker.wire.identity_grant import Assurance, DocumentType
from connectors.ctid import package
from connectors.ctid.modes import AuthMode
from connectors.mock_idps.ctid.keys import CLIENT_ENCRYPT, CLIENT_SIGN, Pair
from connectors.mock_idps.faults import Fault
from connectors.sm import signed_data
from connectors.sm.errors import DecodeError
from tests.support.ctid_world import CALLBACK, LI, NOW, OUYANG, PLATFORM, WANG, CtidWorld, portrait


def test_the_app_is_asked_in_the_dialects_words(ctid: CtidWorld) -> None:
    begun = ctid.begin("zh-Hant")
    query = parse_qs(urlsplit(begun.url).query)
    assert set(query) == {"orgID", "appID", "bizSeq", "type", "redirectURI", "state", "lang"}
    assert (query["orgID"], query["appID"], query["type"]) == (["10000001"], ["0001"], ["0"])
    assert len(query["bizSeq"][0]) == 32
    assert ctid.connector.origin == PLATFORM
    assert ctid.connector.state_of(ctid.answer(begun)) == "the-state"


def test_plaintext_identity_and_photograph_come_with_separate_consent(ctid: CtidWorld) -> None:
    grant = ctid.login(WANG)
    assert grant.claims is not None
    assert grant.claims.native_name == "王示例"
    assert (grant.claims.document_type, grant.claims.document_number) == (
        DocumentType.PRC_RESIDENT_ID,
        "990001198504123015",
    )
    assert (grant.claims.birth_date, grant.claims.document_expires) == (date(1985, 4, 12), date(2040, 1, 1))
    assert grant.portrait == portrait(WANG)
    assert grant.scopes == {"result", "sFXX", "zP"}
    assert grant.acr is Assurance.HIGH
    assert (grant.provider_acr, grant.amr) == ("R03", ("swk", "face"))
    assert (grant.issuer, grant.auth_time) == (PLATFORM, NOW)
    assert grant.tokens is None


def test_a_card_without_end_says_so(ctid: CtidWorld) -> None:
    grant = ctid.login(OUYANG)
    assert grant.claims is not None
    assert grant.claims.document_expires is None


@pytest.mark.parametrize(("last_day", "good"), [("20261120", False), ("20261121", True)])
def test_we_look_at_the_last_day_ourselves(ctid: CtidWorld, last_day: str, good: bool) -> None:
    """Whatever the platform thinks of the card; the last day counts."""
    register = ctid.world.register
    register.check_card = lambda person: None  # type: ignore[method-assign]
    person = register.people[WANG]
    register.people = {WANG: replace(person, record={**person.record, "yXQJZRQ": last_day})}
    if good:
        assert ctid.login(WANG).claims is not None
        return
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert (refused.value.fault, refused.value.code) == (ProviderFault.EXPIRED_CREDENTIAL, None)


def test_without_separate_consent_there_is_a_result_and_nothing_more(ctid: CtidWorld) -> None:
    said: list[Mapping[str, object]] = []

    def keep(response: httpx.Response) -> httpx.Response:
        said.append(package.read(response.read()).fields)
        return response

    ctid.spoiler.answers["/ctid/api/v1/authentication"] = keep
    grant = ctid.login(WANG, share=[])
    assert "authResultRetainData" not in said[0]
    assert (grant.claims, grant.verification, grant.portrait) == (None, None, None)
    assert grant.scopes == {"result"}
    assert grant.subject == ctid.login(WANG).subject
    sent = b"".join(request.content for request in ctid.spoiler.asked)
    assert "王示例".encode() not in sent


def test_name_and_photograph_are_agreed_to_one_by_one(ctid: CtidWorld) -> None:
    name_only, photo_only = ctid.login(WANG, share=["sFXX"]), ctid.login(WANG, share=["zP"])
    assert name_only.claims is not None
    assert (name_only.portrait, name_only.scopes) == (None, {"result", "sFXX"})
    # A photograph of nobody is not kept.
    assert (photo_only.claims, photo_only.portrait, photo_only.scopes) == (None, None, {"result"})


def test_the_pid_is_of_the_person_and_the_organisation(ctid: CtidWorld) -> None:
    assert ctid.login(WANG).subject == ctid.login(WANG).subject != ctid.login(LI).subject
    person = ctid.world.register.people[WANG]
    before = ctid.world.pid(person)
    ctid.world.org_id = "10000002"
    assert ctid.world.pid(person) != before


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (AuthMode.APP_PASSWORD, (Assurance.SUBSTANTIAL, ("swk", "pin"))),
        (AuthMode.APP_FACE, (Assurance.HIGH, ("swk", "face"))),
        (AuthMode.APP_PASSWORD_FACE, (Assurance.HIGH, ("swk", "pin", "face"))),
    ],
)
def test_the_mode_decides_the_assurance(
    ctid: CtidWorld, mode: AuthMode, expected: tuple[Assurance, tuple[str, ...]]
) -> None:
    ctid.rebuild(mode=mode.value)
    grant = ctid.login(WANG)
    assert (grant.acr, grant.amr, grant.provider_acr) == (*expected, mode.value)


@pytest.mark.parametrize("mode", ["R01", "0x40", "0x42", "0x10", "R05"])
def test_a_mode_that_carries_no_login_is_refused_in_the_settings(ctid: CtidWorld, mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        ctid.rebuild(mode=mode)


def test_the_evidence_hash_is_of_the_signed_answer(ctid: CtidWorld) -> None:
    one, two = ctid.login(WANG), ctid.login(WANG)
    assert one.evidence_hash != two.evidence_hash


def test_the_grant_shows_nothing_of_the_person(ctid: CtidWorld) -> None:
    grant = ctid.login(WANG)
    assert grant.subject not in repr(grant)
    assert "王示例" not in repr(grant)
    assert "990001198504123015" not in repr(grant)


def test_data_of_another_login_is_refused(ctid: CtidWorld) -> None:
    mine, theirs = ctid.begin(), ctid.begin()
    ctid.answer(mine, WANG)
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(mine, ctid.answer(theirs, LI))
    assert (refused.value.fault, refused.value.code) == (ProviderFault.UNTRUSTED, "0x00A1FF06")


def test_a_callback_counts_once(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    answer = ctid.answer(begun)
    assert ctid.finish(begun, answer).subject
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert refused.value.code == "0x00A1FF06"


def test_a_replayed_callback_reaches_nobody_elses_account(ctid: CtidWorld) -> None:
    ctid.login(LI)
    ctid.fault(Fault.REPLAYED_CALLBACK)
    with pytest.raises(ConnectorError) as refused:
        ctid.login(WANG)
    assert refused.value.fault is ProviderFault.UNTRUSTED


def test_a_login_that_began_long_ago_has_timed_out(ctid: CtidWorld) -> None:
    begun = ctid.begin()
    answer = ctid.answer(begun)
    ctid.clock.forward(minutes=16)
    with pytest.raises(ConnectorError) as refused:
        ctid.finish(begun, answer)
    assert refused.value.fault is ProviderFault.TIMED_OUT


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
