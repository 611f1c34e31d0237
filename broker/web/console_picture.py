"""The picture of flows between jurisdictions: places at schematic positions, a ribbon for each route, as wide as its
releases are many, striped by what was decided. Pure geometry, in the units of the picture's own frame.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final

from broker.core.flow_summary import UNKNOWN, Flow, by
from broker.core.governance.codes import Gate
from broker.web.console_words import OTHERS, place_name

WIDTH: Final = 500
RADIUS: Final = 36
_HEIGHT, _TALLER = 412, 486
_CENTRE: Final = (250.0, 240.0)
_NARROWEST, _WIDEST = 4.0, 28.0
# Of the distance: two ways between the same places part, the one towards the middle nearly straight.
_OUTWARD, _ASIDE, _INWARD = 0.36, 0.18, 0.06
_LABEL_AT: Final = 95  # how far from a place that lies apart its ribbon's number stands
_EDGE: Final = 60  # a name nearer to the side of the frame stands along it
_GAP: Final = 12.0  # between a place and where its ribbons begin, or their arrows end
_HOME: Final[Mapping[str, tuple[float, float]]] = {"CN": (250, 84), "HK": (396, 318), "MO": (104, 318)}
_ELSEWHERE: Final = ((452, 52), (48, 52), (452, 190), (48, 190), (250, 432), (400, 440), (100, 440))
GATES: Final = (Gate.ALLOW.value, Gate.ALLOW_WITH_CONDITIONS.value, Gate.HOLD.value, Gate.DENY.value, UNKNOWN)
GATE_WORDS: Final[Mapping[str, str]] = {
    Gate.ALLOW.value: "let go",
    Gate.ALLOW_WITH_CONDITIONS.value: "let go on conditions",
    Gate.HOLD.value: "held",
    Gate.DENY.value: "denied",
    UNKNOWN: "not stated",
}


@dataclass(frozen=True, slots=True)
class Place:
    """`within`: releases that crossed no border; `anchor`: how the name stands at the place."""

    code: str
    name: str
    x: float
    y: float
    within: int

    @property
    def anchor(self) -> str:
        return "start" if self.x < _EDGE else "end" if self.x > WIDTH - _EDGE else "middle"

    @property
    def name_x(self) -> float:
        return {"start": 6.0, "end": WIDTH - 6.0}.get(self.anchor, self.x)


@dataclass(frozen=True, slots=True)
class Stripe:
    """One decision's part of a ribbon: `path` is an SVG path to be stroked `width` wide."""

    gate: str
    releases: int
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    """One route. `x`, `y`: where its number stands; `arrow`: an SVG path to be filled."""

    origin: str
    destination: str
    releases: int
    stopped: int
    stripes: tuple[Stripe, ...]
    arrow: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything to draw, ribbons that carry most first. `height`: of its frame."""

    places: tuple[Place, ...]
    ribbons: tuple[Ribbon, ...]
    height: int


def picture_of(flows: Sequence[Flow]) -> Picture:
    """The picture of these flows. CN, HK and MO are always there; of others as many as there is room for."""
    routes = by(flows, "origin", "destination", "gate")
    met: dict[str, int] = {}
    for (origin, destination, _), number in routes.items():
        for code in {origin, destination} - set(_HOME):
            met[code] = met.get(code, 0) + number
    shown = sorted(met, key=lambda code: (-met[code], code))
    if len(shown) > len(_ELSEWHERE):
        shown = [*shown[: len(_ELSEWHERE) - 1], OTHERS]
    spots = {**_HOME, **dict(zip(shown, _ELSEWHERE, strict=False))}
    gathered: dict[tuple[str, str], dict[str, int]] = {}
    for (origin, destination, gate), number in routes.items():
        ends = tuple(code if code in spots else OTHERS for code in (origin, destination))
        gates = gathered.setdefault((ends[0], ends[1]), {})
        gates[gate] = gates.get(gate, 0) + number
    within = {origin: sum(gates.values()) for (origin, end), gates in gathered.items() if origin == end}
    places = tuple(Place(code, place_name(code), x, y, within.get(code, 0)) for code, (x, y) in spots.items())
    crossing = {ends: gates for ends, gates in gathered.items() if ends[0] != ends[1]}
    most = max((sum(gates.values()) for gates in crossing.values()), default=0)
    ribbons = [_ribbon(ends, gates, spots, most) for ends, gates in crossing.items()]
    height = _TALLER if any(place.y > _HEIGHT for place in places) else _HEIGHT
    return Picture(places, tuple(sorted(ribbons, key=lambda one: (-one.releases, one.origin, one.destination))), height)


def _ribbon(
    ends: tuple[str, str], gates: Mapping[str, int], spots: Mapping[str, tuple[float, float]], most: int
) -> Ribbon:
    total = sum(gates.values())
    width = _NARROWEST + (_WIDEST - _NARROWEST) * sqrt(total / most)
    (x0, y0), (x2, y2) = spots[ends[0]], spots[ends[1]]
    length = hypot(x2 - x0, y2 - y0)
    nx, ny = (y2 - y0) / length, -(x2 - x0) / length  # to the left of whoever travels
    mx, my = (x0 + x2) / 2, (y0 + y2) / 2
    inward = (_CENTRE[0] - mx) * nx + (_CENTRE[1] - my) * ny > 0
    home = set(ends) <= set(_HOME)
    bend = (_INWARD if inward else _OUTWARD if home else _ASIDE) * length
    cx, cy = mx + nx * bend, my + ny * bend
    start = _towards((x0, y0), (cx, cy), RADIUS + 2)
    tip = _towards((x2, y2), (cx, cy), RADIUS + 3)
    end = _towards((x2, y2), (cx, cy), RADIUS + 3 + _GAP)
    stripes, across = [], -width / 2
    for gate, share in _shares(gates, width):
        off = across + share / 2
        across += share
        points = [(x + nx * off, y + ny * off) for x, y in (start, (cx, cy), end)]
        path = "M{:.1f} {:.1f} Q{:.1f} {:.1f} {:.1f} {:.1f}".format(*(value for point in points for value in point))
        stripes.append(Stripe(gate, gates[gate], path, round(share, 2)))
    # Near the end that lies apart, where fewer ribbons meet.
    near = max(0.0, min(0.5, _LABEL_AT / length))
    t = 0.5 if home else near if ends[1] in _HOME else 1 - near
    label = [(1 - t) ** 2 * a + 2 * t * (1 - t) * c + t * t * b for a, c, b in zip(start, (cx, cy), end, strict=True)]
    stopped = gates.get(Gate.HOLD.value, 0) + gates.get(Gate.DENY.value, 0)
    return Ribbon(
        *ends, total, stopped, tuple(stripes), _arrow(end, tip, width), round(label[0], 1), round(label[1], 1)
    )


def _shares(gates: Mapping[str, int], width: float) -> Iterable[tuple[str, float]]:
    """How wide each stripe is: by its releases, but never too thin to be seen."""
    total = sum(gates.values())
    there = [gate for gate in GATES if gates.get(gate)]
    least = min(1.5, width / len(there))
    wide = {gate: max(least, width * gates[gate] / total) for gate in there}
    scale = width / sum(wide.values())
    return [(gate, share * scale) for gate, share in wide.items()]


def _arrow(end: tuple[float, float], tip: tuple[float, float], width: float) -> str:
    dx, dy = tip[0] - end[0], tip[1] - end[1]
    length = hypot(dx, dy)
    half = (width / 2 + 4) / length
    left, right = (end[0] - dy * half, end[1] + dx * half), (end[0] + dy * half, end[1] - dx * half)
    return "M{:.1f} {:.1f} L{:.1f} {:.1f} L{:.1f} {:.1f} Z".format(*left, *tip, *right)


def _towards(start: tuple[float, float], end: tuple[float, float], distance: float) -> tuple[float, float]:
    length = hypot(end[0] - start[0], end[1] - start[1])
    return start[0] + (end[0] - start[0]) * distance / length, start[1] + (end[1] - start[1]) * distance / length
