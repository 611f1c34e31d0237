"""An incident: who was touched is found without a name, each is told in their language, authorities have dates."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from broker.cli.incidents import _EXAMPLE
from broker.core.incident import Criterion, Statement, deadlines
from broker.flows.open_incident import count_affected, open_incident
from tests.support.agency_world import AgencyWorld
from tests.support.broker_world import NOON, ZONE
from tests.support.partner_world import BANK, opening
from tests.support.rights import arrive, place_entries
from tests.support.web_world import WebWorld

WORDS = {
    language: {"what": f"what {language}", "harm": "harm", "measures": "measures", "advice": "advice"}
    for language in ("zh-Hant", "zh-Hans", "en", "pt")
}


def _statement(**criterion: Any) -> Statement:
    hours = {"since": NOON - timedelta(hours=1), "until": NOON + timedelta(hours=1)}
    return Statement.model_validate(
        {
            "known_at": NOON + timedelta(hours=2),
            "contact": "privacy@operator.example",
            "places": ["CN", "EU"],
            "criterion": {**hours, **criterion},
            "words": WORDS,
        }
    )


def test_whoever_was_touched_is_told_and_nobody_else(web: WebWorld, http: TestClient) -> None:
    agencies = AgencyWorld(web)
    touched, other = agencies.person(), agencies.person("somebody-else")
    client, _ = agencies.consented(http, touched, opening("birthdate"))
    assert client.get("/claims").status_code == 200
    agencies.partners.agree(other, opening("birthdate"))  # agreed, and nothing was fetched
    place_entries(web)
    with web.world.begin() as work:
        assert count_affected(work, _statement(recipient=BANK)) == 1
        assert count_affected(work, _statement(recipient=BANK, purpose="signing")) == 0
        assert count_affected(work, _statement(recipient=BANK, until=NOON)) == 0
        opened = open_incident(
            work, _statement(recipient=BANK), keys=web.keys, opened_by="op-1", at=web.now(), entropy=web.world.entropy
        )
    assert opened.affected == 1
    person = arrive(web, http, touched)
    assert "1 unread" in person.get("/rights").text
    for language in WORDS:
        page = person.get("/rights/notices", lang=language)
        assert f"what {language}" in page.text
        assert "privacy@operator.example" in page.text
    assert "unread" not in person.get("/rights").text
    assert "You were told of an incident" in person.get("/rights/log").text
    assert "There is no notice" in arrive(web, http, other).get("/rights/notices").text
    with web.world.begin() as work:
        ((kept, read),) = work.incidents.counts()
    assert (kept.statement.criterion, read) == (_statement(recipient=BANK).criterion, 1)


def test_a_gates_template_and_its_hours(web: WebWorld) -> None:
    traveller = web.world.ready()
    minted = web.world.one_pass(traveller)
    lane = web.world.lane()
    web.world.release(lane.request(web.world.phone.code(minted, web.now()), web.now())[1])
    with web.world.begin() as work:  # still waiting for its place in the log
        assert work.incidents.affected(_statement(gate=lane.gate.gate_id).criterion) == [traveller]
        assert work.incidents.affected(_statement(recipient=ZONE).criterion) == [traveller]
        assert work.incidents.affected(_statement(gate="another").criterion) == []


def test_authorities_have_their_dates() -> None:
    told = deadlines(_statement(recipient=BANK))
    assert [(one["place"], one["due"]) for one in told] == [
        ("CN", "without delay"),
        ("CN", "2026-11-20T18:00:00+00:00"),
        ("EU", "2026-11-23T14:00:00+00:00"),
    ]
    assert all(one["cite"] and one["confidence"] for one in told)


def test_a_statement_is_whole_or_refused() -> None:
    with pytest.raises(ValueError, match="words"):
        Statement.read(_EXAMPLE)  # an example in one language is not yet one that everybody can read
    with pytest.raises(ValueError, match="names a recipient"):
        Criterion(since=NOON, until=NOON + timedelta(hours=1))
    with pytest.raises(ValueError, match="begins before"):
        Criterion(since=NOON, until=NOON, gate="g")
