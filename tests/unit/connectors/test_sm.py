"""SM2 keys, certificates, signed data and envelopes: what they accept, and that hostile input is one kind of error."""

import os
import random
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sm import enveloped_data, signed_data
from connectors.sm.certificate import Sm2Certificate, read_certificates, self_signed
from connectors.sm.enveloped_data import ContentCipher
from connectors.sm.errors import DecodeError, EnvelopeError, SignatureError, SmError
from connectors.sm.keys import Sm2PrivateKey, Sm2PublicKey, pem_block
from connectors.sm.signed_data import UnknownSigner

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def certified(name: str, serial: int = 1) -> tuple[Sm2PrivateKey, Sm2Certificate]:
    key = Sm2PrivateKey.generate()
    return key, self_signed(key, name=name, serial=serial, not_before=NOW - DAY, not_after=NOW + DAY)


KEY, CERTIFICATE = certified("signer")
OTHER_KEY, OTHER = certified("signer", 2)
CONTENT = "{“内容”: 1}".encode()


def test_keys_survive_pem() -> None:
    assert Sm2PrivateKey.from_pem(KEY.pem()) == KEY
    assert read_certificates(CERTIFICATE.pem() + OTHER.pem()) == (CERTIFICATE, OTHER)


def test_a_private_key_is_not_shown() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert str(KEY.secret) not in repr(KEY)


def test_a_pair_that_does_not_belong_together_is_refused() -> None:
    mixed = Sm2PrivateKey(KEY.secret, OTHER_KEY.public_key)
    with pytest.raises(DecodeError):
        Sm2PrivateKey.from_pem(mixed.pem())


def test_a_private_key_without_its_public_point_is_refused() -> None:
    """RFC 5915 lets it be left out; nothing here computes it."""
    der = b64decode(b"".join(KEY.pem().splitlines()[1:-1]))
    point = bytes.fromhex("a144034200") + KEY.public_key.sec1
    assert der.endswith(point)
    shorter = der.removesuffix(point).hex().replace("308193", "304d", 1).replace("04793077", "04333031", 1)
    spoilt = bytes.fromhex(shorter)
    with pytest.raises(DecodeError, match="public point"):
        Sm2PrivateKey.from_pem(pem_block("PRIVATE KEY", spoilt))


_LAST = KEY.public_key.point[63] ^ 1


@pytest.mark.parametrize(
    "point",
    [b"", b"\0" * 64, b"\xff" * 64, KEY.public_key.point[:63] + bytes([_LAST])],
    ids=["empty", "zero", "beyond", "neighbour"],
)
def test_a_point_off_the_curve_is_no_key(point: bytes) -> None:
    if point.endswith(b"\0") and point[:1] != b"\0" and point == KEY.public_key.point:
        pytest.skip("the key happens to end in 0")
    with pytest.raises(DecodeError):
        Sm2PublicKey(point)


@pytest.mark.parametrize("attached", [False, True])
def test_signed_data_verifies(attached: bool) -> None:
    der = signed_data.sign(CONTENT, key=KEY, certificate=CERTIFICATE, attached=attached)
    assert signed_data.verify(der, CONTENT, trusted=[OTHER, CERTIFICATE], at=NOW) == CERTIFICATE
    assert (CONTENT in der) is attached
    with pytest.raises(SignatureError):
        signed_data.verify(der, CONTENT + b" ", trusted=[CERTIFICATE], at=NOW)


def test_an_attached_content_is_the_one_that_was_signed() -> None:
    """A reader that takes the content out of the message and one that is given it must not see two."""
    der = signed_data.sign(CONTENT, key=KEY, certificate=CERTIFICATE, attached=True)
    other = CONTENT.replace(b"1", b"2")
    with pytest.raises(SignatureError, match="another content"):
        signed_data.verify(der.replace(CONTENT, other), CONTENT, trusted=[CERTIFICATE], at=NOW)


def test_the_digest_is_that_of_the_standard() -> None:
    """GM/T 0003.5 A.2, the example of a signature over "message digest"."""
    point = (
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    digest = Sm2PublicKey(bytes.fromhex(point)).digest(b"message digest")
    assert digest.hex() == "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"


def test_a_certificate_inside_the_message_proves_nothing() -> None:
    der = signed_data.sign(CONTENT, key=OTHER_KEY, certificate=OTHER)
    with pytest.raises(UnknownSigner):
        signed_data.verify(der, CONTENT, trusted=[CERTIFICATE], at=NOW)


def test_a_signature_under_another_ones_name_does_not_verify() -> None:
    der = signed_data.sign(CONTENT, key=OTHER_KEY, certificate=CERTIFICATE)
    with pytest.raises(SignatureError, match="does not verify"):
        signed_data.verify(der, CONTENT, trusted=[CERTIFICATE], at=NOW)


@pytest.mark.parametrize("at", [NOW - 2 * DAY, NOW + 2 * DAY])
def test_a_certificate_out_of_its_time_signs_nothing(at: datetime) -> None:
    der = signed_data.sign(CONTENT, key=KEY, certificate=CERTIFICATE)
    with pytest.raises(SignatureError, match="not valid now"):
        signed_data.verify(der, CONTENT, trusted=[CERTIFICATE], at=at)


@pytest.mark.parametrize("cipher", list(ContentCipher))
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 70_000])
def test_an_envelope_opens_for_its_recipient_alone(cipher: ContentCipher, length: int) -> None:
    plaintext = os.urandom(length)
    der = enveloped_data.seal(plaintext, recipient=CERTIFICATE, entropy=os.urandom, cipher=cipher)
    assert enveloped_data.unseal(der, key=KEY, certificate=CERTIFICATE) == plaintext
    with pytest.raises(EnvelopeError, match="somebody else"):
        enveloped_data.unseal(der, key=OTHER_KEY, certificate=OTHER)
    with pytest.raises(EnvelopeError):
        enveloped_data.unseal(der, key=OTHER_KEY, certificate=CERTIFICATE)


