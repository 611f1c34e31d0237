"""A lane with one camera: the traveller shows the code to it, then their face."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from broker.wire.errors import DecodeError
from broker.wire.reasons import Reason
from gate_client.core.lane import WITH_AN_OFFICER, Phase
from gate_client.devices.code_reader import CodeReader
from gate_client.devices.frames import BrokenFrame, Frame, Image
from gate_client.lane import Lane
from gate_client.outcome import LaneOutcome

AGAIN_AFTER = timedelta(seconds=5)
"""A code that was just denied and is still in the picture is not tried, and not recorded, again before this."""


class CameraLane:
    """Feeds a lane from one stream of frames. `officer`: asked after a referral whether the lane may go on."""

    def __init__(
        self, lane: Lane, reader: CodeReader, clock: Callable[[], datetime], officer: Callable[[], bool]
    ) -> None:
        self._lane = lane
        self._reader = reader
        self._clock = clock
        self._officer = officer
        self._last: tuple[str, datetime] | None = None

    def run(self, frames: Iterable[Frame], decided: Callable[[LaneOutcome], None]) -> None:
        """Until the frames end; a traveller still inside then is an officer's."""
        for frame in frames:
            outcome = self.see(frame)
            if outcome is not None:
                decided(outcome)
        if self._lane.state.phase is Phase.CAPTURE:
            decided(self._lane.give_up())

    def see(self, frame: Frame) -> LaneOutcome | None:
        """Take in one frame: a code when the lane is idle, a face when somebody stands inside."""
        outcome = self._lane.tick()
        if outcome is not None:
            return outcome
        phase = self._lane.state.phase
        if phase in WITH_AN_OFFICER:
            # The officer is heard whatever the camera shows; the frame itself belongs to nobody.
            if self._officer():
                self._lane.officer_done()
        elif isinstance(frame, BrokenFrame):
            return None
        elif phase is Phase.IDLE:
            return self._code(frame)
        elif phase is Phase.CAPTURE:
            return self._lane.glance(frame)
        return None

    def _code(self, frame: Image) -> LaneOutcome | None:
        try:
            text = self._reader.read(frame)
        except DecodeError as error:
            # An empty picture, or somebody's other code: nothing to decide, and nothing worth a record.
            if error.reason is not Reason.NO_QR:
                self._lane.hint(error.reason)
            return None
        at = self._clock()
        if self._last is not None and self._last[0] == text and at - self._last[1] < AGAIN_AFTER:
            return None
        self._last = (text, at)
        return self._lane.show_text(text)
