import pytest

from broker.wire import hpke
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.hpke import RecipientKey
from broker.wire.reasons import Reason


def test_opens_what_was_sealed_to_it() -> None:
    key = RecipientKey.generate()
    assert len(key.public_bytes()) == 1216
    assert key.open(hpke.seal(b"template", key.public_bytes(), b"info"), b"info") == b"template"


def test_nothing_else_opens_it() -> None:
    key, other = RecipientKey.generate(), RecipientKey.generate()
    sealed = hpke.seal(b"template", key.public_bytes(), b"info")
    half = RecipientKey.generate().public_bytes()[:1184] + key.public_bytes()[1184:]
    for opener, raw, info in (
        (other, sealed, b"info"),
        (key, sealed, b"other info"),
        (key, sealed[:-1], b"info"),
        (key, sealed[:100], b"info"),
        (key, b"", b"info"),
        (key, bytes([sealed[0] ^ 1]) + sealed[1:], b"info"),
        (key, hpke.seal(b"template", half, b"info"), b"info"),
    ):
        with pytest.raises(VerifyError) as refused:
            opener.open(raw, info)
        assert refused.value.reason is Reason.TEMPLATE_UNAVAILABLE


def test_all_zero_x25519_is_refused() -> None:
    key = RecipientKey.generate()
    with pytest.raises(DecodeError):
        hpke.seal(b"template", key.public_bytes()[:1184] + bytes(32), b"info")


@pytest.mark.parametrize("raw", [b"", bytes(32), b"\xff" * 1216, bytes(1217)], ids=len)
def test_what_is_no_key_is_malformed(raw: bytes) -> None:
    with pytest.raises(DecodeError) as refused:
        hpke.seal(b"template", raw, b"info")
    assert refused.value.reason is Reason.MALFORMED_CLAIMS
