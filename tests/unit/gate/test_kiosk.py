"""The screens: every phase has an instruction in four languages; loopback only; the officer's page wants its key."""

import json
import string
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker.wire.reasons import Reason
from gate_client.core.lane import Phase
from gate_client.kiosk.board import _BY_PHASE, _BY_REASON, MAX_SCREENS, Board
from gate_client.kiosk.server import Kiosk
from tests.support.gate_world import FRAME, World

KEY = "officer-key"


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def pressed() -> list[str]:
    return []


@pytest.fixture
def address(board: Board, pressed: list[str]) -> Iterator[str]:
    kiosk = Kiosk(board, port=0, officer_key=KEY, officer_done=lambda: pressed.append("done"))
    kiosk.start()
    yield f"http://127.0.0.1:{kiosk.port}"
    kiosk.stop()


def messages() -> dict[str, dict[str, str]]:
    return dict(json.loads(resources.files("gate_client.kiosk").joinpath("messages.json").read_text("utf-8")))


def test_every_phase_and_hint_has_its_words_in_four_languages() -> None:
    texts = messages()
    assert list(texts) == ["zh-Hant", "zh-Hans", "en", "pt"]
    assert set(_BY_PHASE) == set(Phase)
    for language, catalogue in texts.items():
        assert set(catalogue) == set(texts["en"]), language
        assert {*_BY_PHASE.values(), *_BY_REASON.values(), "manual_lane"} <= set(catalogue)
        assert all(text.strip() and len(text) < 60 for text in catalogue.values())
    assert not any(set(text) & set(string.ascii_letters) for text in texts["zh-Hant"].values())


def test_the_traveller_is_not_told_why_somebody_is_referred() -> None:
    for reason in (Reason.NOT_SAME_PERSON, Reason.REVOKED, Reason.BAD_SIGNATURE, Reason.CONSENT_WITHDRAWN):
        assert reason not in _BY_REASON


def test_pages_are_served_with_nothing_from_elsewhere(address: str) -> None:
    for path, kind in (("/", "text/html"), ("/kiosk.css", "text/css"), ("/traveller.js", "text/javascript")):
        answer = httpx.get(address + path)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "http:" not in answer.text and "https:" not in answer.text
    assert httpx.get(address + "/../server.py").status_code == 404


def test_the_officers_page_and_button_want_the_key(address: str, pressed: list[str]) -> None:
    assert httpx.get(address + "/officer").status_code == 404
    assert httpx.get(address + "/officer?key=wrong").status_code == 404
    assert httpx.get(address + f"/officer?key={KEY}").status_code == 200
    assert httpx.get(address + "/decisions").status_code == 404
    assert httpx.post(address + "/officer/done").status_code == 404
    assert httpx.post(address + "/officer/done", headers={"x-officer-key": KEY}).status_code == 204
    assert pressed == ["done"]


def test_another_hosts_name_is_not_answered(address: str) -> None:
    assert httpx.get(address, headers={"host": "evil.example"}).status_code == 421
    answer = httpx.post(address + "/officer/done", headers={"host": "evil.example", "x-officer-key": KEY})
    assert answer.status_code == 421


def events(address: str, count: int) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    with httpx.stream("GET", address + "/events", timeout=10) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
            if len(seen) == count:
                break
    return seen


def test_a_crossing_is_told_on_the_screen_and_listed_for_the_officer(
    address: str, board: Board, tmp_path: Path
) -> None:
    world = World(tmp_path / "gate.db").stock()
    lane = world.lane(watcher=board)
    assert events(address, 1) == [{"phase": "idle", "say": "show_code"}]
    follower = board.follow()
    assert follower is not None
    assert lane.show_text(world.wallet().text()) is None
    lane.look(FRAME)
    lane.show_text("TG1:%69")
    said = [update["say"] for update in iter(lambda: follower.next(0.1), None) if update is not None]
    assert said[0] == "show_code" and "look_at_camera" in said and "walk_out" in said and "manual_lane" in said
    listed = httpx.get(address + "/decisions", headers={"x-officer-key": KEY}).json()
    assert [(entry["decision"], entry["reasons"]) for entry in listed] == [
        ("refused", ["malformed_cbor"]),
        ("cleared", []),
    ]
    assert {entry["liveness"] for entry in listed} == {"not_assessed"}
    assert not any("pass_id" in entry or "evidence" in entry for entry in listed)


def test_a_screen_that_does_not_read_never_holds_the_lane_up(board: Board) -> None:
    screens = [board.follow() for _ in range(MAX_SCREENS)]
    assert None not in screens and board.follow() is None
    for _ in range(200):
        board.hint(Reason.NO_FACE)
    assert board.now()["say"] == "look_at_camera"
    leaving = screens[0]
    assert leaving is not None
    board.leave(leaving)
    assert board.follow() is not None
