"""Early stopping: end when the dev set gets no better, and keep the best weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tinygraph.nn.module import Module
from tinygraph.train.history import History


class EarlyStopping:
    """Stops a run when a figure has not improved for `patience` epochs (course 2, week 1).

    Args:
        patience: this many epochs without improvement, one after the other, end the run.
        min_delta: an improvement is more than this.
        monitor: the figure, as it is called in the history.
        mode: "min" where less is better, "max" where more is; None is "max" for an accuracy, else "min".
        restore_best: give the model the weights of the best epoch in the end, also if the run was not stopped.

    Example:
        >>> stopping = EarlyStopping(patience=2, monitor="loss")
        >>> [stopping.observe({"loss": x}, epoch) for epoch, x in enumerate([3.0, 2.0, 2.5, 2.1], 1)]
        [False, False, False, True]
        >>> stopping.best_epoch
        2
    """

    def __init__(
        self,
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        monitor: str = "val_loss",
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        if mode is None:
            mode = "max" if monitor.endswith("accuracy") else "min"
        if mode not in ("min", "max"):
            raise ValueError(f'EarlyStopping: mode={mode!r} is neither "min" nor "max"')
        if patience < 0 or min_delta < 0:
            raise ValueError(f"EarlyStopping: patience={patience} and min_delta={min_delta} must not be negative")
        self.patience, self.min_delta, self.monitor, self.mode = patience, min_delta, monitor, mode
        self.restore_best = restore_best
        self.reset()

    def __repr__(self) -> str:
        said = f"{self.monitor}, mode={self.mode!r}, patience={self.patience}"
        seen = f", best in epoch {self.best_epoch}" if self.best_epoch is not None else ""
        return f"EarlyStopping({said}{seen})"

    def reset(self) -> None:
        """Forget what was seen: a run begins."""
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.weights: dict[str, Any] | None = None
        self.waited = 0

    def observe(self, row: Mapping[str, float], epoch: int, model: Module | None = None) -> bool:
        """Look at the figures of an epoch; True if it is time to stop.

        Raises:
            KeyError: the figure is not among them.
        """
        if self.monitor not in row:
            raise KeyError(f"EarlyStopping: {self.monitor!r} is not measured; there are {', '.join(row)}")
        sign = 1.0 if self.mode == "min" else -1.0
        figure = sign * row[self.monitor]
        if not math.isnan(figure) and (self.best is None or figure < self.best - self.min_delta):
            self.best, self.best_epoch, self.waited = figure, epoch, 0
            if model is not None and self.restore_best:
                self.weights = model.state_dict()
        else:
            self.waited += 1
        return self.waited >= max(self.patience, 1)

    def finish(self, model: Any, history: History) -> None:
        """Give the model its best weights."""
        if self.restore_best and self.weights is not None:
            model.load_state_dict(self.weights)
            history.best_epoch = self.best_epoch

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("best", "best_epoch", "weights", "waited")}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in ("best", "best_epoch", "weights", "waited"):
            setattr(self, name, state[name])
