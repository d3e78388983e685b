"""Pictures of training: learning curves by matplotlib, and digits. They follow the reader's dark screen."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, GRID, CURVES = "#57606a", "#d9dee4", ("#b97f10", "#2b72c8")
_DARK = {INK: "#9aa3ad", GRID: "#373d44", CURVES[0]: "#dca83a", CURVES[1]: "#5b9df0"}
_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "tinygraph",  # the same curves give the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "ytick.left": False,
}


def learning_curve(histories: Mapping[str, Sequence[Any]]) -> str:
    """Training loss and held-out accuracy by epoch, of each model, as one SVG picture."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(10, 2.9), layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        for (name, epochs), colour in zip(histories.items(), CURVES, strict=False):
            numbers = range(1, len(epochs) + 1)
            loss.plot(numbers, [max(e.loss, 1e-12) for e in epochs], color=colour, label=name)
            accuracy.plot(numbers, [e.accuracy for e in epochs], color=colour, label=name)
        loss.set_yscale("log")
        loss.set_title("Training loss (cross entropy, log scale)", loc="left", fontweight="bold")
        accuracy.set_title("Held-out accuracy", loc="left", fontweight="bold")
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        for axes in (loss, accuracy):
            axes.grid(axis="y")
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend(frameon=False, labelcolor="linecolor")
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _for_a_page(drawn.getvalue())


def _for_a_page(drawn: str) -> str:
    """The bare <svg> of a matplotlib file, with rules for a dark screen that other viewers may ignore."""
    rules = "".join(
        f'.curves [style*="{what}: {colour}"]{{{what}:{dark}!important}}'
        for colour, dark in _DARK.items()
        for what in ("fill", "stroke")
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    head, body = drawn[drawn.index("<svg") :].split(">", 1)
    return f'{head} class="curves" role="img" aria-label="Learning curves">{style}{body}'


def digit(image: Any, label: str) -> str:
    """An image of 8 x 8 pixels, ink in the colour of the text around it."""
    pixels = "".join(
        f'<rect x="{k % 8}" y="{k // 8}" width="1.02" height="1.02" fill-opacity="{ink:.2f}"/>'
        for k, ink in enumerate(np.ravel(image))
        if ink > 0.0
    )
    return f'<svg class="digit" role="img" aria-label="{label}" viewBox="0 0 8 8">{pixels}</svg>'
