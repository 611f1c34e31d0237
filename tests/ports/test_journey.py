"""The whole journey of a traveller through the flows, over the fakes and over PostgreSQL: both must agree."""

import pytest

from broker.core.denial import Denied, Refusal
from broker.core.purpose import E_CHANNEL
from broker.flows.release_template import Released
from broker.wire import status_list, travel_pass
from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload, check_commitment
from broker.wire.travel_pass import PassMode
from tests.support.broker_world import TEMPLATE, ZONE, World


def test_a_released_template_is_the_one_the_pass_committed_to(world: World) -> None:
    traveller = world.ready()
    lane, minted = world.lane(), world.one_pass(traveller)
    message, request = lane.request(world.phone.code(minted, world.at), world.at)

    released = world.release(request)

    assert isinstance(released, Released), released
    payload = TemplatePayload.decode(lane.key.open(released.ciphertext, message.info(request)))
    shown = travel_pass.verify(minted.pass_bytes, world.trust_list, at=world.at, expected_zone=ZONE)
    check_commitment(payload, shown.claims.commitment)
    assert payload.template == TEMPLATE
    assert payload.seeds == tuple(world.keys.seeds(traveller))


def test_a_withdrawal_stops_the_next_release_and_revokes_the_pass(world: World) -> None:
    traveller = world.ready()
    lane, minted = world.lane(), world.one_pass(traveller)
    consent = world.consent(traveller, E_CHANNEL, ZONE).record

    withdrawn = world.withdraw(traveller, consent.consent_id)

    assert not isinstance(withdrawn, Denied)
    assert withdrawn.revoked_passes == 1
    denied = world.release(lane.request(world.phone.code(minted, world.at), world.at)[1])
    assert isinstance(denied, Denied)
    assert denied.reason is Reason.CONSENT_WITHDRAWN
    with world.begin() as work:
        published = work.status.published(0)
    assert published is not None
    shown = travel_pass.verify(minted.pass_bytes, world.trust_list, at=world.at, expected_zone=ZONE)
    bits = status_list.verify(published.raw, world.trust_list, at=world.at)
    assert bits.status(shown.claims.status_index)


@pytest.mark.parametrize("mode", list(PassMode))
def test_minting_again_for_the_same_key_gives_the_same_pass(world: World, mode: PassMode) -> None:
    traveller = world.ready(offline=True)
    keys = world.phone.new_keys(3)

    first, again = world.mint(traveller, keys, mode), world.mint(traveller, keys, mode)

    assert isinstance(first, tuple)
    assert first == again
    assert len({minted.pass_id for minted in first}) == 3
    assert world.mint(traveller, keys[:1], PassMode(1 - mode)) == Denied(
        Refusal.DEVICE_KEY_USED, "each pass needs a device key of its own"
    )
