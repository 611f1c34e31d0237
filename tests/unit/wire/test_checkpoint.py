"""Signed checkpoints: the C2SP note format, and everything that is not one."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.wire.checkpoint import Checkpoint, parse_verifier_key, sign, verifier_key, verify
from broker.wire.errors import DecodeError, VerifyError, WireError
from broker.wire.keys import LocalSigner
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse

ORIGIN = "tongguan/journal/0f6f"
SIGNER = LocalSigner.from_private_bytes(bytes(range(32)), KeyUse.CHECKPOINT)
CHECKPOINT = Checkpoint(ORIGIN, 1042, bytes(range(32)), datetime(2026, 1, 1, tzinfo=UTC))
NOTE = sign(CHECKPOINT, SIGNER)


def test_round_trip() -> None:
    assert verify(NOTE, [SIGNER.public], expected_origin=ORIGIN) == CHECKPOINT


def test_the_text_is_a_c2sp_note() -> None:
    body, signature = NOTE.split("\n\n")
    assert body == f"{ORIGIN}\n1042\n{base64.b64encode(bytes(range(32))).decode()}\ntime 1767225600"
    dash, name, encoded = signature.rstrip("\n").split(" ")
    assert (dash, name) == ("—", ORIGIN)
    assert len(base64.b64decode(encoded)) == 4 + 64


def test_a_verifier_key_of_another_implementation_reads() -> None:
    """The key of Go's public checksum database, as its toolchain ships it (golang.org/x/mod/sumdb/note)."""
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    origin, key = parse_verifier_key(text)
    assert verifier_key(key, origin) == text


def test_verifier_keys_round_trip_and_refuse_another_name() -> None:
    text = verifier_key(SIGNER.public, ORIGIN)
    assert parse_verifier_key(text) == (ORIGIN, SIGNER.public)
    for wrong in ("", "a+b", text.replace("0f6f", "0f6e"), text[:-4], "x+00000000+AA==", text + "é"):
        with pytest.raises(DecodeError):
            parse_verifier_key(wrong)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (NOTE.replace("1042", "1043"), Reason.BAD_SIGNATURE),
        (NOTE.replace("time 1767225600", "time 1767225601"), Reason.BAD_SIGNATURE),
        (NOTE.replace("0f6f", "0f6e"), Reason.UNKNOWN_KEY),
        (NOTE.replace("1042", "01042"), Reason.MALFORMED_CLAIMS),
        (NOTE.replace("1042", "-1042"), Reason.MALFORMED_CLAIMS),
        (NOTE.replace("1042", "１042"), Reason.MALFORMED_CLAIMS),
        (NOTE.replace("—", "-"), Reason.MALFORMED_CLAIMS),
        (NOTE + "\n", Reason.MALFORMED_CLAIMS),
        (NOTE[:-1], Reason.MALFORMED_CLAIMS),
        (NOTE.replace("\n", "\r\n"), Reason.MALFORMED_CLAIMS),
        ("", Reason.MALFORMED_CLAIMS),
        ("x" * 2000, Reason.MALFORMED_CLAIMS),
    ],
)
def test_what_is_refused(note: str, reason: Reason) -> None:
    with pytest.raises(WireError) as refused:
        verify(note, [SIGNER.public], expected_origin=ORIGIN)
    assert refused.value.reason is reason


def test_base64_has_one_text_per_value() -> None:
    encoded = base64.b64encode(CHECKPOINT.root).decode()
    stray = encoded[:-2] + chr(ord(encoded[-2]) + 1) + "="
    assert base64.b64decode(stray) == CHECKPOINT.root
    with pytest.raises(DecodeError):
        verify(NOTE.replace(encoded, stray), [SIGNER.public], expected_origin=ORIGIN)


def test_keys_of_other_uses_or_other_owners_sign_nothing_here() -> None:
    stranger = LocalSigner.generate(KeyUse.CHECKPOINT)
    pass_key = LocalSigner.from_private_bytes(bytes(range(32)), KeyUse.PASS)
    for keys in ([], [stranger.public], [pass_key.public]):
        with pytest.raises(VerifyError):
            verify(NOTE, keys, expected_origin=ORIGIN)
    for signer in (pass_key, LocalSigner.generate(KeyUse.CHECKPOINT, Alg.ES256)):
        with pytest.raises(ValueError, match="Ed25519"):
            sign(CHECKPOINT, signer)


@given(st.text(max_size=400))
def test_the_parser_is_total(note: str) -> None:
    with pytest.raises(WireError):
        verify(note, [SIGNER.public], expected_origin=ORIGIN)
