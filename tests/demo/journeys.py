"""The journeys of the demonstration: what must work, and what must be refused with which reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker.wire import qr_payload
from tests.demo import pictures
from tests.demo.lane import Lane
from tests.demo.scene import Timeline
from tests.support.wallet_client import WalletClient, WalletError

ZONE = "HK-SZB"
OPENED = "opened"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Cast:
    """Photographs: one traveller in three different pictures, somebody else, and a face that the frame cuts."""

    portrait: Path
    enrolment: Path
    live: Path
    impostor: Path
    cut_off: Path


@dataclass(frozen=True)
class Tenant:
    """One clean broker with its gate: what a journey is played in."""

    provider: str
    person: str
    other_person: str
    cast: Cast
    lane: Lane
    timeline: Timeline
    new_wallet: Callable[[], WalletClient]


def whole_journey(tenant: Tenant) -> WalletClient | None:
    """Login, consent, enrolment, pass, gate. Returns the traveller's wallet, None when the broker refused on the way:
    then the refusal is what the scene observed."""
    scene = tenant.timeline.scene(
        f"{tenant.provider}: from login to an opened gate",
        story="Log in at the identity provider, agree to enrolment and to this port, enrol a face that is compared "
        "with the authority's portrait, mint a pass, hold up the code.",
        expected=OPENED,
    )
    scene.pictures.append(pictures.picture("the authority's portrait", tenant.cast.portrait))
    scene.pictures.append(pictures.picture("what was shown at enrolment", tenant.cast.enrolment))
    wallet, step = tenant.new_wallet(), tenant.timeline.step
    try:
        with step(scene, "login", tenant.provider):
            wallet.login(tenant.provider, tenant.person)
        with step(scene, "two consents"):
            wallet.give_consent("face-enrolment")
            wallet.give_consent("e-channel", ZONE)
        with step(scene, "enrolment"):
            wallet.enrol(tenant.cast.enrolment.read_bytes())
        with step(scene, "mint a pass"):
            travel_pass = wallet.mint(ZONE)[0]
    except WalletError as refusal:
        scene.observed = f"{scene.steps[-1].name} refused: {refusal.body.get('reason', refusal.status)}"
        return None
    tenant.lane.present(scene, wallet.qr_text(travel_pass, at=now()), tenant.cast.live)
    return wallet


def another_person_enrols(tenant: Tenant) -> None:
    scene = tenant.timeline.scene(
        "another person enrols",
        story="Somebody who holds another's login shows their own face at enrolment: it is not the face on the "
        "authority's portrait.",
        expected="enrolment refused: not_same_person",
    )
    wallet = tenant.new_wallet()
    with tenant.timeline.step(scene, "login and consent"):
        wallet.login(tenant.provider, tenant.other_person)
        wallet.give_consent("face-enrolment")
    with tenant.timeline.step(scene, "enrolment"):
        try:
            wallet.enrol(tenant.cast.live.read_bytes())
        except WalletError as refusal:
            scene.observed = f"enrolment refused: {refusal.body.get('reason', refusal.status)}"
        else:
            scene.observed = "enrolled"
    scene.pictures.append(pictures.picture("the authority's portrait", tenant.cast.impostor))
    scene.pictures.append(pictures.picture("what was shown at enrolment", tenant.cast.live))


def refusals(tenant: Tenant, wallet: WalletClient) -> None:
    """Everything a gate must not open for, one code each."""
    lane, timeline, cast = tenant.lane, tenant.timeline, tenant.cast
    passes = wallet.mint(ZONE, n=6)

    scene = timeline.scene(
        "another person's face at the gate",
        story="A valid code in the hands of somebody else.",
        expected="referred: not_same_person",
    )
    lane.present(scene, wallet.qr_text(passes[0], at=now()), cast.impostor)

    scene = timeline.scene(
        "two people before the camera",
        story="A second face as large as the first: the gate does not choose.",
        expected="referred: several_faces",
    )
    crowd = pictures.save(pictures.side_by_side(cast.live, cast.impostor), lane.frames / "two-people.png")
    lane.present(scene, wallet.qr_text(passes[1], at=now()), crowd)

    scene = timeline.scene(
        "a face that the frame cuts off",
        story="The photograph shows a part of the right person's face: too little to compare, so an officer looks.",
        expected="referred: poor_quality",
    )
    lane.present(scene, wallet.qr_text(passes[5], at=now()), cast.cut_off, too_close=True)

    scene = timeline.scene(
        "a copied code after its proof expired",
        story="A photograph of the traveller's screen, held up a minute later: the device proof lives for one window "
        "of 15 seconds.",
        expected="refused: proof_stale",
    )
    lane.present(scene, wallet.qr_text(passes[2], at=now() - timedelta(seconds=60)), cast.live)

    scene = timeline.scene(
        "a tampered code",
        story="One bit of the pass changed inside an otherwise well-formed code.",
        expected="refused: bad_signature",
    )
    lane.present(scene, tampered(wallet.qr_text(passes[2], at=now())), cast.live)

    scene = timeline.scene(
        "a second use",
        story="The pass opens once; then the same pass with a new, valid device proof.",
        expected="refused: already_spent",
    )
    lane.present(scene, wallet.qr_text(passes[3], at=now()), cast.live, step="first use")
    first = scene.observed
    lane.present(scene, wallet.qr_text(passes[3], at=now()), cast.live, step="second use")
    if first != OPENED:
        scene.observed = f"the first use was already {first}"

    scene = timeline.scene(
        "a revoked pass",
        story="The traveller revokes a pass in the wallet, then it is shown.",
        expected="refused: revoked",
    )
    with timeline.step(scene, "revoke"):
        wallet.revoke_pass(passes[4].pass_id)
    lane.present(scene, wallet.qr_text(passes[4], at=now()), cast.live)


def withdrawn_consent(tenant: Tenant, wallet: WalletClient) -> None:
    scene = tenant.timeline.scene(
        "consent withdrawn",
        story="The traveller withdraws the consent for this port; the very next release is refused.",
        expected="refused: consent_withdrawn",
    )
    travel_pass = wallet.mint(ZONE)[0]
    with tenant.timeline.step(scene, "withdraw"):
        wallet.withdraw(
            next(c["consent_id"] for c in wallet.consents() if c["purpose"] == "e-channel" and c["status"] == "active")
        )
    tenant.lane.present(scene, wallet.qr_text(travel_pass, at=now()), tenant.cast.live)


def network_cut(tenant: Tenant, wallet: WalletClient, await_delivery: Callable[[], int]) -> None:
    """The line to the broker is down: an online pass goes to an officer, an offline pass opens, delivered later."""
    lane, timeline = tenant.lane, tenant.timeline
    online = wallet.mint(ZONE)[0]
    scene = timeline.scene(
        "network cut: an online pass",
        story="The gate cannot fetch the template, so it fails to an officer, never to open.",
        expected="referred: broker_unreachable",
    )
    lane.present(scene, wallet.qr_text(online, at=now()), tenant.cast.live, network="down")

    scene = timeline.scene(
        "network cut: an offline pass",
        story="With a separate consent the pass carries the sealed template: the gate opens with no network and "
        "delivers the crossing later.",
        expected=f"{OPENED}, then delivered",
    )
    with timeline.step(scene, "consent and mint"):
        wallet.give_consent("offline-pass", ZONE)
        offline = wallet.mint(ZONE, mode="offline")[0]
    outcome = lane.present(scene, wallet.qr_text(offline, at=now()), tenant.cast.live, network="down")
    waiting = outcome["outbox"]
    with timeline.step(scene, "network back"):
        left = await_delivery()
    if scene.observed == OPENED and waiting > 0 and left == 0:
        scene.observed = f"{OPENED}, then delivered"
    else:
        scene.observed += f", outbox {waiting} then {left}"


def tampered(text: str) -> str:
    """The code with one bit of the pass's claims flipped; every layer around it stays well formed."""
    code = qr_payload.parse_qr(text)
    pass_bytes = bytearray(code.pass_bytes)
    pass_bytes[len(pass_bytes) // 2] ^= 1
    changed = qr_payload.TravelQr(bytes(pass_bytes), code.counter, code.proof, code.sealed_template)
    return changed.to_text()
