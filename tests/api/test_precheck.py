"""The pre-check and the look-up: as a release would be decided, counting nothing and telling no exact count."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from broker.core.governance.rules import Rule
from broker.core.rulebook import Rulebook
from broker.core.standing_papers import StandingAssessment, StandingPapers
from broker.core.transfer import Held, Outgoing, PurposeTerms, Subject
from broker.core.zone import LANGUAGES
from broker.flows.decide_transfer import decide_transfer
from broker.flows.ports import Work
from broker.stores.database import Database
from tests.ports.fakes import FakeKeyStore, FakeWork, FakeWorks
from tests.support.transfers import FILED
from tests.support.web_world import WebWorld, problem

LIMIT = 100
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def _rulebook() -> Rulebook:
    """The operator's contract for faces is filed; a hundred persons, and not a hundred thousand, are the threshold."""
    rulebook = Rulebook.load(
        FILED.replace("gba_registered = true\n\n[recipients.MO]", "gba_registered = false\n\n[recipients.MO]")
    )
    policy = rulebook.transfers.policy
    (volume,) = [p for p in policy.data.provision if p.id is Rule.CN_VOLUME]
    lowered = volume.model_copy(update={"numbers": {"nonsensitive_below": LIMIT}, "since": BEGAN})
    return replace(rulebook, transfers=replace(rulebook.transfers, policy=policy.with_edition(lowered)))


