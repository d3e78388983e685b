"""Where a picture is drawn."""

from __future__ import annotations

from typing import Any


def axes(ax: Any) -> Any:
    """The Axes to draw on: those given, else the current ones of pyplot; without the upper and right line.

    Raises:
        ImportError: matplotlib is not installed.
    """
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError("pictures are drawn with matplotlib: pip install matplotlib") from None
        ax = plt.gca()
    ax.spines[["top", "right"]].set_visible(False)
    return ax
