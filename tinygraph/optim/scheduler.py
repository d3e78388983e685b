"""Schedulers with PyTorch's habits: they set the learning rate of an optimizer when `step` is called."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tinygraph.optim.lbfgs import LBFGS
from tinygraph.optim.optimizer import Optimizer
from tinygraph.optim.saved import entries, restored_hyper
from tinygraph.optim.schedules import Schedule


class Scheduler:
    """Sets an optimizer's learning rate to schedule(t): at once for t = 0, then with each `step`, after an epoch say.

    Args:
        optimizer: whose `param_groups` have an "lr".
        schedule: a function of t, or one for each group.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> from tinygraph.optim import SGD, inverse_time
        >>> opt = SGD([Tensor([1.0])], lr=0.5)
        >>> scheduler = Scheduler(opt, inverse_time(0.5, 1))
        >>> scheduler.step()
        >>> opt.param_groups[0]["lr"], scheduler.get_last_lr()
        (0.25, [0.25])
    """

    def __init__(self, optimizer: Optimizer | LBFGS, schedule: Schedule | Sequence[Schedule]) -> None:
        groups = _with_rates(optimizer, "Scheduler")
        schedules = list(schedule) if isinstance(schedule, Sequence) else [schedule] * len(groups)
        if len(schedules) != len(groups):
            raise ValueError(f"Scheduler: {len(schedules)} schedules for {len(groups)} parameter groups")
        self.optimizer = optimizer
        self.schedules = schedules
        self.t = 0
        self._set()

    def _set(self) -> None:
        for group, schedule in zip(self.optimizer.param_groups, self.schedules, strict=True):
            group["lr"] = float(schedule(self.t))

    def step(self) -> None:
        """Go on to the next t."""
        self.t += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"t": self.t}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another scheduler stood, and set the learning rate of that time."""
        self.t = int(entries(state_dict, self.state_dict(), "Scheduler")["t"])
        self._set()


class ReduceLROnPlateau:
    """Multiplies the learning rate by `factor` when a metric has not improved for more than `patience` steps.

    Args:
        mode: "min" where less is better, "max" where more is.
        threshold: what counts as better: by this part of the best ("rel"), or by this much ("abs").
        cooldown: steps to wait after a reduction.
        min_lr: the least rate; a change by less than `eps` is not made.

    Source: PyTorch's scheduler of this name, with its arguments.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> from tinygraph.optim import SGD
        >>> opt = SGD([Tensor([1.0])], lr=0.5)
        >>> scheduler = ReduceLROnPlateau(opt, patience=1)
        >>> for loss in (1.0, 1.0, 1.0):
        ...     scheduler.step(loss)
        >>> opt.param_groups[0]["lr"]
        0.05
    """

    def __init__(
        self,
        optimizer: Optimizer | LBFGS,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'ReduceLROnPlateau: mode {mode!r} is "min" or "max", threshold_mode {threshold_mode!r} "rel" or "abs"'
            )
        if not 0 < factor < 1:
            raise ValueError(f"ReduceLROnPlateau: factor = {factor} must lie between 0 and 1")
        _with_rates(optimizer, "ReduceLROnPlateau")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_steps = 0
        self.waiting = 0

    def step(self, metric: float) -> None:
        """Look at the metric of one more epoch."""
        metric = float(metric)
        if self._better(metric):
            self.best, self.bad_steps = metric, 0
        else:
            self.bad_steps += 1
        if self.waiting:
            self.waiting -= 1
            self.bad_steps = 0
        if self.bad_steps > self.patience:
            self.bad_steps, self.waiting = 0, self.cooldown
            for group in self.optimizer.param_groups:
                reduced = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - reduced > self.eps:
                    group["lr"] = reduced

    def _better(self, metric: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        if math.isinf(self.best) or self.threshold_mode == "abs":
            return sign * metric < sign * self.best - self.threshold
        return sign * metric < sign * self.best * (1 - sign * self.threshold)

    def get_last_lr(self) -> list[float]:
        """The learning rate of each group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "bad_steps": self.bad_steps, "waiting": self.waiting}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another scheduler stood; the learning rate itself is in the optimizer's state."""
        found = restored_hyper(state_dict, self.state_dict(), "ReduceLROnPlateau")
        self.best, self.bad_steps, self.waiting = float(found["best"]), int(found["bad_steps"]), int(found["waiting"])


def _with_rates(optimizer: Optimizer | LBFGS, scheduler: str) -> list[dict[str, Any]]:
    if not all("lr" in group for group in optimizer.param_groups):
        raise ValueError(
            f"{scheduler}: a rule has its learning rate inside; give it the schedule, as adam(lr=schedule)"
        )
    if optimizer.scheduled:
        raise ValueError(f"{scheduler}: this optimizer has a schedule as its lr; give it a number")
    return optimizer.param_groups
