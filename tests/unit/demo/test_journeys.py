"""A refused enrolment is what the scene observed, and the journey ends there."""

from pathlib import Path
from typing import Any, cast

import cv2
import httpx
import numpy as np
import pytest

from tests.demo.journeys import Cast, Tenant, whole_journey
from tests.demo.lane import Lane
from tests.demo.report import write_report
from tests.demo.scene import Timeline
from tests.support.wallet_client import WalletClient, WalletError


class RefusedWallet:
    """A wallet whose enrolment, or whose minting, the broker refuses."""

    def __init__(self, refused: str) -> None:
        self.refused = refused

    def login(self, *_: str) -> None: ...
    def give_consent(self, *_: str) -> None: ...
    def enrol(self, jpeg: bytes) -> None:
        self._answer("enrolment")

    def mint(self, zone: str) -> list[Any]:
        self._answer("mint")
        return []

    def _answer(self, what: str) -> None:
        if what == self.refused:
            raise WalletError(what, httpx.Response(422, json={"reason": "not_same_person"}))


@pytest.mark.parametrize(
    ("refused", "observed"),
    [("enrolment", "enrolment refused: not_same_person"), ("mint", "mint a pass refused: not_same_person")],
)
def test_a_refusal_is_recorded_and_reported(refused: str, observed: str, tmp_path: Path) -> None:
    photograph = tmp_path / "face.jpg"
    cv2.imwrite(str(photograph), np.full((60, 80, 3), 90, np.uint8))
    timeline = Timeline()
    tenant = Tenant(
        provider="ctid",
        person="ctid-wang",
        other_person="ctid-li",
        cast=Cast(*[photograph] * 5),
        lane=cast(Lane, None),
        timeline=timeline,
        new_wallet=lambda: cast(WalletClient, RefusedWallet(refused)),
    )
    assert whole_journey(tenant) is None
    [scene] = timeline.scenes
    assert scene.observed == observed and not timeline.holds
    assert len(scene.pictures) == 2
    report = tmp_path / "report.html"
    write_report(report, timeline.scenes, summary="", provenance="")
    assert observed in report.read_text("utf-8")
