"""The packet's envelope: what opens, and that nothing else does."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from connectors.macau.envelope import EnvelopeError, NotForUs, derive, open_packet
from connectors.mock_idps.macau.packet import seal
from connectors.openid.encoding import b64url, from_b64url

OURS, THEIRS = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("ours", "theirs"))
TEXT = "a.signed.text"


def _find(kid: object) -> ec.EllipticCurvePrivateKey | None:
    key = OURS.private_key if kid == "ours" else None
    assert key is None or isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _sealed() -> dict[str, Any]:
    return seal(TEXT, [THEIRS, OURS])


def _open(document: object) -> str:
    return open_packet(json.dumps(document).encode(), _find)


def test_ours_opens_among_others() -> None:
    assert _open(_sealed()) == TEXT
    assert _open(seal(TEXT, [OURS])) == TEXT


def test_theirs_does_not() -> None:
    with pytest.raises(NotForUs):
        _open(seal(TEXT, [THEIRS]))


def test_the_key_derivation_of_rfc_7518_4_6_2() -> None:
    """The inputs of appendix C, with our algorithm's name: SHA-256(1 || Z || 14 || name || 5 || Alice || 3 || Bob ||
    256).
    """
    z = bytes.fromhex("9e56d91d817135d372834283bf84269cfb316ea3da806a48f6daa7798cfe90c4")
    by_hand = sha256(
        bytes.fromhex("00000001")
        + z
        + bytes.fromhex("0000000e")
        + b"ECDH-ES+A256KW"
        + bytes.fromhex("00000005")
        + b"Alice"
        + bytes.fromhex("00000003")
        + b"Bob"
        + bytes.fromhex("00000100")
    ).digest()
    assert derive(z, apu=b"Alice", apv=b"Bob") == by_hand


def _header(change: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda packet: packet["recipients"][1]["header"].update(change)


def _epk(**change: Any) -> Callable[[dict[str, Any]], None]:
    return lambda packet: packet["recipients"][1]["header"]["epk"].update(change)


def _flip(name: str) -> Callable[[dict[str, Any]], None]:
    def spoil(packet: dict[str, Any]) -> None:
        raw = bytearray(from_b64url(packet[name]))
        raw[0] ^= 1
        packet[name] = b64url(bytes(raw))

    return spoil


def _protected(header: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda packet: packet.update(protected=b64url(json.dumps(header).encode()))


def _wrapped(packet: dict[str, Any]) -> None:
    packet["recipients"][1]["encrypted_key"] = packet["recipients"][0]["encrypted_key"]


@pytest.mark.parametrize(
    "spoil",
    [
        _flip("ciphertext"),
        _flip("tag"),
        _flip("iv"),
        _wrapped,
        _protected({"enc": "A256GCM"}),
        _protected({"enc": "A128GCM", "cty": "pacote+jwt"}),
        _protected({"enc": "A256GCM", "cty": "pacote+jwt", "zip": "DEF"}),
        _protected({"enc": "A256GCM", "cty": "pacote+jwt", "crit": ["x"], "x": 1}),
        # The same header written otherwise is other associated data.
        _protected({"cty": "pacote+jwt", "enc": "A256GCM"}),
        _header({"alg": "ECDH-ES"}),
        _header({"alg": "A256KW"}),
        _header({"b64": False}),
        _header({"apu": "QWxpY2U"}),
        _header({"epk": None}),
        _epk(crv="P-384"),
        _epk(x=b64url(bytes(32))),  # a point that is not on the curve
        _epk(x=b64url(bytes(31))),
        lambda packet: packet.update(aad="AAAA"),
        lambda packet: packet.update(unprotected={}),
        lambda packet: packet.pop("tag"),
        lambda packet: packet.update(recipients=[]),
        lambda packet: packet.update(recipients=packet["recipients"] * 40),
        lambda packet: packet.update(recipients=[7]),
        lambda packet: packet.update(iv="AAAA"),
        lambda packet: packet.update(tag=packet["tag"][:8]),
    ],
)
def test_anything_changed_does_not_open(spoil: Callable[[dict[str, Any]], None]) -> None:
    packet = _sealed()
    spoil(packet)
    with pytest.raises(EnvelopeError):
        _open(packet)


def test_a_member_twice_is_refused() -> None:
    packet = _sealed()
    twice = f'{json.dumps(packet)[:-1]}, "tag": {json.dumps(packet["tag"])}}}'
    assert json.loads(twice) == packet  # whoever reads the last one sees a good packet
    with pytest.raises(EnvelopeError):
        open_packet(twice.encode(), _find)


def test_whitespace_in_the_protected_header_is_the_senders_choice() -> None:
    """RFC 7516 5.2 step 15: the associated data is the text as received, not the header encoded anew."""
    packet = _sealed()
    content_key = bytes(range(32))
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    ours = _find("ours")
    assert ours is not None
    shared = ephemeral.exchange(ec.ECDH(), ours.public_key())
    wrapped = aes_key_wrap(derive(shared, apu=b"", apv=b""), content_key)
    protected = b64url(b'{ "cty": "pacote+jwt",\n  "enc": "A256GCM" }')
    out = AESGCM(content_key).encrypt(bytes(12), TEXT.encode(), protected.encode())
    epk = ECKey.import_key(ephemeral).as_dict(private=False)
    header = {"alg": "ECDH-ES+A256KW", "kid": "ours", "epk": epk}
    packet |= {
        "protected": protected,
        "recipients": [{"header": header, "encrypted_key": b64url(wrapped)}],
        "iv": b64url(bytes(12)),
        "ciphertext": b64url(out[:-16]),
        "tag": b64url(out[-16:]),
    }
    assert _open(packet) == TEXT


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
            max_leaves=10,
        ).map(lambda value: json.dumps(value).encode()),
        st.fixed_dictionaries(
            {
                "protected": st.sampled_from([b64url(b'{"enc":"A256GCM","cty":"pacote+jwt"}'), "", "AAAA"]),
                "recipients": st.lists(
                    st.fixed_dictionaries(
                        {
                            "header": st.dictionaries(
                                st.sampled_from(["alg", "kid", "epk", "apu"]),
                                st.sampled_from(["ours", "ECDH-ES+A256KW", {"kty": "EC", "crv": "P-256"}, 1, None]),
                            ),
                            "encrypted_key": st.sampled_from(["", "AAAA", None, 7]),
                        }
                    ),
                    max_size=3,
                ),
                "iv": st.sampled_from(["", b64url(bytes(12))]),
                "ciphertext": st.sampled_from(["", "AAAA"]),
                "tag": st.sampled_from(["", b64url(bytes(16))]),
            }
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_any_bytes_at_all_are_an_envelope_error(raw: bytes) -> None:
    with pytest.raises(EnvelopeError):
        open_packet(raw, _find)
