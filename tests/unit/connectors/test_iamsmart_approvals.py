"""Requests a person approves: exactly what was asked comes back, for the request it answers, and signatures verify."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from broker.wire.approval_connector import DocumentSignature, DocumentToSign, FormNotice
from broker.wire.identity_connector import ConnectorError, ProviderFault, Redirection
from broker.wire.upstream_tokens import UpstreamTokens
from connectors.iamsmart import cms
from connectors.iamsmart.fields import EME_FIELDS
from connectors.mock_idps.faults import Fault, Setting
from connectors.mock_idps.iamsmart.authority import Authority
from tests.support.iamsmart_world import APPROVALS, IamSmartWorld, iamsmart_world

NOTICE = FormNotice("Parking permit", "TG-1", "One year, one car")
TEXT = b"the document that is signed"
DOCUMENT = DocumentToSign(sha256(TEXT).digest(), "Document", "Service", "Department")
PDF = replace(DOCUMENT, kind="pdf")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[IamSmartWorld]:
    with iamsmart_world(tmp_path) as made:
        yield made


@pytest.fixture
def tokens(world: IamSmartWorld) -> UpstreamTokens:
    found = world.login().tokens
    assert found is not None
    return found


def form(world: IamSmartWorld, tokens: UpstreamTokens | None, *fields: str) -> Redirection:
    start = world.start(redirect_uri=APPROVALS)
    return world.connector.begin_form_fill(start, fields=fields, form=NOTICE, tokens=tokens)


def fault_of(act: Callable[[], object]) -> ProviderFault:
    with pytest.raises(ConnectorError) as failed:
        act()
    return failed.value.fault


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_form_comes_back_with_what_was_asked_and_is_on_file(
    world: IamSmartWorld, tokens: UpstreamTokens, anonymous: bool
) -> None:
    begun = form(world, None if anonymous else tokens, "mobileNumber", "passportNumber", "emailAddress")
    answer = world.approve(begun)
    assert answer["state"] == "the-state"
    filled = world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert filled.fields == {
        "mobileNumber": {"CountryCode": "852", "SubscriberNumber": "00000123"},
        "passportNumber": "QX0000001",
        "emailAddress": "chan.si.fan@example.invalid",
    }
    assert "00000123" not in repr(filled)


def test_every_field_of_the_dialect(world: IamSmartWorld) -> None:
    begun = form(world, None, *EME_FIELDS)
    answer = world.approve(begun)
    filled = world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert set(filled.fields) == set(EME_FIELDS)


def test_what_a_person_never_filled_in_is_absent(world: IamSmartWorld) -> None:
    begun = form(world, None, "passportNumber", "gender")
    answer = world.approve(begun, "iamsmart-wong")
    filled = world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert filled.fields == {"gender": "F"}


def test_more_than_was_asked_is_dropped_and_the_malformed_refused(world: IamSmartWorld) -> None:
    begun = form(world, None, "gender")
    answer = world.approve(begun)
    world.reseal("/anonymous/eme/getResult", lambda content: content | {"passportNumber": "QX1"})
    filled = world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert filled.fields == {"gender": "M"}
    begun = form(world, None, "gender")
    answer = world.approve(begun)
    world.reseal("/anonymous/eme/getResult", lambda content: content | {"gender": {"x": 1}})
    finish = world.connector.finish_form_fill
    assert fault_of(lambda: finish(answer, memory=begun.memory, at=world.clock.at)) is ProviderFault.GARBLED


def test_a_request_with_a_token_is_answered_by_that_person_alone(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = form(world, tokens, "gender")
    page = world.browser().get(begun.url)
    assert "iamsmart-chan" in page.text
    assert "iamsmart-wong" not in page.text


@pytest.mark.parametrize("fields", [(), ("syntheticPortrait",), ("gender", "gender"), ("gender", "nothing")])
def test_fields_that_do_not_exist(world: IamSmartWorld, fields: tuple[str, ...]) -> None:
    assert fault_of(lambda: form(world, None, *fields)) is ProviderFault.MISCONFIGURED
    assert not world.wire.asked


def test_nothing_falls_back_to_a_request_that_names_nobody(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    ungranted = tokens.model_copy(update={"scope": frozenset({"eidapi_auth"})})
    assert fault_of(lambda: form(world, ungranted, "gender")) is ProviderFault.WITHHELD
    world.clock.forward(hours=10)
    assert fault_of(lambda: form(world, tokens, "gender")) is ProviderFault.EXPIRED_CREDENTIAL
    assert world.wire.count("/account/eme/initiateRequest") == 0  # what is dead here is not shown there


@pytest.mark.parametrize(("decision", "code"), [("cancel", "D40000"), ("reject", "D40001")])
@pytest.mark.parametrize("anonymous", [False, True])
def test_saying_no(world: IamSmartWorld, tokens: UpstreamTokens, decision: str, code: str, anonymous: bool) -> None:
    begun = form(world, None if anonymous else tokens, "gender")
    answer = world.answer(begun.url, decision=decision)
    for body in world.callbacks:
        assert world.connector.receive({}, body, at=world.clock.at).outcome is ProviderFault.CANCELLED
    assert len(world.callbacks) == (0 if anonymous else 1)
    with pytest.raises(ConnectorError) as refused:
        world.connector.finish_form_fill(answer, memory=begun.memory, at=world.clock.at)
    assert refused.value.code == code
    # Whoever strips the error from the address still gets no form.
    bare = {name: value for name, value in answer.items() if name != "error_code"}
    with pytest.raises(ConnectorError) as still:
        world.connector.finish_form_fill(bare, memory=begun.memory, at=world.clock.at)
    assert still.value.code == code


def test_an_answer_to_another_request_is_refused(world: IamSmartWorld) -> None:
    first, second = form(world, None, "gender"), form(world, None, "gender")
    answer = world.approve(first)
    finish = world.connector.finish_form_fill
    assert fault_of(lambda: finish(answer, memory=second.memory, at=world.clock.at)) is ProviderFault.UNTRUSTED
    assert fault_of(lambda: finish({}, memory=first.memory, at=world.clock.at)) is ProviderFault.UNTRUSTED
    step_up = world.connector.finish_step_up
    assert fault_of(lambda: step_up(answer, memory=first.memory, at=world.clock.at)) is ProviderFault.UNTRUSTED


@pytest.mark.parametrize("memory", [b"", b"{}", b"[]", b"\xff", b'{"businessID": 7, "anonymous": true}'])
def test_memory_that_is_none_of_ours(world: IamSmartWorld, memory: bytes) -> None:
    finish = world.connector.finish_form_fill
    assert fault_of(lambda: finish({}, memory=memory, at=world.clock.at)) is ProviderFault.TIMED_OUT


def test_a_result_that_was_never_called_back(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = form(world, tokens, "gender")
    answer = world.answer(begun.url)
    finish = world.connector.finish_form_fill
    assert fault_of(lambda: finish(answer, memory=begun.memory, at=world.clock.at)) is ProviderFault.UNREACHABLE


def test_step_up_and_profile(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = world.connector.step_up(world.start(redirect_uri=APPROVALS), tokens=tokens)
    passed = world.connector.finish_step_up(world.approve(begun), memory=begun.memory, at=world.clock.at)
    assert (passed.passed, passed.at) == (True, world.clock.at)
    start = world.start(redirect_uri=APPROVALS)
    begun = world.connector.begin_profile(start, fields=("idNo", "chNameVerified"), tokens=tokens)
    filled = world.connector.finish_profile(world.approve(begun), memory=begun.memory, at=world.clock.at)
    assert filled.fields == {"idNo": {"Identification": "QX900123", "CheckDigit": "6"}, "chNameVerified": "Y"}


# --- signatures ---


def sign(world: IamSmartWorld, document: DocumentToSign, tokens: UpstreamTokens | None) -> DocumentSignature:
    begun = world.connector.begin_signature(
        world.start(redirect_uri=APPROVALS),
        document=document,
        tokens=tokens,
        identity_number=None if tokens else "QX9001236",
    )
    return world.connector.finish_signature(world.approve(begun), memory=begun.memory, at=world.clock.at)


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_hash_signature_verifies_over_the_document_itself(
    world: IamSmartWorld, tokens: UpstreamTokens, anonymous: bool
) -> None:
    signed = sign(world, DOCUMENT, None if anonymous else tokens)
    certificate = x509.load_der_x509_certificate(signed.certificate)
    key: Any = certificate.public_key()
    key.verify(signed.signature, TEXT, padding.PKCS1v15(), hashes.SHA256())
    certificate.verify_directly_issued_by(world.provider.authority.certificate)
    assert (signed.sha256, signed.algorithm) == (DOCUMENT.sha256, "SHA256withRSA")
    assert signed.signed_at == world.clock.at
    assert len(world.provider.acknowledged) == 1


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_pdf_signature(world: IamSmartWorld, tokens: UpstreamTokens, anonymous: bool) -> None:
    signed = sign(world, PDF, None if anonymous else tokens)
    assert cms.read(signed.signature).digest == PDF.sha256
    assert signed.algorithm == "CMS/SHA256withRSA"
    assert len(world.provider.acknowledged) == 1


@pytest.mark.parametrize("document", [DOCUMENT, PDF], ids=["hash", "pdf"])
def test_a_signature_by_another_key(world: IamSmartWorld, document: DocumentToSign) -> None:
    world.switch.set(Setting(Fault.WRONG_SIGNATURE, paths=("/signature",)))
    assert fault_of(lambda: sign(world, document, None)) is ProviderFault.UNTRUSTED
    assert not world.provider.acknowledged


def test_a_signing_authority_nobody_named(world: IamSmartWorld) -> None:
    world.provider.authority = Authority.make(world.clock.at)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.UNTRUSTED
    world.connector = world.connect_as(signing_anchors=None)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.MISCONFIGURED


def test_a_certificate_that_is_not_for_signing(world: IamSmartWorld) -> None:
    """The authority's own certificate may issue, not sign documents."""
    authority = world.provider.authority

    def by_the_authority(content: dict[str, Any]) -> dict[str, Any]:
        signer = replace(authority.signer("x", "X", at=world.clock.at), key=authority.key)
        own = replace(signer, certificate=authority.certificate)
        return content | own.hash_result(DOCUMENT.sha256, at=world.clock.at)

    world.reseal("/anonymous/signing/getResult", by_the_authority)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.UNTRUSTED


