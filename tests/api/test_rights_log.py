"""The log a person reads of themself: complete over its pages, in their words, each entry proved."""

import json
import re
from base64 import b64decode

import pytest
from starlette.testclient import TestClient

from broker.core.purpose import E_CHANNEL
from broker.core.statement_check import verify_journal_place
from broker.core.zone import LANGUAGES
from broker.web.messages import catalogue
from broker.wire.checkpoint import parse_verifier_key
from broker.wire.merkle import leaf_hash
from tests.support.broker_world import ZONE
from tests.support.rights import Person, arrive, place_entries, verifier_key
from tests.support.web_world import WebWorld

LEAF = re.compile(r'href="/rights/log/([0-9a-f]{64})"')


@pytest.fixture
def person(web: WebWorld, http: TestClient) -> Person:
    return arrive(web, http, web.world.ready())


def test_pages_miss_nothing_though_many_entries_have_one_time(web: WebWorld, person: Person) -> None:
    web.world.mint(person.traveller, web.world.phone.new_keys(19))
    with web.world.begin() as work:
        every = work.rights.entries(person.traveller, key=web.keys.key(person.traveller), limit=100, after=None)
    first = person.get("/rights/log")
    older = re.search(r"/rights/log\?after=([0-9a-f]{64})", first.text)
    assert older is not None
    second = person.get(f"/rights/log?after={older[1]}")
    seen = LEAF.findall(first.text) + LEAF.findall(second.text)
    assert seen == [use.leaf_hash.hex() for use in every]
    assert ('rel="next"' in first.text, 'rel="next"' in second.text) == (True, False)


def test_what_was_declined_says_why_in_each_language(web: WebWorld, person: Person) -> None:
    minted = web.world.one_pass(person.traveller)
    lane = web.world.lane()
    request = lane.request(web.world.phone.code(minted, web.now()), web.now())[1]
    with web.world.begin() as work:
        standing = work.consents.standing(person.traveller, E_CHANNEL, ZONE)
    assert standing is not None
    web.world.withdraw(person.traveller, standing.consent_id)
    web.world.release(request)
    for language in LANGUAGES:
        texts = catalogue(language)
        page = person.get("/rights/log", lang=language)
        assert texts["rights_log"]["declined"] in page.text
        assert texts["journal_kind"]["gate:template:refused"] in page.text
        assert texts["journal_reason"]["consent_withdrawn"] in page.text
        assert f'<html lang="{language}"' in page.text
        assert "<script" not in page.text


def test_a_release_says_under_which_rule(web: WebWorld, person: Person) -> None:
    minted = web.world.one_pass(person.traveller)
    web.world.release(web.world.lane().request(web.world.phone.code(minted, web.now()), web.now())[1])
    page = person.get("/rights/log").text
    assert "It may go now." in page
    assert "This is not a regulated export." in page
    assert "Hong Kong → Hong Kong" in page


def test_every_entry_is_proved_and_nobody_elses_is_shown(web: WebWorld, person: Person) -> None:
    place_entries(web)
    leaf = LEAF.findall(person.get("/rights/log").text)[0]
    proof = json.loads(person.get(f"/rights/log/{leaf}").content)
    assert leaf_hash(b64decode(proof["entry"])).hex() == leaf == proof["journal"]["leaf"]
    origin, key = parse_verifier_key(verifier_key(web))
    assert verify_journal_place(proof["journal"], [key], origin=origin).size == proof["journal"]["size"]
    stranger = arrive(web, person.http, web.world.ready("somebody-else"))
    assert stranger.get(f"/rights/log/{leaf}").status_code == 404
    assert leaf not in stranger.get("/rights/log").text
