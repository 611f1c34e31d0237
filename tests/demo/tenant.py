"""One tenant of the demonstration: a clean system, one traveller of one provider, and what is played there."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from tests.demo import journeys
from tests.demo.lane import Lane
from tests.demo.scene import Timeline
from tests.support import photos
from tests.support.stage import GateProcess, Stage
from tests.support.wallet_client import WalletClient

PEOPLE = {
    "ctid": ("ctid-wang", "ctid-li"),
    "iamsmart": ("iamsmart-chan", "iamsmart-wong"),
    "macau": ("macau-sousa", "macau-lei"),
}
"""Invented people of each provider: the traveller, and the one whose login somebody else uses."""


def cast_from_packages(index: int) -> journeys.Cast:
    """The three photographs of one person change roles from tenant to tenant."""
    roles = photos.TENANTS[index]
    names = (roles.portrait, roles.enrolment, roles.gate, photos.ANOTHER_PERSON, photos.CUT_OFF[0])
    return journeys.Cast(*map(photos.photo, names))


def lay_portraits(folder: Path, portraits: dict[str, Path]) -> None:
    """What the provider's register holds: a JPEG a person."""
    folder.mkdir(parents=True, exist_ok=True)
    for person, photograph in portraits.items():
        shutil.copyfile(photograph, folder / f"{person}.jpg")


def play(provider: str, *, cast: journeys.Cast, timeline: Timeline, home: Path, refusals: bool) -> None:
    """One clean tenant: broker, database, providers, gate, and one traveller; `refusals`: what must be refused too."""
    traveller, other = PEOPLE[provider]
    lay_portraits(home / "portraits", {traveller: cast.portrait, other: cast.impostor})
    with Stage(home, home / "portraits", serve_wallet=False) as stage:
        gate = stage.gate(journeys.ZONE)
        tenant = journeys.Tenant(
            provider=provider,
            person=traveller,
            other_person=other,
            cast=cast,
            lane=Lane(gate, home / "frames", timeline),
            timeline=timeline,
            new_wallet=partial(new_wallet, stage),
        )
        wallet = journeys.whole_journey(tenant)
        if refusals and wallet is not None:
            journeys.another_person_enrols(tenant)
            journeys.refusals(tenant, wallet)
            journeys.network_cut(tenant, wallet, partial(deliver, stage, gate))
            journeys.withdrawn_consent(tenant, wallet)
            verify_journal(stage, timeline)


def new_wallet(stage: Stage) -> WalletClient:
    return WalletClient(stage.broker_url, f"{stage.wallet_url}/callback", ca=stage.ca)


def deliver(stage: Stage, gate: GateProcess) -> int:
    """Bring the line back and return how many crossings still wait in the outbox."""
    stage.run("gate", "sync", "--home", gate.home)
    status = stage.run("gate", "status", "--home", gate.home)
    line = next(line for line in status.splitlines() if "crossings waiting" in line)
    return int(line.split()[-1])


def verify_journal(stage: Stage, timeline: Timeline) -> None:
    scene = timeline.scene(
        "the journal",
        story="Every consent, release and crossing of this tenant stands in a Merkle log: recompute every hash, "
        "check every signed checkpoint.",
        expected="verified",
    )
    with timeline.step(scene, "tongguan journal verify"):
        *_, summary, verdict = stage.run("journal", "verify", "--home", stage.broker_home).strip().splitlines()
    scene.story += f" {summary}."
    scene.observed = verdict