_OTHER = b64encode(sha256(b"another document").digest()).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"hashCode": _OTHER},
        {"hashCode": None},
        {"hashCode": "AAAA"},
        {"signature": b64encode(b"x" * 256).decode()},
        {"signature": None},
        {"cert": "AAAA"},
        {"cert": 7},
        {"cert": "x" * 70_000},
        {"timestamp": "now"},
        {"timestamp": 1_600_000_000_000},
        {"timestamp": 1_900_000_000_000},
        {"docDigest": b64encode(DOCUMENT.sha256).decode(), "pdfSignature": "AAAA"},
    ],
)
def test_a_result_that_is_not_the_signature_that_was_asked_for(world: IamSmartWorld, change: dict[str, Any]) -> None:
    world.reseal("/anonymous/signing/getResult", lambda content: content | change)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.UNTRUSTED


def test_a_genuine_signature_over_another_document(world: IamSmartWorld) -> None:
    signer = world.provider.authority.signer("iamsmart-chan", "CHAN, Si Fan", at=world.clock.at)
    other = signer.hash_result(sha256(b"another document").digest(), at=world.clock.at)
    world.reseal("/anonymous/signing/getResult", lambda content: content | other)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.UNTRUSTED
    mixed = other | {"hashCode": b64encode(DOCUMENT.sha256).decode()}
    world.reseal("/anonymous/signing/getResult", lambda content: content | mixed)
    assert fault_of(lambda: sign(world, DOCUMENT, None)) is ProviderFault.UNTRUSTED


