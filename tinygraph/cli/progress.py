"""How a long run tells where it is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from tinygraph.cli.digits_model import Epoch

_LEVELS = "▁▂▃▄▅▆▇█"


def say(text: str = "") -> None:
    """Print, with a question mark for what the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def followed(epochs: Iterable[Epoch], total: int, name: str) -> Iterator[Epoch]:
    """The same epochs, shown as they come: a tqdm bar if standard error is a terminal, else a line now and then."""
    bar = _bar(total, name)
    every = max(1, -(-total // 6))
    for i, epoch in enumerate(epochs, 1):
        if bar is not None:
            bar.set_postfix_str(f"loss {epoch.loss:.4f}, held-out {epoch.accuracy:.2%}", refresh=False)
            bar.update()
        elif i % every == 0 or i == total:
            say(f"  epoch {i:3d}/{total}  loss {epoch.loss:.4f}  held-out accuracy {epoch.accuracy:.4f}")
        yield epoch
    if bar is not None:
        bar.close()


def _bar(total: int, name: str) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    size = shutil.get_terminal_size()  # some terminals say that they have no rows and no columns
    shape = {"ncols": max(size.columns, 60) - 1, "nrows": max(size.lines, 3)}
    return tqdm(total=total, desc=f"  {name}", unit=" epochs", file=sys.stderr, **shape)


def sparkline(values: list[float]) -> str:
    """A curve in one line of text.

    Example:
        >>> sparkline([3.0, 2.0, 1.0, 0.0])
        '█▆▃▁'
    """
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_LEVELS[round((v - low) / span * (len(_LEVELS) - 1))] for v in values)
