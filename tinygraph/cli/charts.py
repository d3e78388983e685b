"""Small SVG pictures of training: curves, and digits. They follow the reader's dark screen and print in black."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

_WIDTH, _HEIGHT = 500, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 136, 34, 40
_STYLE = """<style>
.chart text{font:12px system-ui,sans-serif;fill:#57606a}
.chart .title{font-size:13px;font-weight:600;fill:#1b1f24}
.chart .grid{stroke:#d9dee4;stroke-width:1}
.chart path{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .c0{stroke:#b97f10}.chart text.c0,.chart circle.c0{stroke:none;fill:#8f6208}
.chart .c1{stroke:#2b72c8}.chart text.c1,.chart circle.c1{stroke:none;fill:#2b72c8}
@media screen and (prefers-color-scheme:dark){
.chart text{fill:#9aa3ad}.chart .title{fill:#eceff2}.chart .grid{stroke:#373d44}
.chart .c0{stroke:#dca83a}.chart text.c0,.chart circle.c0{fill:#dca83a}
.chart .c1{stroke:#5b9df0}.chart text.c1,.chart circle.c1{fill:#5b9df0}
}</style>"""


class Axis(NamedTuple):
    """A vertical axis: its ticks, from the lowest to the highest, how they are written, and if it is logarithmic."""

    ticks: Sequence[float]
    form: str = "{:g}"
    log: bool = False

    def height(self, value: float) -> float:
        """0 at the lowest tick, 1 at the highest; what lies outside is drawn at the edge."""
        low, high, at = self.ticks[0], self.ticks[-1], min(max(value, self.ticks[0]), self.ticks[-1])
        if self.log:
            low, high, at = np.log(low), np.log(high), np.log(at)
        return float((at - low) / (high - low))


def learning_curve(histories: Mapping[str, Sequence[Any]]) -> str:
    """Training loss and held-out accuracy by epoch, of each model, as one SVG picture."""
    losses = {name: [e.loss for e in epochs] for name, epochs in histories.items()}
    right = {name: [100.0 * e.accuracy for e in epochs] for name, epochs in histories.items()}
    panels = [
        _panel("Training loss (cross entropy, log scale)", losses, _log_axis(losses)),
        _panel("Held-out accuracy", right, _percent_axis(right)),
    ]
    drawn = "".join(f'<g transform="translate({i * _WIDTH} 0)">{panel}</g>' for i, panel in enumerate(panels))
    return (
        f'<svg class="chart" role="img" aria-label="Learning curves" xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {len(panels) * _WIDTH} {_HEIGHT}">{_STYLE}{drawn}</svg>\n'
    )


def _log_axis(series: Mapping[str, Sequence[float]]) -> Axis:
    values = [max(v, 1e-12) for curve in series.values() for v in curve]
    low, high = int(np.floor(np.log10(min(values)))), int(np.ceil(np.log10(max(values))))
    return Axis([10.0**k for k in range(low, max(high, low + 1) + 1)], "{:g}", log=True)


def _percent_axis(series: Mapping[str, Sequence[float]]) -> Axis:
    lowest = min(v for curve in series.values() for v in curve)
    step = 5 if lowest >= 80.0 else 20
    return Axis([float(v) for v in range(int(lowest // step * step), 101, step)], "{:g}%")


def _panel(title: str, series: Mapping[str, Sequence[float]], axis: Axis) -> str:
    """One pair of axes with a curve and a direct label for each series."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    epochs = max(len(curve) for curve in series.values())

    def x(i: int) -> float:
        return _LEFT + width * (i / max(epochs - 1, 1))

    def y(value: float) -> float:
        return _TOP + height * (1.0 - axis.height(value))

    parts = [f'<text class="title" x="{_LEFT}" y="16">{title}</text>']
    for tick in axis.ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_LEFT + width}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        label = axis.form.format(tick)
        parts.append(f'<text text-anchor="end" x="{_LEFT - 6}" y="{y(tick) + 4:.1f}">{label}</text>')
    parts += [
        f'<text text-anchor="middle" x="{x(i):.1f}" y="{_TOP + height + 18}">{i + 1}</text>'
        for i in sorted({0, (epochs - 1) // 2, epochs - 1})
    ]
    parts.append(f'<text text-anchor="middle" x="{_LEFT + width / 2}" y="{_HEIGHT - 6}">epoch</text>')
    ends = _apart([y(curve[-1]) for curve in series.values()])
    for k, ((name, curve), end) in enumerate(zip(series.items(), ends, strict=True)):
        points = " L".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(curve))
        last = x(len(curve) - 1)
        parts.append(f'<path class="c{k}" d="M{points}"/>')
        parts.append(f'<circle class="c{k}" cx="{last:.1f}" cy="{y(curve[-1]):.1f}" r="3"/>')
        parts.append(f'<text class="c{k}" x="{last + 8:.1f}" y="{end + 4:.1f}">{name}</text>')
    return "".join(parts)


def _apart(places: Sequence[float], least: float = 16.0) -> list[float]:
    """Places of labels, moved so far that none overlaps the next."""
    moved = list(places)
    order = sorted(range(len(places)), key=lambda k: places[k])
    for before, after in pairwise(order):
        short = least - (moved[after] - moved[before])
        if short > 0:
            moved[before] -= short / 2
            moved[after] += short / 2
    return moved


def digit(image: Any, label: str) -> str:
    """An image of 8 x 8 pixels, ink in the colour of the text around it."""
    pixels = "".join(
        f'<rect x="{k % 8}" y="{k // 8}" width="1.02" height="1.02" fill-opacity="{ink:.2f}"/>'
        for k, ink in enumerate(np.ravel(image))
        if ink > 0.0
    )
    return f'<svg class="digit" role="img" aria-label="{label}" viewBox="0 0 8 8">{pixels}</svg>'
