"""When a notice is sent again, and what it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from broker.core.departure import NoDeparture
from broker.core.webhook import FIRST_DELAY, LONGEST_DELAY, MAX_ATTEMPTS, PartnerEvent, delay_after, security_event

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def test_the_delay_doubles_up_to_its_limit_and_is_never_less_than_half() -> None:
    wholes = [min(FIRST_DELAY * 2**n, LONGEST_DELAY) for n in range(40)]
    for attempts, whole in enumerate(wholes, start=1):
        assert delay_after(attempts, entropy=bytes(4)) == whole / 2
        assert whole * 0.999 < delay_after(attempts, entropy=b"\xff" * 4) <= whole
    assert wholes[-1] == LONGEST_DELAY


def test_all_attempts_together_outlast_a_day() -> None:
    shortest = sum((delay_after(n, entropy=bytes(4)) for n in range(1, MAX_ATTEMPTS)), timedelta())
    assert timedelta(days=1) < shortest < timedelta(days=7)


@pytest.mark.parametrize(("attempts", "entropy"), [(0, bytes(4)), (1, bytes(3)), (1, bytes(5))])
def test_there_is_no_delay_without_attempt_or_randomness(attempts: int, entropy: bytes) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        delay_after(attempts, entropy=entropy)


def test_a_token_names_event_receiver_and_person_and_never_expires() -> None:
    body = {"consent": "c", "purpose": "p"}
    event = PartnerEvent(UUID(int=7), "hk-library", "consent.withdrawn", "pseudonym", body, AT, decided=True)
    later = AT + timedelta(hours=3)
    claims = security_event(event, issuer="https://broker.example", at=later)
    assert claims == {
        "iss": "https://broker.example",
        "aud": "hk-library",
        "iat": int(later.timestamp()),
        "toe": int(AT.timestamp()),
        "jti": str(UUID(int=7)),
        "events": {"urn:tongguan:event:consent.withdrawn": body},
        "sub_id": {"format": "iss_sub", "iss": "https://broker.example", "sub": "pseudonym"},
    }
    with pytest.raises(NoDeparture):
        security_event(replace(event, decided=False), issuer="https://broker.example", at=later)


def test_without_the_person_only_ids_go_that_the_receiver_was_given() -> None:
    body = {"consent": "c", "grants": ["g"], "status": "s", "reason": "r", "purpose": "p", "claims": ["name"]}
    event = PartnerEvent(UUID(int=7), "hk-library", "claims.corrected", None, body, AT)
    told = security_event(event, issuer="https://broker.example", at=AT)
    assert "sub_id" not in told
    assert set(told["events"]["urn:tongguan:event:claims.corrected"]) == {"consent", "grants", "status", "reason"}
