"""A bar that shows how far training is, by tqdm."""

from __future__ import annotations

import sys
from typing import Any

_said: set[str] = set()


class Bar:
    """Counts batches on a terminal; elsewhere, and without tqdm, it shows nothing."""

    def __init__(self, total: int | None, done: int, shown: bool) -> None:
        self._bar = _tqdm(total, done) if shown and sys.stderr is not None and sys.stderr.isatty() else None

    def batch(self) -> None:
        if self._bar is not None:
            self._bar.update()

    def epoch(self, row: dict[str, float], epochs: int) -> None:
        """Show the figures of an epoch."""
        if self._bar is not None:
            figures = {k: f"{v:.4g}" for k, v in row.items() if k not in ("epoch", "seconds", "lr")}
            self._bar.set_description(f"epoch {row['epoch']:.0f}/{epochs}", refresh=False)
            self._bar.set_postfix(figures)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def say(text: str, once: bool = False) -> None:
    """A line on standard error, beside the bar."""
    if sys.stderr is not None and not (once and text in _said):
        _said.add(text)
        sys.stderr.write(f"{text}\n")


def _tqdm(total: int | None, done: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        say("fit shows its progress with tqdm, which is not installed: pip install tqdm", once=True)
        return None
    return tqdm(total=total, initial=done, unit="batch", file=sys.stderr, dynamic_ncols=True)
