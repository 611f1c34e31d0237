"""The officer's button: a press counts for the referral it was made in."""

from collections.abc import Callable
from datetime import datetime

from gate_client.core.lane import WITH_AN_OFFICER, LaneState


class OfficerButton:
    """`press` from the kiosk's threads, `take` from the lane's.

    A press while nobody is referred, or a second one while the first takes effect, must not resolve the next referral
    unseen. So a press remembers when the referral it saw began.
    """

    def __init__(self, state: Callable[[], LaneState]) -> None:
        self._state = state
        self._pressed_in: datetime | None = None

    def press(self) -> None:
        """The officer says that the lane is clear."""
        state = self._state()
        if state.phase in WITH_AN_OFFICER:
            self._pressed_in = state.since

    def take(self) -> bool:
        """Was it pressed in the referral that is on now? A press is taken once."""
        pressed_in, self._pressed_in = self._pressed_in, None
        state = self._state()
        return state.phase in WITH_AN_OFFICER and pressed_in == state.since
