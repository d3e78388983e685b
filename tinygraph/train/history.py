"""What a training run has measured, epoch by epoch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygraph.nn.saving import replacing

Row = dict[str, float]
Column = np.ndarray[Any, np.dtype[np.float64]]


class History:
    """A list of epochs, each a dict of figures; by a name, the array of one figure over all epochs.

    Attributes:
        stopped: why the run ended before its last epoch; None if it did not.
        best_epoch: the epoch whose weights the model has in the end, where early stopping chose; counted from 1.

    Example:
        >>> history = History([{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5, "val_loss": 0.6}])
        >>> history["loss"], history["val_loss"], history[-1]["loss"], len(history)
        (array([0.7, 0.5]), array([nan, 0.6]), 0.5, 2)
        >>> print(history)
        epoch  loss  val_loss
            1   0.7       nan
            2   0.5       0.6
    """

    def __init__(self, rows: Sequence[Mapping[str, float]] = ()) -> None:
        self.rows: list[Row] = [dict(row) for row in rows]
        self.stopped: str | None = None
        self.best_epoch: int | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the figures."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def append(self, row: Mapping[str, float]) -> None:
        self.rows.append(dict(row))

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return self.rows[key]
        if self.rows and key not in self.columns:
            raise KeyError(f"{key!r} was not measured; there are {', '.join(self.columns)}")
        return np.array([row.get(key, np.nan) for row in self.rows], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __str__(self) -> str:
        return table(self.columns, [[row.get(name, np.nan) for name in self.columns] for row in self.rows])

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {figure:.4g}" for name, figure in self.rows[-1].items()) if self.rows else "nothing"
        return f"<History of {len(self)} epochs: {last}>"

    def plot(self, *names: str, log: bool = False, ax: Any = None) -> Any:
        """Draw figures over the epochs with matplotlib; by default the losses. Returns the Axes.

        Example:
            >>> from matplotlib.figure import Figure
            >>> ax = History([{"loss": 0.7, "val_loss": 0.8}]).plot(ax=Figure().subplots())
            >>> [line.get_label() for line in ax.lines]
            ['loss', 'val_loss']
        """
        from tinygraph.render.plots import learning_curve

        names = names or tuple(name for name in ("loss", "val_loss") if name in self)
        label = names[0] if names else ""
        return learning_curve({name: self[name] for name in names}, log=log, ylabel=label, ax=ax)

    def to_csv(self, path: str | Path) -> None:
        """Write one line an epoch."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, restval="nan", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        with replacing(path) as file:
            file.write(text.getvalue().encode())

    def to_json(self, path: str | Path) -> None:
        """Write all of it, for `from_json`."""
        with replacing(path) as file:
            file.write(json.dumps(self.state_dict(), indent=1).encode())

    @classmethod
    def from_json(cls, path: str | Path) -> History:
        """Read what `to_json` wrote."""
        history = cls()
        history.load_state_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        return history

    def state_dict(self) -> dict[str, Any]:
        return {"rows": [dict(row) for row in self.rows], "stopped": self.stopped, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rows = [dict(row) for row in state["rows"]]
        self.stopped, self.best_epoch = state["stopped"], state["best_epoch"]


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns of figures, to four digits, and of text, under their headings.

    Example:
        >>> print(table(["layer", "norm"], [["W1", 0.123456], ["W2", 12.0]]))
        layer    norm
        W1     0.1235
        W2         12
    """
    shown = [list(headings), *([v if isinstance(v, str) else f"{v:.4g}" for v in row] for row in rows)]
    text = [any(isinstance(row[k], str) for row in rows) for k in range(len(headings))]
    widths = [max(len(line[k]) for line in shown) for k in range(len(headings))]
    aligned = (
        [line[k].ljust(widths[k]) if text[k] else line[k].rjust(widths[k]) for k in range(len(headings))]
        for line in shown
    )
    return "\n".join("  ".join(line).rstrip() for line in aligned)
