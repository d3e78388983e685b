"""Heat: the colours of figures, a ramp for shares of a whole and one with a middle for orders of magnitude.

Both are told apart by the colour-blind: the first goes from light to dark alone, the second from blue to orange.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tinygraph.render.network.measure import Figures
from tinygraph.render.network.words import Measure

SHARE_LIGHT = ["#fffdf5", "#fff3c4", "#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#993404", "#662506"]
SHARE_DARK = ["#25241f", "#3b2a12", "#5c3a10", "#86500f", "#a8610d", "#dd8a24", "#f5ad4a", "#fdd083", "#fff0c4"]
MAGNITUDE_LIGHT = ["#08519c", "#3182bd", "#6baed6", "#bdd7e7", "#f4f4f2", "#fdd0a2", "#fd8d3c", "#d94801", "#8c2d04"]
MAGNITUDE_DARK = ["#8fcbff", "#4a90d9", "#2f6399", "#24415f", "#2d3034", "#5c3a1c", "#93521a", "#d97720", "#ffc48a"]
RAMPS = ((SHARE_LIGHT, SHARE_DARK), (MAGNITUDE_LIGHT, MAGNITUDE_DARK))
DECADES = 2  # of a step of a magnitude
CELLS = 60  # of the strip that shows all copies of a repeat
BLACK, WHITE = "#1b1f24", "#ffffff"

# The ink on a step of the light ramp and on that of the dark one, and how the pair is written in a picture for both.
_INKS = {(BLACK, WHITE): "#1b1f25", (BLACK, BLACK): "#1b1f26", (WHITE, BLACK): "#fffffe", (WHITE, WHITE): "#fffffd"}


class Scale:
    """The steps of one measure: 0 to 8 by the share of the whole; of a magnitude a step for two decades, 4 being 1."""

    def __init__(self, measure: Measure, whole: Figures, dark: bool = False) -> None:
        self.measure, self.dark = measure, dark
        self.whole = measure.of(whole) or 0.0

    def step(self, figures: Figures) -> int | None:
        """The step of a part, None where the figure is not known."""
        value = self.measure.of(figures)
        if value is None:
            return None
        if not self.measure.magnitude:
            return round(8 * math.sqrt(min(1.0, value / self.whole))) if self.whole else 0
        return _magnitude(value)

    def said(self, figures: Figures) -> str:
        value = self.measure.of(figures)
        return "" if value is None else self.measure.written(value)

    def strip(self, copies: Sequence[Figures]) -> list[int | None]:
        """A step for each copy, or for the largest of several; shares are of the largest copy."""
        n = min(CELLS, len(copies))
        values = [self.measure.of(figures) for figures in copies]
        most = max((value for value in values if value is not None), default=0.0)
        cells: list[int | None] = []
        for k in range(n):
            known = [v for v in values[k * len(values) // n : (k + 1) * len(values) // n] if v is not None]
            if not known:
                cells.append(None)
            elif self.measure.magnitude:
                cells.append(_magnitude(max(known)))
            else:
                cells.append(round(8 * math.sqrt(max(known) / most)) if most else 0)
        return cells

    def fill(self, step: int | None) -> str:
        """The colour of a step, none of a figure that is not known."""
        return "" if step is None else RAMPS[self.measure.magnitude][self.dark][step]

    def attributes(self, figures: Figures) -> Mapping[str, str]:
        """For Graphviz: the fill, and an ink that is read on it."""
        step = self.step(figures)
        if step is None:
            return {}
        light, dark = RAMPS[self.measure.magnitude]
        fill = self.fill(step)
        return {"fillcolor": fill, "fontcolor": ink(fill) if self.dark else _INKS[ink(light[step]), ink(dark[step])]}


def _magnitude(value: float) -> int:
    """A step for each two decades, 4 being those about 1."""
    if math.isnan(value) or value == math.inf:
        return 8
    return 4 + max(-4, min(4, round(math.log10(value) / DECADES))) if value > 0 else 0


def ink(fill: str) -> str:
    """Black or white, whichever is read better on a colour.

    Example:
        >>> ink("#fffdf5"), ink("#08519c")
        ('#1b1f24', '#ffffff')
    """
    red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
    luminance = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return BLACK if luminance > 0.2 else WHITE


def style(theme: str) -> str:
    """Rules by which the colours of the light ramps become those of the dark ones on a dark screen."""
    if theme != "auto":
        return ""
    changes = [pair for light, dark in RAMPS for pair in zip(light, dark, strict=True)]
    changes += [(written, on_dark) for (_, on_dark), written in _INKS.items()]
    rules = "".join(f'.tinygraph [fill="{old}"]{{fill:{new}}}' for old, new in changes)
    return "<style>@media screen and (prefers-color-scheme:dark){" + rules + "}</style>"
