"""The training loop: epochs of updates, and what follows each epoch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tinygraph.nn.module import Module
from tinygraph.optim import ReduceLROnPlateau
from tinygraph.train.checkpoint import Checkpoint
from tinygraph.train.evaluation import Means, Metric, evaluate, measured
from tinygraph.train.history import History
from tinygraph.train.interrupt import Interrupts
from tinygraph.train.progress import Bar, say
from tinygraph.train.stopping import EarlyStopping
from tinygraph.train.update import DivergenceError, Update

_MOMENTS = ("on_fit_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_fit_end")


class Run:
    """A training run under way: what callbacks are given.

    Attributes:
        model, optimizer, history: what is trained, by what, and the epochs that are done.
        epoch: the number of the epoch, from 1.
        epochs: how many there shall be.
        step: how many updates there have been.
        loss: of the latest batch.

    Example:
        >>> run = Run(None, None, History(), epochs=3)
        >>> run.stop("it is good enough")
        >>> run.history.stopped
        'it is good enough'
    """

    def __init__(self, model: Any, optimizer: Any, history: History, epochs: int) -> None:
        self.model, self.optimizer, self.history, self.epochs = model, optimizer, history, epochs
        self.epoch, self.step, self.loss = 0, 0, float("nan")

    def stop(self, reason: str = "a callback stopped it") -> None:
        """End the run after this epoch."""
        self.history.stopped = reason

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "step": self.step}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.step = state["epoch"], state["step"]


@dataclass
class Loop:
    """What `fit` does, with all that it was given in the form in which it is used."""

    run: Run
    update: Update
    batches: Iterable[Any]
    validation: Iterable[Any] | None
    metrics: Mapping[str, Metric]
    accumulate: int
    scheduler: Any
    schedule_by: str
    stopping: EarlyStopping | None
    callbacks: Sequence[Any]
    progress: bool
    checkpoint: Checkpoint | None = None
    checkpoint_every: int = 1

    def __post_init__(self) -> None:
        if self.accumulate < 1 or self.checkpoint_every < 1:
            raise ValueError(f"fit: accumulate={self.accumulate} must be at least 1")
        if self.schedule_by not in ("epoch", "step"):
            raise ValueError(f'fit: schedule_by={self.schedule_by!r} is neither "epoch" nor "step"')
        for callback in self.callbacks:
            if not callable(callback) and not any(hasattr(callback, moment) for moment in _MOMENTS):
                raise TypeError(f"fit: callback {callback!r} is no function and has none of {', '.join(_MOMENTS)}")

    def go(self) -> History:
        """Train until the last epoch, or until something ends it."""
        run, history = self.run, self.run.history
        bar = Bar(
            self._batches_in_all(), run.epoch * (self._batches_in_all() or 0) // max(run.epochs, 1), self.progress
        )
        with Interrupts() as interrupts:
            try:
                self._tell("on_fit_begin")
                while run.epoch < run.epochs and history.stopped is None:
                    self._epoch(interrupts, bar)
            except KeyboardInterrupt:
                history.stopped = f"Ctrl-C in epoch {run.epoch}"
                say(f"fit: stopped by {history.stopped}; the model can be used, and the history is returned")
            except DivergenceError as error:
                error.history = history
                raise
            finally:
                bar.close()
            if self.stopping is not None:
                self.stopping.finish(run.model, history)
            self._tell("on_fit_end")
        return history

    def _epoch(self, interrupts: Interrupts, bar: Bar) -> None:
        run = self.run
        run.epoch += 1
        self._tell("on_epoch_begin")
        begun = time.perf_counter()
        row: dict[str, float] = {"epoch": run.epoch, **self._learn(interrupts, bar)}
        if self.validation is not None:
            found = evaluate(run.model, self.update.loss, self.validation, metrics=self.metrics, axis=self.update.axis)
            row |= {f"val_{name}": figure for name, figure in found.items()}
        if "lr" in run.optimizer.param_groups[0]:
            row["lr"] = float(run.optimizer.param_groups[0]["lr"])
        row["seconds"] = time.perf_counter() - begun
        run.history.append(row)
        self._conclude(row)
        bar.epoch(row, run.epochs)

    def _learn(self, interrupts: Interrupts, bar: Bar) -> dict[str, float]:
        """Go through the batches once; the means of their figures."""
        run, means, done = self.run, Means(), 0
        if isinstance(run.model, Module):
            run.model.train()
        batches = iter(self.batches)
        try:
            while group := list(islice(batches, self.accumulate)):
                with interrupts.held():
                    passed = self._updated(group, done)
                    run.step += 1
                    if self.scheduler is not None and self.schedule_by == "step":
                        self._schedule(passed[-1].loss)
                for p in passed:
                    means.add(p.samples, loss=p.loss, **measured(self.metrics, p.outputs, p.y))
                    bar.batch()
                run.loss = passed[-1].loss
                done += len(group)
                self._tell("on_batch_end")
        finally:
            close = getattr(batches, "close", None)  # a thread that prepares batches ends now
            if close is not None:
                close()
        if not means.count:
            raise ValueError(
                f"fit: there are no samples in epoch {run.epoch}; a generator gives its batches once, so make a list "
                "of it, or Batches of the function that makes it"
            )
        return means.values()

    def _updated(self, group: list[Any], done: int) -> Any:
        try:
            return self.update(group)
        except DivergenceError as error:
            place = f"epoch {self.run.epoch}, batch {done + 1}"
            raise DivergenceError(f"fit stopped in {place}, the parameters are those before it: {error}") from None

    def _schedule(self, figure: float) -> None:
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(figure)
        else:
            self.scheduler.step()

    def _conclude(self, row: dict[str, float]) -> None:
        """What an epoch's figures bring about."""
        run = self.run
        if self.scheduler is not None and self.schedule_by == "epoch":
            self._schedule(row.get("val_loss", row["loss"]))
        if self.stopping is not None and self.stopping.observe(row, run.epoch, run.model):
            waited = f"{self.stopping.waited} epoch{'s' * (self.stopping.waited != 1)}"
            run.stop(f"early stopping: {self.stopping.monitor} has not improved for {waited}")
        self._tell("on_epoch_end")
        last = run.epoch >= run.epochs or run.history.stopped is not None
        if self.checkpoint is not None and (last or run.epoch % self.checkpoint_every == 0):
            self.checkpoint.write()

    def _tell(self, moment: str) -> None:
        """Call what wants to be called now; a function wants the end of each epoch."""
        for callback in self.callbacks:
            hook = getattr(callback, moment, None)
            if hook is not None:
                hook(self.run)
            elif moment == "on_epoch_end" and not any(hasattr(callback, other) for other in _MOMENTS):
                callback(self.run)

    def _batches_in_all(self) -> int | None:
        try:
            return len(self.batches) * self.run.epochs if isinstance(self.batches, Sized) else None
        except TypeError:  # a length that nobody knows
            return None
