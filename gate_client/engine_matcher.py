"""The matcher that real lanes use: this gate's models and their calibrated thresholds."""

from collections.abc import Mapping

from broker.wire.errors import VerifyError
from broker.wire.reasons import Reason
from broker.wire.sealed_template import TemplatePayload
from gate_client.core.decision import Score
from gate_client.core.template import TemplateError, compare
from gate_client.core.thresholds import Thresholds, ThresholdsError
from gate_client.devices.frames import Image
from gate_client.inference.engine import CaptureRefused, FaceEngine
from gate_client.matcher import FaceRefused, Match
from gate_client.stopwatch import Stopwatch


class EngineMatcher:
    """The models of this gate and their calibrated thresholds."""

    def __init__(self, engine: FaceEngine, thresholds: Thresholds) -> None:
        self._engine = engine
        self._thresholds = thresholds
        self._hashes = {**engine.model_hashes, "thresholds": thresholds.hash}

    @property
    def model_hashes(self) -> Mapping[str, str]:
        return self._hashes

    def match(self, frame: Image, payload: TemplatePayload, watch: Stopwatch) -> Match:
        try:
            capture = self._engine.capture(frame)
        except CaptureRefused as error:
            raise FaceRefused(error.reason, error.detail) from error
        for stage, milliseconds in capture.timings.items():
            watch.add(stage, milliseconds)
        with watch.stage("compare"):
            try:
                comparison = compare(capture.embeddings, payload, thresholds=self._thresholds)
                threshold = self._thresholds.at(comparison.embedder_set)
            except (TemplateError, ThresholdsError) as error:
                raise VerifyError(Reason.TEMPLATE_UNAVAILABLE, str(error)) from error
        return Match(Score(comparison.fused, threshold, comparison.embedder_set), capture.aligned)