def test_a_pdf_signature_over_another_document(world: IamSmartWorld) -> None:
    signer = world.provider.authority.signer("iamsmart-chan", "CHAN, Si Fan", at=world.clock.at)
    other = signer.pdf_result(sha256(b"another document").digest(), at=world.clock.at)
    mixed = other | {"docDigest": b64encode(PDF.sha256).decode()}
    world.reseal("/anonymous/pdfsigning/getResult", lambda content: content | mixed)
    assert fault_of(lambda: sign(world, PDF, None)) is ProviderFault.UNTRUSTED


def test_damage_anywhere_in_a_pdf_signature_is_found(world: IamSmartWorld) -> None:
    signer = world.provider.authority.signer("iamsmart-chan", "CHAN, Si Fan", at=world.clock.at)
    der = b64decode(str(signer.pdf_result(PDF.sha256, at=world.clock.at)["pdfSignature"]))
    whole = cms.read(der)
    found = 0
    for place in range(0, len(der), 3):
        damaged = der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :]
        try:
            read = cms.read(damaged)
        except cms.CmsError:
            found += 1
            continue
        # What still reads is another certificate (whose issuer is asked next) or says the same.
        assert read.certificate != whole.certificate or read == whole
    assert found > len(der) // 6
    for end in range(0, len(der), 7):
        with pytest.raises(cms.CmsError):
            cms.read(der[:end])
    with pytest.raises(cms.CmsError):
        cms.read(der + b"\0")


def test_the_number_of_the_signer_is_needed(world: IamSmartWorld) -> None:
    begin = world.connector.begin_signature
    assert fault_of(lambda: begin(world.start(), document=DOCUMENT, tokens=None)) is ProviderFault.MISCONFIGURED


def test_a_signature_is_good_without_its_acknowledgement(world: IamSmartWorld) -> None:
    world.switch.set(Setting(Fault.DOWN, paths=("/api/v1/account/signing/ackResult",)))
    assert sign(world, DOCUMENT, None).sha256 == DOCUMENT.sha256


def test_the_person_sees_what_is_signed_and_for_whom(world: IamSmartWorld) -> None:
    begun = world.connector.begin_signature(
        world.start(redirect_uri=APPROVALS), document=DOCUMENT, tokens=None, identity_number="QX9001236"
    )
    browser = world.browser()
    page = browser.get(begun.url)
    transaction = page.text.split('name="transaction" value="')[1].split('"')[0]
    shown = browser.post(
        "http://iamsmart.test/app/person", data={"transaction": transaction, "person": "iamsmart-chan"}
    )
    for text in ("Document", "Service", "Department", DOCUMENT.sha256.hex()):
        assert text in shown.text


def test_a_late_result_is_not_taken(world: IamSmartWorld, tokens: UpstreamTokens) -> None:
    begun = form(world, tokens, "gender")
    answer = world.approve(begun)
    late = world.clock.at + timedelta(hours=2)
    finish = world.connector.finish_form_fill
    assert fault_of(lambda: finish(answer, memory=begun.memory, at=late)) is ProviderFault.TIMED_OUT
    assert json.loads(begun.memory)["anonymous"] is False
