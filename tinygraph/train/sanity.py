"""Trials before a long run: can the model learn one batch, and which learning rate suits?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from tinygraph.data.seeds import generator_state, restore_generator
from tinygraph.nn.module import Module
from tinygraph.render.plots import axes, quiet
from tinygraph.train.evaluation import as_batches, axis_of
from tinygraph.train.history import table
from tinygraph.train.update import DivergenceError, Update, generators


@contextmanager
def unharmed(model: Any, optimizer: Any) -> Iterator[None]:
    """Put model, optimizer and their generators back to where they were, whatever happens inside."""
    weights = model.state_dict() if isinstance(model, Module) else None
    held = [(p, p.data.copy()) for group in optimizer.param_groups for p in group["params"]]
    state, drawn = optimizer.state_dict(), [(rng, generator_state(rng)) for rng in generators(model).values()]
    modes = {part: part.training for part in model.modules()} if isinstance(model, Module) else {}
    try:
        yield
    finally:
        for p, data in held:
            p.data[...] = data
            p.zero_grad()
        if weights is not None:
            model.load_state_dict(weights)
        optimizer.load_state_dict(state)
        for rng, stood in drawn:
            restore_generator(rng, stood)
        for part, training in modes.items():
            part.training = training


@dataclass(frozen=True)
class OneBatch:
    """What `overfit_one_batch` returns: the losses, and whether the last is small enough."""

    losses: Any
    ok: bool

    def __str__(self) -> str:
        steps = f"{self.losses[0]:.4g} to {self.losses[-1]:.4g} in {len(self.losses)} steps"
        if self.ok:
            return f"the model can learn one batch: loss {steps}"
        return (
            f"the model cannot learn even one batch: loss {steps}. Look for a fault in model, loss, labels or "
            "gradients before anything else; or the learning rate is far off"
        )


def overfit_one_batch(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    optimizer: Any,
    batch: Any,
    *,
    steps: int = 200,
    target: float = 0.05,
    axis: int = 0,
) -> OneBatch:
    """Train on one batch alone: a network that is right can learn a few samples by heart.

    Model and optimizer are afterwards as they were.

    Args:
        model, loss, optimizer: as for `fit`.
        batch: (x, y), some samples.
        steps: at most.
        target: the loss to reach, as a part of the loss at the start.
        axis: of the samples.

    Example:
        >>> from tinygraph import nn, optim
        >>> model = nn.Linear(3, 1, rng=0)
        >>> batch = np.eye(3), np.array([[1.0], [2.0], [3.0]])
        >>> optimizer = optim.Adam(model.parameters(), lr=0.1)
        >>> print(overfit_one_batch(model, lambda p, y: ((p - y) ** 2).mean(), optimizer, batch))
        the model can learn one batch: loss ...
    """
    losses: list[float] = []
    with unharmed(model, optimizer):
        if isinstance(model, Module):
            model.train()
        update = Update(model, loss, optimizer, axis=axis)
        while len(losses) < steps and (not losses or losses[-1] > target * abs(losses[0])):
            try:
                losses.append(update([batch])[0].loss)
            except DivergenceError:
                losses.append(math.inf)
                break
    return OneBatch(np.array(losses), losses[-1] <= target * abs(losses[0]))


@dataclass(frozen=True)
class Range:
    """What `lr_range_test` returns: the losses by learning rate, and a rate to begin with."""

    rates: Any
    losses: Any
    smoothed: Any

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which the smoothed loss is least: there it still falls fast, and is far from growing.

        Raises:
            ValueError: the loss never fell.
        """
        best = int(np.argmin(self.smoothed))
        if best == 0:
            raise ValueError(
                f"lr_range_test: the loss fell at no rate from {self.rates[0]:.3g}; begin lower, or see whether the "
                "model is right, by overfit_one_batch"
            )
        return float(self.rates[best]) / 10

    def __str__(self) -> str:
        shown = np.unique(np.linspace(0, len(self.rates) - 1, 12).round().astype(int))
        rows = [[self.rates[k], self.losses[k], self.smoothed[k]] for k in shown]
        return table(["rate", "loss", "smoothed"], rows)

    def plot(self, *, ax: Any = None) -> Any:
        """The losses over the rate, on a log scale, and the suggestion. Returns the Axes."""
        ax = quiet(axes(ax))
        ax.plot(self.rates, self.losses, color="#56b4e9", linewidth=0.8, label="loss")
        ax.plot(self.rates, self.smoothed, color="#0072b2", label="smoothed")
        ax.axvline(self.suggestion, color="#d55e00", linestyle="--", label=f"suggestion {self.suggestion:.2g}")
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
        ax.legend(edgecolor="none")
        return ax


def lr_range_test(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    optimizer: Any,
    data: Any,
    *,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 100,
    batch_size: int = 32,
    smoothing: float = 0.9,
    axis: int = 0,
) -> Range:
    """Train while the learning rate grows from low to high, and see where the loss falls and where it grows.

    It ends when the loss, smoothed by an exponentially weighted average with bias correction, is four times its least.
    Model and optimizer are afterwards as they were.

    Args:
        model, loss, optimizer, data, batch_size, axis: as for `fit`.
        low, high: the first and the last rate; between them the rates grow by equal factors.
        steps: updates.
        smoothing: beta of the average.

    Raises:
        ValueError: rates that do not grow; no batches.

    Source: L. Smith, Cyclical learning rates for training neural networks (2015), section 3.3.

    Example:
        >>> from tinygraph import nn, optim
        >>> x = np.random.default_rng(0).normal(size=(64, 3))
        >>> model = nn.Linear(3, 1, rng=0)
        >>> found = lr_range_test(
        ...     model, lambda p, y: ((p - y) ** 2).mean(), optim.SGD(model.parameters(), lr=0.1), (x, x[:, :1])
        ... )
        >>> 1e-4 < found.suggestion < 1.0
        True
    """
    if not 0 < low < high or steps < 3:
        raise ValueError(f"lr_range_test: the rates must grow from low={low} to high={high} in steps={steps} >= 3")
    if getattr(optimizer, "scheduled", False) or not all("lr" in group for group in optimizer.param_groups):
        raise ValueError("lr_range_test: it sets the learning rate, so the optimizer must have a number as its lr")
    batches = as_batches(data, batch_size=batch_size, axis=axis)
    rates, losses, smoothed, average = np.geomspace(low, high, steps), [], [], 0.0
    with unharmed(model, optimizer):
        if isinstance(model, Module):
            model.train()
        update = Update(model, loss, optimizer, axis=axis_of(batches, axis))
        for k, (rate, batch) in enumerate(zip(rates, islice(_endless(batches), steps), strict=False), 1):
            for group in optimizer.param_groups:
                group["lr"] = float(rate)
            try:
                losses.append(update([batch])[0].loss)
            except DivergenceError:
                break
            average = smoothing * average + (1 - smoothing) * losses[-1]
            smoothed.append(average / (1 - smoothing**k))
            if smoothed[-1] > 4 * min(smoothed) > 0:
                break
    if not losses:
        raise ValueError(f"lr_range_test: there are no batches, or the loss is not finite at low={low} already")
    return Range(rates[: len(losses)], np.array(losses), np.array(smoothed))


def _endless(batches: Any) -> Iterator[Any]:
    """Epoch after epoch; a generator's batches again and again."""
    if iter(batches) is batches:
        yield from cycle(batches)
    while True:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if not count:
            return
