"""Sealing at rest and the keys derived for it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.sealing import SealBroken, seal
from broker.core.travel import commitment_salt
from broker.core.traveller import identity_digest, receipt_subject
from broker.core.unsealing import unseal

KEY, SALT = b"k" * 32, b"s" * 16


@given(plaintext=st.binary(max_size=500), context=st.text(max_size=20))
def test_what_was_sealed_opens_under_its_key_and_context(plaintext: bytes, context: str) -> None:
    assert unseal(seal(plaintext, key=KEY, context=context, salt=SALT), key=KEY, context=context) == plaintext


@given(position=st.integers(0, 52), flip=st.integers(1, 255))
def test_no_altered_byte_opens(position: int, flip: int) -> None:
    sealed = bytearray(seal(b"a face template here!", key=KEY, context="c", salt=SALT))
    sealed[position] ^= flip
    with pytest.raises(SealBroken):
        unseal(bytes(sealed), key=KEY, context="c")


@pytest.mark.parametrize(
    ("sealed", "key", "context"),
    [
        (seal(b"x", key=KEY, context="c", salt=SALT), b"o" * 32, "c"),
        (seal(b"x", key=KEY, context="c", salt=SALT), KEY, "d"),
        (b"", KEY, "c"),
        (bytes(31), KEY, "c"),
    ],
)
def test_nothing_else_opens(sealed: bytes, key: bytes, context: str) -> None:
    with pytest.raises(SealBroken):
        unseal(sealed, key=key, context=context)


def test_every_value_has_a_key_of_its_own() -> None:
    one = seal(bytes(64), key=KEY, context="c", salt=SALT)
    two = seal(bytes(64), key=KEY, context="c", salt=b"t" * 16)
    three = seal(bytes(64), key=KEY, context="d", salt=SALT)
    assert len({one[16:], two[16:], three[16:]}) == 3
    with pytest.raises(ValueError, match="salt"):
        seal(b"", key=KEY, context="c", salt=b"short")


def test_derived_names_and_salts_depend_on_everything_they_should() -> None:
    assert identity_digest(KEY, issuer="ab", subject="c") != identity_digest(KEY, issuer="a", subject="bc")
    assert identity_digest(KEY, issuer="a", subject="b") != identity_digest(b"x" * 32, issuer="a", subject="b")
    assert commitment_salt(KEY, b"p" * 16) != commitment_salt(KEY, b"q" * 16)
    assert len(commitment_salt(KEY, b"p" * 16)) == 16
    assert receipt_subject(KEY) != receipt_subject(b"x" * 32)
    assert str(UUID(int=1)) not in receipt_subject(KEY)