class Asked:
    """The application over ports in memory."""

    def __init__(self, web: WebWorld, http: TestClient, works: FakeWorks) -> None:
        self.web, self.http, self.works = web, http, works

    def count(self, persons: int) -> None:
        """That many distinct persons' ordinary data left the Mainland this year."""
        both = Held.NONSENSITIVE | Held.GROSS_NONSENSITIVE
        held = {(2026, "tongguan/CN", UUID(int=number)): both for number in range(persons)}
        self.works.state.transfers.held = held

    def ask(self, case: Any, **options: Any) -> Any:
        answer = self.http.post("/transfers/precheck", json=case, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    web = WebWorld(Database("postgresql://127.0.0.1:1/none", pool_size=1), tmp_path_factory.mktemp("precheck"))
    works = FakeWorks()
    web.use(begin=works.begin, rulebook=_rulebook())
    with web.client() as http:
        yield Asked(web, http, works)
    web.keys.close()


@pytest.fixture
def asked(broker: Asked) -> Asked:
    broker.count(0)
    return broker


TO_MACAU = {"recipient": {"jurisdiction": "MO"}}


def test_it_answers_from_the_operators_statement(asked: Asked) -> None:
    face = {"data": {"categories": ["face_image"]}, **TO_MACAU, "subjects": {"new_nonsensitive": 0, "new_sensitive": 1}}
    answer = asked.ask(face)
    assert (answer["decision"], answer["gate"], answer["certain"]) == ("gba_sc", "allow_with_conditions", True)
    to_hong_kong = asked.ask(face | {"recipient": {"jurisdiction": "HK"}})
    assert (to_hong_kong["decision"], to_hong_kong["gate"]) == ("scc_or_certification", "hold")
    assert (
        asked.ask({"exporter": {"origin": "HK"}, "recipient": {"jurisdiction": "MO"}})["decision"] == "local_law_only"
    )


@pytest.mark.parametrize(
    ("case", "gate"),
    [
        ({"purpose": "hotel"}, "allow"),
        ({}, "allow"),
        ({"purpose": "other"}, "deny"),
        ({"purpose": "hotel", "recipient": {"jurisdiction": "MO"}}, "deny"),
    ],
)
def test_an_assessment_on_the_table_counts(tmp_path: Path, case: dict[str, Any], gate: str) -> None:
    web = WebWorld(Database("postgresql://127.0.0.1:1/none", pool_size=1), tmp_path)
    looked_at = frozenset(("hotel", "HK", category) for category in ("name", "travel_doc_number"))
    papers = StandingPapers(assessments=(StandingAssessment("tongguan-cn", looked_at, BEGAN),), faces={"CN": 100_000})
    rulebook = Rulebook.load()
    profiles = replace(rulebook.transfers.profiles, papers=lambda: papers)
    web.use(
        begin=FakeWorks().begin, rulebook=replace(rulebook, transfers=replace(rulebook.transfers, profiles=profiles))
    )
    with web.client() as http:
        answer = http.post("/transfers/precheck", json=case).json()
    web.keys.close()
    assert answer["gate"] == ("allow_with_conditions" if gate == "allow" else gate)
    assert answer["obligations"] == ["face_filing_30_working_days"]


def test_another_exporter_is_judged_by_what_it_states(asked: Asked) -> None:
    asked.count(LIMIT)
    own = {"exporter": {"id": "own"}, "recipient": {"jurisdiction": "SG", "gba_registered": False, "trust": "B"}}
    assert asked.ask(own)["decision"] == "exempt"
    answer = asked.ask(own | {"before": {"nonsensitive": LIMIT - 1}})
    assert (answer["decision"], answer["counter_after"]) == ("scc_or_certification", LIMIT)


@pytest.mark.parametrize(
    ("persons", "gate", "certain"), [(0, "allow", True), (94, "allow", True), (95, "hold", False), (100, "hold", True)]
)
def test_the_live_count_decides_as_a_span(asked: Asked, persons: int, gate: str, certain: bool) -> None:
    asked.count(persons)
    answer = asked.ask({"recipient": {"jurisdiction": "HK"}})
    assert (answer["gate"], answer["certain"]) == (gate, certain)


def test_no_question_tells_two_counts_of_a_span_apart(asked: Asked) -> None:
    def told(persons: int) -> list[Any]:
        asked.count(persons)
        sizes = (1, 2, 4, 5, 6, 50, 10**9)
        return [
            asked.ask({"subjects": {"new_nonsensitive": size}, "recipient": {"jurisdiction": "HK"}}) for size in sizes
        ]

    assert told(95) == told(96) == told(99)
    assert told(94) != told(95)
    assert all(name not in answer for answer in told(95) for name in ("counters", "counter_after"))


def test_asking_counts_nobody_and_keeps_nothing(asked: Asked) -> None:
    asked.count(3)
    before = dict(asked.works.state.transfers.held)
    assert asked.ask({})["counted"] is False
    state = asked.works.state
    assert (state.transfers.held, state.transfers.met, state.journal.leaves) == (before, set(), [])


@pytest.mark.parametrize(
    "categories",
    [("name",), ("face_template",), ("name", "birth_date", "nationality", "contact", "health"), ("predicate",)],
)
@pytest.mark.parametrize("to", ["HK", "MO", "CN", "BR"])
@pytest.mark.parametrize("basis", ["consent", "contract"])
def test_the_release_is_decided_as_foretold(asked: Asked, categories: tuple[str, ...], to: str, basis: str) -> None:
    rules = asked.web.ports.services.rulebook.transfers
    stated = {"exporter_kind": "company", "basis": basis, "industry": "general", "storage": "le_30d"}
    made = decide_transfer(
        cast(Work, FakeWork()),
        keys=FakeKeyStore(lambda size: b"k" * size),
        rules=rules,
        traveller=UUID(int=1),
        subject=Subject("CN", 36),
        outgoing=Outgoing("bank", to, categories, PurposeTerms.model_validate(stated), "account"),
        at=asked.web.now(),
    )
    sensitive = any(category.sensitive for category in rules.policy.at(asked.web.now()).categories_of(categories))
    subjects = {"new_nonsensitive": 0 if categories in {("face_template",)} else 1, "new_sensitive": int(sensitive)}
    case = {
        "data": {"categories": list(categories)},
        "recipient": {"jurisdiction": to},
        "subjects": subjects,
        "basis": basis,
    }
    answer = asked.ask(case)
    told = {
        "decision": made.decision.decision,
        "gate": made.gate,
        "score": made.decision.score,
        "policy_hash": made.decision.policy_hash,
    }
    assert {name: answer[name] for name in told} == told
    assert answer["certain"]


def test_dates_and_worked_cases_are_answered_too(asked: Asked) -> None:
    dates = asked.ask({"inputs": {"event": "gba_contract_effective", "date": "2026-03-02"}, "id": "x"})
    assert dates["due"] == "2026-03-16"


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_explains_itself_in_every_language(asked: Asked, language: str) -> None:
    answer = asked.ask({"pia_done": False}, params={"lang": language})
    assert answer["explanation"]["language"] == language
    assert len(answer["next"]) == 2


def test_the_explanation_tells_no_live_count(asked: Asked) -> None:
    asked.count(97)
    assert "2026" not in " ".join(asked.ask({"recipient": {"jurisdiction": "HK"}})["explanation"]["lines"][:-1])
    stated = asked.ask({"recipient": {"jurisdiction": "HK"}, "before": {"nonsensitive": 97}})
    assert "98" in " ".join(stated["explanation"]["lines"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"basis":"hr","basis":"hr"}', 400),
        (b'{"linkage":NaN}', 400),
        (b"[" * 9000, 400),
        (b"[]", 422),
        (b'{"basis":"whim"}', 422),
        (b'{"\\ud800":1}', 422),
        (b'{"exporter":{"id":"\\ud800"}}', 422),
        (b'{"exporter":{"origin":"JP"}}', 422),
        (b'{"data":{"categories":["soul"]}}', 422),
        (b'{"at":"2020-01-01"}', 422),
        (b'{"' + b"x" * 9000 + b'":1}', 422),
        (b" " * 17000, 413),
    ],
)
def test_what_cannot_be_answered_is_a_problem(asked: Asked, body: bytes, status: int) -> None:
    answer = asked.http.post("/transfers/precheck", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert len(problem(answer)["detail"]) < 500
    wrong = asked.http.post("/transfers/precheck", content=b"{}", headers={"content-type": "text/plain"})
    assert wrong.status_code == 415


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["at", "data", "exporter", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=anything)
def test_any_json_is_answered_or_refused(broker: Asked, document: Any) -> None:
    headers = {"content-type": "application/json"}
    answer = broker.http.post("/transfers/precheck", content=json.dumps(document), headers=headers)
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_asks_and_answers(asked: Asked, language: str) -> None:
    opened = asked.http.get("/precheck", params={"lang": language})
    assert opened.status_code == 200
    assert 'name="necessary" value="1" checked' in opened.text
    answered = asked.http.get(
        "/precheck", params={"asked": "1", "lang": language, "category": "face_image", "to": "HK", "persons": "1"}
    )
    assert answered.status_code == 200
    assert 'class="verdict bad"' in answered.text  # nothing is ticked: no consent, not necessary
    assert "PIPL 14, 23, 29, 39" in answered.text
    assert 'name="necessary" value="1" checked' not in answered.text


@pytest.mark.parametrize("persons", ["", "many", "-1", "1.5", "9" * 12])
def test_a_number_that_is_none_is_said(asked: Asked, persons: str) -> None:
    answer = asked.http.get("/precheck", params={"asked": "1", "persons": persons})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_whatever_the_address_says_the_page_stands(asked: Asked) -> None:
    odd = {"asked": "1", "to": "<script>", "basis": "whim", "category": "soul", "persons": "1", "by": "own", "x": "y"}
    answer = asked.http.get("/precheck", params=odd)
    assert answer.status_code == 200
    assert "<script" not in answer.text


def test_anybody_sees_thresholds_trust_and_bands_and_no_count(asked: Asked) -> None:
    asked.count(87)
    found = asked.http.get("/transfers.json")
    document = found.json()
    bands = {(one["counted"], one["threshold"]): one["band"] for one in document["counters"]}
    assert bands[("nonsensitive", LIMIT)] == "from_85"
    assert bands[("sensitive", 10_000)] == "below_70"
    assert document["policy_hash"] == asked.web.ports.services.rulebook.transfers.policy.at(asked.web.now()).hash
    assert (document["trust"]["HK"], document["trust"]["*"]) == ("A", "X")
    (volume,) = [one for one in document["thresholds"] if one["rule"] == "cn.order16.5.1.4"]
    assert (volume["value"], volume["in_force_since"]) == (LIMIT, BEGAN.isoformat())
    assert "87" not in found.text.replace(document["policy_hash"], "").replace(document["at"], "")


@pytest.mark.parametrize(
    ("persons", "band"), [(69, "below_70"), (70, "from_70"), (85, "from_85"), (95, "from_95"), (100, "reached")]
)
def test_bands_change_at_their_marks(asked: Asked, persons: int, band: str) -> None:
    asked.count(persons)
    (one,) = [one for one in asked.http.get("/transfers.json").json()["counters"] if one["threshold"] == LIMIT]
    assert one["band"] == band


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_has_words(asked: Asked, language: str) -> None:
    page = asked.http.get("/transfers", params={"lang": language})
    assert page.status_code == 200
    assert page.text.count('role="img" aria-label="') == 4
    assert "style=" not in page.text


def test_the_words_of_a_place_without_mainland_exporter(tmp_path: Path) -> None:
    web = WebWorld(Database("postgresql://127.0.0.1:1/none", pool_size=1), tmp_path)
    rulebook, works = _rulebook(), FakeWorks()
    profiles = rulebook.transfers.profiles
    alone = replace(profiles, exporters={"HK": profiles.exporters["HK"]})
    web.use(begin=works.begin, rulebook=replace(rulebook, transfers=replace(rulebook.transfers, profiles=alone)))
    with web.client() as http:
        assert http.get("/transfers.json").json()["counters"] == []
        assert http.get("/transfers").status_code == 200
    web.keys.close()


def test_over_the_real_ledger(http: TestClient) -> None:
    assert {one["band"] for one in http.get("/transfers.json").json()["counters"]} == {"below_70"}
    assert http.get("/transfers").status_code == 200
    answer = http.post("/transfers/precheck", json={})
    assert (answer.status_code, answer.json()["reasons"]) == (200, ["pia_missing"])
