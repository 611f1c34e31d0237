"""One face frame against one opened template: a score with its threshold, or a reason for a retake."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload
from gate_client.core.decision import Score
from gate_client.devices.frames import Image
from gate_client.stopwatch import Stopwatch


class FaceRefused(Exception):
    """This frame gives nothing to compare; another may."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, eq=False, slots=True)
class Match:
    """`score` of a frame and the crop it was computed from, `aligned`: (side, side, 3) BGR."""

    score: Score
    aligned: Image


class FaceMatcher(Protocol):
    """Scores a frame against a reference."""

    @property
    def model_hashes(self) -> Mapping[str, str]:
        """Name to SHA-256 (hex) of every model and threshold file in use: what a decision records."""

    def match(self, frame: Image, payload: TemplatePayload, watch: Stopwatch) -> Match:
        """Raises `FaceRefused` for this frame, `VerifyError(TEMPLATE_UNAVAILABLE)` for a template of other models."""
