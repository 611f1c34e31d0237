"""Offline verification: each refusal by name, and several at once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from broker.wire import status_list, trust_list
from broker.wire.keys import LocalSigner
from broker.wire.registry import KeyUse
from broker.wire.travel_pass import PassMode
from gate_client.core.pass_check import CheckedPass, PassDenied, check_pass
from tests.support.gate_world import NOON, ZONE, Authority, WalletPass

OWNER = Authority()


def check(text: str | bytes, *, at: datetime = NOON, revoked: tuple[int, ...] = (), listed: bool = True) -> CheckedPass:
    trusted = trust_list.verify(OWNER.trust_list(), OWNER.root.public, at=NOON)
    held = status_list.verify(OWNER.status_list(*revoked), trusted, at=NOON) if listed else None
    return check_pass(text, trust_list=trusted, list_of=lambda n: held, expected_zone=ZONE, at=at)


def reasons(text: str | bytes, *, at: datetime = NOON, revoked: tuple[int, ...] = (), listed: bool = True) -> list[str]:
    with pytest.raises(PassDenied) as denied:
        check(text, at=at, revoked=revoked, listed=listed)
    return [reason.value for reason in denied.value.reasons]


@pytest.mark.parametrize("mode", PassMode)
def test_a_good_code_is_returned_as_checked(mode: PassMode) -> None:
    wallet = OWNER.wallet(mode=mode)
    checked = check(wallet.text().encode())
    assert checked.pass_id == wallet.claims.pass_id
    assert checked.text == wallet.text()
    assert checked.offline is (mode is PassMode.OFFLINE)
    assert checked.verdict.list_version == 1


def forged(wallet: WalletPass) -> str:
    stranger = LocalSigner.generate(KeyUse.PASS)
    return replace(wallet, signer=stranger).text()


def bad_signature(wallet: WalletPass) -> str:
    code = wallet.code()
    return replace(code, pass_bytes=code.pass_bytes[:-1] + bytes((code.pass_bytes[-1] ^ 1,))).to_text()


def forged_proof(wallet: WalletPass) -> str:
    code = wallet.code()
    return replace(code, proof=OWNER.wallet().code().proof).to_text()


def test_each_refusal_has_its_reason() -> None:
    wallet = OWNER.wallet()
    late, early = NOON + timedelta(minutes=11), NOON - timedelta(minutes=1)
    assert reasons("M1DESMARAIS/LUC") == ["malformed_qr"]
    assert reasons("TG1:lower") == ["malformed_base45"]
    assert reasons("TG1:%69") == ["malformed_cbor"]
    assert reasons(forged(wallet)) == ["unknown_key"]
    assert reasons(bad_signature(wallet)) == ["bad_signature"]
    assert reasons(forged_proof(wallet)) == ["proof_forged"]
    assert reasons(wallet.but(zone="MO-HZB").text()) == ["wrong_zone"]
    assert reasons(wallet.text(late), at=late) == ["expired"]
    assert reasons(wallet.text(early), at=early) == ["not_yet_valid"]
    assert reasons(wallet.text(), at=NOON + timedelta(seconds=21)) == ["proof_stale"]
    assert reasons(wallet.text(), revoked=(wallet.claims.status_index,)) == ["revoked"]


def test_an_old_pass_without_a_recent_list_is_unknown() -> None:
    wallet = OWNER.wallet(mode=PassMode.OFFLINE)
    later = NOON + timedelta(hours=2)
    assert reasons(wallet.text(later), at=later) == ["status_unknown"]
    assert reasons(wallet.text(later), at=later, listed=False) == ["status_unknown"]


def test_an_old_list_still_binds_what_it_revokes() -> None:
    wallet = OWNER.wallet(mode=PassMode.OFFLINE)
    later = NOON + timedelta(hours=2)
    assert reasons(wallet.text(later), at=later, revoked=(wallet.claims.status_index,)) == ["revoked"]


def test_a_young_pass_is_its_own_status_proof() -> None:
    assert check(OWNER.wallet().text(), listed=False).verdict.list_version is None


def test_all_reasons_are_found_where_the_input_can_still_be_trusted() -> None:
    wallet = OWNER.wallet()
    late = NOON + timedelta(minutes=11)
    revoked = (wallet.claims.status_index,)
    assert reasons(wallet.text(), at=late, revoked=revoked) == ["expired", "proof_stale", "revoked"]
    assert reasons(wallet.but(zone="MO-HZB").text(), at=late) == ["expired", "wrong_zone"]


def test_the_pass_id_is_named_only_when_the_signature_holds() -> None:
    wallet = OWNER.wallet()
    for text, expected in ((wallet.text(), wallet.claims.pass_id), (forged(wallet), None)):
        with pytest.raises(PassDenied) as denied:
            check(text, at=NOON + timedelta(minutes=11))
        assert denied.value.pass_id == expected
