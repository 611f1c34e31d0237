"""The demonstration as one self-contained page: pictures, scores against thresholds, and a timeline."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from tests.demo.scene import Scene

WIDTH, LABEL, ROW = 440, 170, 20


def _bars(rows: list[tuple[str, float, float, str]], *, scale: float, title: str) -> Markup:
    """Horizontal bars. Each row is (label, start, length, text), start and length in the unit that `scale` spans."""
    height = ROW * len(rows) + 24
    unit = (WIDTH - LABEL - 60) / max(scale, 1e-9)
    parts = [f'<svg class="bars" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">']
    parts.append(f'<text x="0" y="14" font-weight="600">{escape(title)}</text>')
    for index, (label, start, length, text) in enumerate(rows):
        y = 24 + ROW * index
        x, width = LABEL + start * unit, max(length * unit, 1.5)
        parts.append(f'<text x="0" y="{y + 14}">{escape(label[:30])}</text>')
        parts.append(f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="14" rx="3" fill="#0b4f6c"/>')
        parts.append(f'<text x="{x + width + 4:.1f}" y="{y + 14}">{escape(text)}</text>')
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704  every inserted text is escaped above


def timeline(scene: Scene) -> Markup:
    """The scene's steps on the clock of the scene, in seconds."""
    origin = min(step.started for step in scene.steps)
    scale = max(step.started - origin + step.seconds for step in scene.steps)
    rows = [(s.name, s.started - origin, s.seconds, f"{s.seconds * 1000:.0f} ms") for s in scene.steps]
    return _bars(rows, scale=scale * 1.15, title="Timeline")


def gate_bars(scene: Scene) -> Markup:
    """Where the gate spent its time, in milliseconds."""
    rows, at = [], 0.0
    for name, ms in scene.gate_timings.items():
        if name == "total":
            continue
        rows.append((name, at, ms, f"{ms:.1f} ms"))
        at += ms
    return _bars(
        rows, scale=at * 1.15, title=f"Inside the gate: {scene.gate_timings.get('total', at):.0f} ms to the door"
    )


def score_bar(scene: Scene) -> Markup:
    """The comparison score (cosine, -1 to 1) beside the threshold it had to reach."""
    assert scene.score is not None
    assert scene.threshold is not None
    left, right = -0.2, 1.0
    unit = (WIDTH - 40) / (right - left)
    x = 20 + (min(max(scene.score, left), right) - left) * unit
    t = 20 + (scene.threshold - left) * unit
    colour = "#0b6b3a" if scene.score >= scene.threshold else "#8a1c1c"
    return Markup(  # noqa: S704  numbers only
        f'<svg class="bars" viewBox="0 0 {WIDTH} 84" role="img" aria-label="Score {scene.score:.3f}, '
        f'threshold {scene.threshold:.3f}"><text x="0" y="14" font-weight="600">Comparison score</text>'
        f'<rect x="20" y="38" width="{WIDTH - 40}" height="10" rx="5" fill="#dfe5ea"/>'
        f'<rect x="{t:.1f}" y="38" width="{WIDTH - 20 - t:.1f}" height="10" rx="5" fill="#e3f4ea"/>'
        f'<line x1="{t:.1f}" x2="{t:.1f}" y1="30" y2="56" stroke="#17202a" stroke-width="2"/>'
        f'<text x="{t:.1f}" y="72" text-anchor="middle">threshold {scene.threshold:.3f}</text>'
        f'<circle cx="{x:.1f}" cy="43" r="8" fill="{colour}"/>'
        f'<text x="{x:.1f}" y="30" text-anchor="middle" font-weight="600">{scene.score:.3f}</text></svg>'
    )


def write_report(path: Path, scenes: list[Scene], *, summary: str, provenance: str) -> None:
    """Write the page to `path`; pictures are embedded, so that the file can be passed on alone."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    environment.filters["b64"] = lambda data: b64encode(data).decode()
    page = environment.get_template("report.html.jinja").render(
        scenes=scenes,
        summary=summary,
        provenance=provenance,
        timeline=timeline,
        gate_bars=gate_bars,
        score_bar=score_bar,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
