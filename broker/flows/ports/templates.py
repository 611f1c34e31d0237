"""Sealed templates, and who examines a capture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from broker.core.travel import SealedTemplate
from broker.wire.reasons import Reason
from broker.wire.sealed_template import FaceTemplate


class TemplateVault(Protocol):
    """At most one sealed face template a traveller."""

    def store(self, template: SealedTemplate) -> None:
        """Keep the template in place of any earlier one."""

    def find(self, traveller: UUID) -> SealedTemplate | None:
        """The traveller's template."""

    def discard(self, traveller: UUID) -> bool:
        """Delete it; whether there was one."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A capture that shows the person of the portrait. `score` and `threshold` are on the scale of the embedder set."""

    template: FaceTemplate
    score: float
    threshold: float
    model_hashes: Mapping[str, str]
    thresholds_hash: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """An image that was looked at and refused: no face, several, poor quality, unreadable, or another person.

    `image`: "capture", or "portrait" when it is the authority's photograph that cannot be used.
    """

    reason: Reason
    image: str = "capture"


class ExaminerUnavailable(Exception):
    """The face engine could not answer now (starting, overloaded, crashed). Nothing is known about the capture."""


class FaceExaminer(Protocol):
    """Looks at a capture beside the authority's portrait, away from any transaction."""

    def examine(self, capture: bytes, portrait: bytes, seeds: Sequence[bytes]) -> Examined | NotAccepted:
        """Compare and make the template. Raises ExaminerUnavailable."""
