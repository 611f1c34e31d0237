"""Key files: private, complete, replaced without losing the public half."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.stores import token_key_files
from broker.stores.secret_files import SecretFileError, create_secret
from broker.stores.signing_keys import USES, SigningKeys
from broker.stores.token_key_files import TokenAlg
from broker.token_keys import ring_reader, token_keys
from broker.wire.registry import Alg, KeyUse
from tests.support.rsa_keys import rsa_private_key

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SigningKeys.generate(tmp_path / "keys")
    return tmp_path / "keys"


def test_every_use_has_a_key_of_its_own_in_a_private_file(folder: Path) -> None:
    keys = SigningKeys.load(folder)
    assert len({keys.signer(use).kid for use in USES}) == len(USES)
    assert all(keys.signer(use).alg is Alg.EDDSA and keys.signer(use).use is use for use in USES)
    assert isinstance(keys.token_key().curve, ec.SECP256R1)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_generating_again_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    SigningKeys.generate(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_missing_key_is_never_made_up(tmp_path: Path, folder: Path) -> None:
    (folder / "root.pem").unlink()
    with pytest.raises(SecretFileError, match=r"root\.pem cannot be read"):
        SigningKeys.load(folder)
    with pytest.raises(SecretFileError):
        SigningKeys.load(tmp_path / "nowhere")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_an_exposed_key_is_refused(folder: Path, mode: int) -> None:
    (folder / "pass.pem").chmod(mode)
    with pytest.raises(SecretFileError, match="open to others"):
        SigningKeys.load(folder)


def test_a_link_in_place_of_a_key_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "pass.pem").rename(tmp_path / "elsewhere")
    (folder / "pass.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretFileError):
        SigningKeys.load(folder)


def test_what_is_no_key_or_another_kind_is_refused(folder: Path) -> None:
    other = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (b"", b"garbage", other):
        create_secret(folder / "pass.pem", content, replace=True)
        with pytest.raises(SecretFileError):
            SigningKeys.load(folder)


def test_rotation_keeps_the_public_half_and_drops_the_private_one(folder: Path) -> None:
    keys = SigningKeys.load(folder)
    old = keys.signer(KeyUse.PASS)
    signature = old.sign(b"earlier")
    new = keys.rotate(KeyUse.PASS, at=AT)
    assert keys.signer(KeyUse.PASS).kid == new.kid != old.kid
    assert [(key.public.kid, key.retired_at) for key in keys.retired(KeyUse.PASS)] == [(old.kid, AT)]
    assert [key.kid for key in keys.publics(KeyUse.PASS)] == [new.kid, old.kid]
    keys.publics(KeyUse.PASS)[1].verify(signature, b"earlier")
    assert not [path for path in folder.rglob("*") if path.is_file() and old.private_bytes() in path.read_bytes()]
    keys.rotate(KeyUse.PASS, at=AT.replace(year=2027))
    assert len(keys.retired(KeyUse.PASS)) == 2
    assert keys.retired(KeyUse.STATUS) == ()


def test_the_root_is_not_rotated_here(folder: Path) -> None:
    with pytest.raises(ValueError, match="not rotated"):
        SigningKeys.load(folder).rotate(KeyUse.ROOT, at=AT)


def test_named_secrets_are_made_once_even_by_many_at_the_same_time(folder: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(SigningKeys(folder).secret("session"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    assert SigningKeys(folder).secret("other") != found[0]
    with pytest.raises(ValueError, match="no name of a secret"):
        SigningKeys(folder).secret("../escape")


def test_a_token_key_is_published_before_it_signs_and_after(folder: Path) -> None:
    keys = SigningKeys.load(folder)
    first = keys.token_keys()
    assert first.ahead is not None
    assert first.retired == ()
    keys.rotate_token(at=AT)
    second = keys.token_keys()
    assert second.current.public_key() == first.ahead
    assert second.ahead not in (None, first.ahead)
    assert second.retired == ((first.current.public_key(), AT),)
    keys.rotate_token(at=AT)
    retired = [key for key, _ in keys.token_keys().retired]
    assert len(retired) == 2
    assert all(key in retired for key in (first.current.public_key(), first.ahead))
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.pem")} == {0o600}


def test_a_home_without_a_next_token_key_can_be_rotated(folder: Path) -> None:
    (folder / "token-next.pem").unlink()
    keys = SigningKeys.load(folder)
    before = keys.token_keys()
    assert before.ahead is None
    keys.rotate_token(at=AT)
    after = keys.token_keys()
    assert after.current.public_key() != before.current.public_key()
    assert after.ahead is not None
    assert [key for key, _ in after.retired] == [before.current.public_key()]


def test_rsa_keys_are_made_for_a_sandbox_and_rotate_with_the_others(folder: Path) -> None:
    keys = SigningKeys.load(folder)
    assert keys.token_keys(TokenAlg.RS256) is None
    keys.rotate_token(at=AT)
    assert keys.token_keys(TokenAlg.RS256) is None  # nobody asked for any
    keys.generate_rsa()
    first = keys.token_keys(TokenAlg.RS256)
    assert first is not None
    assert isinstance(first.current, rsa.RSAPrivateKey)
    assert first.current.key_size == 3072
    assert first.ahead is not None
    keys.generate_rsa(make=lambda: pytest.fail("they exist"))
    keys.rotate_token(at=AT.replace(year=2027))
    second = keys.token_keys(TokenAlg.RS256)
    assert second is not None
    assert second.current.public_key() == first.ahead
    assert second.retired == ((first.current.public_key(), AT.replace(year=2027)),)
    assert len(keys.token_keys().retired) == 2
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.pem")} == {0o600}
    ring = token_keys(keys, lambda: AT.replace(year=2027)).ring
    assert [jwk["alg"] for jwk in ring.published] == ["ES256", "RS256", "ES256", "RS256", "ES256", "RS256"]


def test_files_that_did_not_change_are_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading an RSA key costs a quarter of a second, and requests wait for it."""
    keys = SigningKeys.load(folder)
    read = ring_reader(keys, lambda: AT)
    first = read()
    with monkeypatch.context() as patched:
        patched.setattr(token_key_files, "read_secret", lambda path: pytest.fail(f"{path} is read"))
        again = read()
    assert again.current is first.current
    keys.rotate_token(at=AT)
    following = read()
    assert following.current.kid != first.current.kid
    assert following.verifying.keys() >= first.verifying.keys()
    (folder / "token.pem").chmod(0o640)
    with pytest.raises(SecretFileError, match="open to others"):
        read()


def test_time_alone_takes_a_key_out_of_the_key_set(folder: Path) -> None:
    keys, now = SigningKeys.load(folder), [AT]
    read = ring_reader(keys, lambda: now[0])
    old = read().current.kid
    keys.rotate_token(at=AT)
    assert old in read().verifying
    now[0] = AT + timedelta(days=1)
    assert old not in read().verifying
    assert old in read().hinting


def test_a_key_of_another_kind_is_no_token_key(folder: Path) -> None:
    keys = SigningKeys.load(folder)
    other = rsa_private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    create_secret(folder / "token.pem", other, replace=True)
    with pytest.raises(SecretFileError, match="ES256"):
        keys.token_keys()
    create_secret(folder / "rsa-token.pem", (folder / "token-next.pem").read_bytes())
    with pytest.raises(SecretFileError, match="RS256"):
        keys.token_keys(TokenAlg.RS256)
