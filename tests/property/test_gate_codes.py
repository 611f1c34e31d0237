"""Whatever a camera reads, the offline check has one answer: a checked pass or a named denial."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.wire import base45, trust_list
from broker.wire.qr_payload import PREFIX
from broker.wire.travel_pass import PassMode
from gate_client.core.pass_check import PassDenied, check_pass
from tests.support.gate_world import NOON, ZONE, Authority

OWNER = Authority()
LISTED = trust_list.verify(OWNER.trust_list(), OWNER.root.public, at=NOON)
CODES = [OWNER.wallet(mode=mode).text() for mode in PassMode]
RAW = [base45.decode(code[len(PREFIX) :]) for code in CODES]


def accepted(text: str | bytes, seconds: float = 0) -> bool:
    try:
        check_pass(
            text, trust_list=LISTED, list_of=lambda n: None, expected_zone=ZONE, at=NOON + timedelta(seconds=seconds)
        )
    except PassDenied as denied:
        assert denied.reasons
        return False
    return True


def test_the_codes_themselves_are_good() -> None:
    assert all(accepted(code) for code in CODES)


@settings(max_examples=500, deadline=None)
@given(
    st.text(max_size=400) | st.binary(max_size=400) | st.binary(max_size=200).map(lambda b: PREFIX + base45.encode(b))
)
def test_anything_is_denied_by_name(text: str | bytes) -> None:
    assert not accepted(text)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(RAW), st.data())
def test_a_changed_byte_is_never_accepted_outside_the_sealed_part(raw: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    if accepted(PREFIX + base45.encode(bytes(changed))):
        # Nothing signs the sealed template in the code: its own encryption and the commitment catch this later.
        sealed = raw is RAW[PassMode.OFFLINE]
        assert sealed and place > len(RAW[PassMode.ONLINE])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(CODES), st.floats(-30, 30) | st.floats(-1e9, 1e9))
def test_a_code_is_good_within_its_window_only(code: str, seconds: float) -> None:
    # The pass begins at NOON, which lies 7 s into its 15 s window; 5 s of skew on both sides.
    assert accepted(code, seconds) == (-5 <= round(seconds, 6) < 13)
