import hashlib

import pytest

from broker.wire import cbor
from broker.wire.errors import DecodeError, VerifyError
from broker.wire.keys import P256_ORDER, LocalSigner, PublicKey
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse

BOTH = pytest.mark.parametrize("alg", list(Alg))


@BOTH
def test_round_trips(alg: Alg) -> None:
    signer = LocalSigner.generate(KeyUse.GATE, alg)
    again = LocalSigner.from_private_bytes(signer.private_bytes(), KeyUse.GATE, alg)
    public = PublicKey.from_cose_key(signer.public.to_cose_key(), KeyUse.GATE)
    assert again.public == signer.public == public
    assert again.kid == signer.kid == public.kid
    public.verify(signer.sign(b"data"), b"data")


def test_thumbprint_of_rfc_9679() -> None:
    # RFC 9679 section 6: the example key and its thumbprint.
    x = bytes.fromhex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d")
    y = bytes.fromhex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c")
    expected = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
    key = PublicKey.from_cose_key(cbor.encode({1: 2, -1: 1, -2: x, -3: y}), KeyUse.PASS)
    assert key.kid.hex() == expected[:16]
    whole = cbor.encode({1: 2, -1: 1, -2: x, -3: y})
    assert hashlib.sha256(whole).hexdigest() == expected


@BOTH
def test_a_signature_of_other_data_is_refused(alg: Alg) -> None:
    signer = LocalSigner.generate(KeyUse.GATE, alg)
    for bad in (signer.sign(b"other"), b"", bytes(64), bytes(63), b"\xff" * 64, signer.sign(b"data") + b"\0"):
        with pytest.raises(VerifyError) as refused:
            signer.public.verify(bad, b"data")
        assert refused.value.reason is Reason.BAD_SIGNATURE


def test_es256_signatures_do_not_depend_on_a_random_source() -> None:
    signer = LocalSigner.generate(KeyUse.PASS, Alg.ES256)
    assert signer.sign(b"data") == signer.sign(b"data")


def test_scalars_out_of_range_are_drawn_again() -> None:
    draws = iter([bytes(32), P256_ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\1" * 32])
    signer = LocalSigner.generate(KeyUse.PASS, Alg.ES256, lambda _: next(draws))
    assert signer.private_bytes() == b"\1" * 32


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {1: 1, -1: 6, -2: bytes(31)},
        {1: 1, -1: 7, -2: bytes(32)},
        {1: 2, -1: 1, -2: b"\xff" * 32, -3: True},
        {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 2, -1: 1, -2: bytes(32)},
        {1: 2, -1: 1, -2: bytes(32), -3: 1},
        {1: 2, -1: 1, -2: bytes(32), -3: True, -4: bytes(32)},
        {1: 4, -1: bytes(32)},
    ],
    ids=repr,
)
def test_what_is_no_key_is_malformed(value: object) -> None:
    with pytest.raises(DecodeError) as refused:
        PublicKey.from_cose_key(cbor.encode(value), KeyUse.PASS)
    assert refused.value.reason is Reason.MALFORMED_CLAIMS