def test_the_size_limits_bind() -> None:
    with pytest.raises(DecodeError, match="too large"):
        enveloped_data.unseal(b"0" * (enveloped_data.MAX_ENVELOPE + 1), key=KEY, certificate=CERTIFICATE)
    with pytest.raises(DecodeError, match="too large"):
        signed_data.verify(b"0" * (signed_data.MAX_SIGNED + 1), b"", trusted=[CERTIFICATE], at=NOW)
    with pytest.raises(DecodeError, match="too large"):
        Sm2Certificate.from_der(b"0" * 20_000)


SIGNED = signed_data.sign(CONTENT, key=KEY, certificate=CERTIFICATE)
SEALED = enveloped_data.seal(b"plaintext of an envelope", recipient=CERTIFICATE, entropy=os.urandom)


def _spoil(der: bytes, seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311  # repeatable noise, not a secret
    spoilt = bytearray(der)
    kind, where = chance.randrange(4), chance.randrange(len(der))
    if kind == 0:
        spoilt[where] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del spoilt[where:]
    elif kind == 2:
        spoilt[where:where] = chance.randbytes(chance.randrange(1, 9))
    else:
        spoilt[where : where + 4] = b"\x84\xff\xff\xff"
    return bytes(spoilt)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32))
def test_spoilt_signed_data_is_one_kind_of_error(seed: int) -> None:
    spoilt = _spoil(SIGNED, seed)
    try:
        verified = signed_data.verify(spoilt, CONTENT, trusted=[CERTIFICATE], at=NOW)
    except SmError:
        return
    # Only what the signature does not cover and verification does not use may have changed: the certificate inside.
    assert verified == CERTIFICATE
    assert len(spoilt) == len(SIGNED)
    changed = next(index for index in range(len(SIGNED)) if SIGNED[index] != spoilt[index])
    start = SIGNED.index(CERTIFICATE.der)
    assert start <= changed < start + len(CERTIFICATE.der)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32))
def test_a_spoilt_envelope_is_one_kind_of_error(seed: int) -> None:
    try:
        enveloped_data.unseal(_spoil(SEALED, seed), key=KEY, certificate=CERTIFICATE)
    except SmError:
        return


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_one_kind_of_error(noise: bytes) -> None:
    for parse in (
        lambda: signed_data.verify(noise, CONTENT, trusted=[CERTIFICATE], at=NOW),
        lambda: enveloped_data.unseal(noise, key=KEY, certificate=CERTIFICATE),
        lambda: Sm2Certificate.from_der(noise),
        lambda: read_certificates(noise),
        lambda: Sm2PrivateKey.from_pem(noise),
        lambda: KEY.public_key.verify(noise, CONTENT),
        lambda: KEY.decrypt(noise),
    ):
        with pytest.raises(SmError):
            parse()


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32))
def test_a_spoilt_certificate_is_one_kind_of_error(seed: int) -> None:
    try:
        Sm2Certificate.from_der(_spoil(CERTIFICATE.der, seed))
    except DecodeError:
        return


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a003020102", "a00302010a"),  # a version there is not
        ("0c067369676e6572", "03067369676e6572"),  # a name that is a bit string
    ],
)
def test_a_certificate_the_parser_stumbles_over(old: str, new: str) -> None:
    """`cryptography` answers each of these with another exception than the one for malformed DER."""
    spoilt = CERTIFICATE.der.replace(bytes.fromhex(old), bytes.fromhex(new))
    assert spoilt != CERTIFICATE.der
    with pytest.raises(DecodeError):
        Sm2Certificate.from_der(spoilt)
    # Inside a message it is not looked into.
    message = SIGNED.replace(CERTIFICATE.der, spoilt)
    assert message != SIGNED
    assert signed_data.verify(message, CONTENT, trusted=[CERTIFICATE], at=NOW) == CERTIFICATE


def test_a_certificate_of_another_curve_is_refused() -> None:
    # SECP256R1 in the place of the SM2 curve: the same lengths, another identifier.
    spoilt = CERTIFICATE.der.replace(bytes.fromhex("06082a811ccf5501822d"), bytes.fromhex("06082a8648ce3d030107"))
    assert spoilt != CERTIFICATE.der
    with pytest.raises(DecodeError, match="SM2 key"):
        Sm2Certificate.from_der(spoilt)
