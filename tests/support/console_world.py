"""A console with something on it: releases of some weeks, counters, samples and findings, all invented."""

import os
import random
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from broker.core.alarm import Alarm
from broker.core.change_body import Kind
from broker.core.sample import Sample, checked_finding
from broker.core.staff import Role
from broker.flows.claim_sample import claim_sample
from broker.flows.record_finding import record_finding
from broker.stores.database import Database
from tests.support.audited_world import AuditedWorld, decided
from tests.support.change_office import Office
from tests.support.staff import enter
from tests.support.web_world import WebWorld

# From, to, how many on an average day, and of a hundred how many are amber, red, held or denied.
ROUTES = (
    ("CN", "HK", 46, 14, 3, 4),
    ("HK", "CN", 30, 6, 0, 1),
    ("CN", "MO", 17, 11, 2, 3),
    ("MO", "CN", 11, 4, 0, 0),
    ("HK", "MO", 6, 2, 0, 0),
    ("MO", "HK", 4, 2, 0, 0),
    ("CN", "US", 2, 60, 20, 50),
    ("HK", "PT", 1, 20, 0, 10),
    ("HK", "HK", 25, 0, 0, 0),
    ("CN", "CN", 12, 0, 0, 0),
)


# Persons already counted this year, by exporter: not sensitive, sensitive.
COUNTED = {"tongguan/CN": (71_204, 8_611), "tongguan/HK": (40_112, 12_030)}
_PARTY = "INSERT INTO transfer_parties (name) VALUES (:name) RETURNING party_id"
_COUNTS = (
    "INSERT INTO transfer_counts (year, exporter, stripe, nonsensitive, sensitive, gross_nonsensitive, gross_sensitive)"
    " VALUES (2026, :party, 0, :nonsensitive, :sensitive, :nonsensitive, :sensitive)"
)


def furnish(web: WebWorld, database: Database, *, days: int = 12, seed: int = 7) -> AuditedWorld:
    """Days of releases up to the clock of `web`, read and drawn; the application signs and opens with the same keys."""
    dice = random.Random(seed)  # noqa: S311 - invented data
    now = web.world.at
    audited = AuditedWorld(database, now - timedelta(days=days), keys=web.keys)
    audited.keep_house()
    for day in range(days):
        audited.at = now - timedelta(days=days - day)
        _one_day(audited, dice)
        audited.place()
        audited.go_to(min(now, audited.at + timedelta(days=1)))
    web.use(checkpoint_keys=(audited.signer.public,))
    _findings(audited)
    _counts(database)
    with audited.begin() as work:
        seen = [
            Alarm(2026, "sensitive/tongguan/CN", "order16.7", 10_000, level, count)
            for level, count in ((70, 7_000), (85, 8_502))
        ]
        work.alarms.raise_new(seen, at=now - timedelta(days=3))
    _exclusion(web)
    return audited


def _exclusion(web: WebWorld) -> None:
    """In force a minute ago: two operators hold back travel tracks to the United States for a day."""
    web.world.at -= timedelta(minutes=1)
    office = Office(web.world)
    body = {"effect": "hold", "jurisdictions": ["US"], "categories": ["travel_track"]}
    office.adopt(Kind.EXCLUSION, body, because="A breach at a recipient is being looked into")
    office.adopt(Kind.TRUST, {"jurisdiction": "PT", "tier": "B"}, because="Adequacy was reviewed")
    web.world.at += timedelta(minutes=1)


def _one_day(audited: AuditedWorld, dice: random.Random) -> None:
    for origin, destination, many, amber, red, stopped in ROUTES:
        for _ in range(round(many * dice.uniform(0.5, 1.4))):
            luck = dice.uniform(0, 100)
            band = "red" if luck < red else "amber" if luck < red + amber else "green"
            gate = "allow_with_conditions" if band == "amber" else "allow"
            if band == "red":
                gate = "hold"
            elif dice.uniform(0, 100) < stopped:
                gate = dice.choice(["hold", "deny"])
            crossing: dict[str, Any] = {"origin": origin, "destination": destination}
            mechanism = "not_regulated_export" if origin != "CN" else dice.choice(["gba_sc", "gba_sc", "exempt"])
            kind = "gate:template:refused" if gate in ("hold", "deny") else "gate:template:released"
            score = {"green": 35, "amber": 74, "red": 105}[band] + dice.randint(-8, 8)
            audited.release(1, decided(band, gate, mechanism=mechanism, score=score, **crossing), kind=kind)


def _counts(database: Database) -> None:
    with database.unit_of_work() as uow:
        for name, (nonsensitive, sensitive) in COUNTED.items():
            party = uow.session.execute(text(_PARTY), {"name": name}).scalar_one()
            counts = {"party": party, "nonsensitive": nonsensitive, "sensitive": sensitive}
            uow.session.execute(text(_COUNTS), counts)


def _findings(audited: AuditedWorld) -> None:
    with audited.begin() as work:
        auditor, _ = enter(work, Role.AUDITOR, at=audited.at)
    said = (
        ("lawful", "", ""),
        ("lawful", "", ""),
        ("doubtful", "The notice was in another language than the person's.", ""),
        ("lawful", "", ""),
        ("unlawful", "The consent had ended a day before.", "Tell the person; mend the check of the last day."),
    )
    for verdict, why, follow_up in said:
        with audited.begin() as work:
            taken = claim_sample(work, auditor=auditor, at=audited.at, entropy=os.urandom)
            assert isinstance(taken, Sample)
            finding = checked_finding(verdict, why, follow_up, nonce=os.urandom(16), at=audited.at)
            record_finding(
                work, release=taken.release, auditor=auditor, finding=finding, at=audited.at, entropy=os.urandom
            )
    audited.place()
