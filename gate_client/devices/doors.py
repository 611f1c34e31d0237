"""Doors and sensors of one lane."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gate_client.core.lane import Happened


class DoorFault(Exception):
    """The controller did not take a command, or its sensors contradict one another."""


class Doors(Protocol):
    """The two doors and the occupancy sensor of a lane.

    Opening returns once the controller unlocked the door, or raises `DoorFault`; closing returns at once and the
    sensors tell when it is done.
    """

    def open_entry(self) -> None: ...
    def close_entry(self) -> None: ...
    def open_exit(self) -> None: ...
    def close_exit(self) -> None: ...

    def sensed(self) -> list[Happened]:
        """What the sensors saw since the last call: people, closed doors, the emergency button, a fault."""

    @property
    def entry_is_open(self) -> bool: ...
    @property
    def exit_is_open(self) -> bool: ...
    @property
    def occupants(self) -> int: ...

    def exit_openings(self) -> int | None:
        """How often the exit has opened in its life, by the controller's own counter; None when it has none.

        After a crash this is the only witness of whether an allowed opening happened.
        """


class SimulatedDoors:
    """Doors that obey at once, and a traveller who walks in when the entry opens and out when the exit does.

    `counter`: a file that stands for the controller's own memory, so that it survives this process. `walks` decides
    whether the traveller moves when a door opens (`lambda door: True` obliges).
    """

    def __init__(self, counter: Path | None = None, *, walks: Callable[[str], bool] = lambda door: True) -> None:
        self._counter = counter
        self._walks = walks
        self._events: list[Happened] = []
        self._entry_open = False
        self._exit_open = False
        self._occupants = 0
        self._released = False

    def open_entry(self) -> None:
        self._entry_open = True
        if self._walks("entry"):
            self.enter()

    def close_entry(self) -> None:
        if self._entry_open:
            self._entry_open = False
            self._events.append(Happened.ENTRY_CLOSED)

    def open_exit(self) -> None:
        if self._entry_open and not self._released:
            raise DoorFault("the interlock holds the exit while the entry is open")
        self._exit_open = True
        self._count()
        if self._walks("exit"):
            self.leave()

    def close_exit(self) -> None:
        if self._exit_open:
            self._exit_open = False
            self._events.append(Happened.EXIT_CLOSED)

    def enter(self) -> None:
        """A person steps in."""
        self._occupants += 1
        self._events.append(Happened.ENTERED)

    def leave(self) -> None:
        """A person steps out."""
        self._occupants = max(0, self._occupants - 1)
        self._events.append(Happened.LEFT)

    def lead_out(self) -> None:
        """An officer walks everybody out and shuts the doors by hand."""
        self.close_entry()
        while self._occupants:
            self.leave()
        self.close_exit()

    def press_emergency(self) -> None:
        """Both doors open whatever the software does, and the interlock no longer holds."""
        self._released = True
        self._entry_open = self._exit_open = True
        self._events.append(Happened.EMERGENCY)

    def end_emergency(self) -> None:
        """The button is reset; the doors may be closed again."""
        self._released = False
        self._events.append(Happened.EMERGENCY_OVER)

    def sensed(self) -> list[Happened]:
        events, self._events = self._events, []
        return events

    @property
    def entry_is_open(self) -> bool:
        return self._entry_open

    @property
    def exit_is_open(self) -> bool:
        return self._exit_open

    @property
    def occupants(self) -> int:
        return self._occupants

    def exit_openings(self) -> int | None:
        if self._counter is None:
            return None
        return self._counter.stat().st_size if self._counter.exists() else 0

    def _count(self) -> None:
        """One byte an opening: an append is either there or not, whenever the process dies."""
        if self._counter is None:
            return
        descriptor = os.open(self._counter, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, b"o")
        finally:
            os.close(descriptor)
