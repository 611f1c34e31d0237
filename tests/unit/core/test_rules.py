"""Zones, purposes and notices as data; epochs; invitations; what travels in which mode."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.denial import InvalidInput
from broker.core.epoch import GRACE, dies_at, epoch_of, epoch_secret, epochs_in_use, key_id
from broker.core.gate import invitation_code, invitation_digest
from broker.core.purpose import Purposes
from broker.core.rulebook import Rulebook
from broker.core.travel import part_for, payload_of
from broker.core.zone import LANGUAGES, Zones
from broker.wire.sealed_template import FaceTemplate, TemplatePart
from broker.wire.travel_pass import MAX_LIFETIME, PassMode

BOOK = Rulebook.load()
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_every_notice_is_complete_in_every_language_and_each_has_its_own_digest() -> None:
    digests = set()
    for purpose in BOOK.purposes.purposes.values():
        zones = list(BOOK.zones.zones) if purpose.per_zone else [None]
        for zone in zones:
            for language in LANGUAGES:
                notice = BOOK.notice(purpose.purpose_id, zone, language)
                assert all((notice.title, notice.recipient, notice.controller, notice.contact, notice.purpose))
                assert all((notice.method, notice.categories, notice.retention, notice.effect, notice.rights))
                digests.add(notice.reference().digest)
    assert len(digests) == len(LANGUAGES) * (1 + 2 * len(BOOK.zones.zones))
    with pytest.raises(InvalidInput):
        BOOK.notice("e-channel", "HK-SZB", "fr")


def test_each_zone_has_a_controller_of_its_own_jurisdiction() -> None:
    assert {zone.jurisdiction for zone in BOOK.zones.zones.values()} == {"HK", "CN", "MO"}
    assert len({zone.controller.controller_id for zone in BOOK.zones.zones.values()}) == 3


@pytest.mark.parametrize(
    "broken",
    [
        'version = "1"\nzones = []\n[controllers]',
        'version="1"\n[[zones]]\nid="A"\njurisdiction="HK"\ncontroller="nobody"\n[zones.name]\nen="A"\n[controllers]',
    ],
)
def test_incomplete_zone_data_is_refused_at_start(broken: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Zones.load(broken)
    with pytest.raises(ValueError, match="no purpose"):
        Purposes.load('version="1"\npurposes=[]\n[rights]\nen="x"')


@given(at=MOMENTS)
def test_a_gate_always_holds_the_secret_of_every_pass_that_can_still_be_shown(at: datetime) -> None:
    in_use = epochs_in_use(at)
    assert epoch_of(at) in in_use
    oldest_pass = at - MAX_LIFETIME[PassMode.OFFLINE]
    assert epoch_of(oldest_pass) in in_use
    assert all(dies_at(epoch) > at for epoch in in_use)
    assert dies_at(in_use[0] - 1) <= at


def test_a_secret_dies_an_hour_after_its_last_pass() -> None:
    end = datetime(2026, 11, 21, tzinfo=UTC)
    epoch = epoch_of(end - timedelta(seconds=1))
    assert dies_at(epoch) == end + MAX_LIFETIME[PassMode.OFFLINE] + GRACE
    assert key_id("HK-SZB", epoch) != key_id("CN-SZB", epoch) != key_id("CN-SZB", epoch + 1)
    assert epoch_secret(b"k" * 32, zone="A", epoch=1) != epoch_secret(b"k" * 32, zone="A", epoch=2)


@given(random=st.binary(min_size=10, max_size=10))
def test_an_invitation_is_recognised_however_it_is_typed(random: bytes) -> None:
    code = invitation_code(random)
    assert len(code) == 19
    assert invitation_digest(code) == invitation_digest(f" {code.lower().replace('-', ' ')} ")


def test_one_embedder_travels_in_a_code_and_all_of_them_online() -> None:
    dlib, mobile = TemplatePart("dlib-resnet-v1", b"d"), TemplatePart("mobilefacenet-192", b"m")
    both, seeds = FaceTemplate((dlib, mobile)), (b"1" * 16, b"2" * 16)
    assert part_for(PassMode.ONLINE, both) == both
    assert part_for(PassMode.OFFLINE, both) == FaceTemplate((mobile,))
    # A licence-clean enrolment has one part, which then travels in both modes.
    assert part_for(PassMode.OFFLINE, FaceTemplate((dlib,))) == FaceTemplate((dlib,))
    with pytest.raises(ValueError, match="several embedders"):
        part_for(PassMode.OFFLINE, FaceTemplate((dlib, TemplatePart("vendor-9", b"v"))))
    payload = payload_of(PassMode.OFFLINE, both, seeds=seeds, traveller_key=b"k" * 32, pass_id=b"p" * 16)
    assert payload.seeds == (seeds[1],)
    whole = payload_of(PassMode.ONLINE, both, seeds=seeds, traveller_key=b"k" * 32, pass_id=b"p" * 16)
    assert whole.seeds == seeds
    alone = payload_of(PassMode.ONLINE, FaceTemplate((dlib,)), seeds=seeds, traveller_key=b"k" * 32, pass_id=b"p" * 16)
    assert alone.seeds == seeds[:1]
