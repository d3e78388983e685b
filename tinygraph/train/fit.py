"""`fit`: a model, a loss, an optimizer and data, and all that a training run wants beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tinygraph.data.seeds import Seed
from tinygraph.nn.module import Module
from tinygraph.optim import Scheduler
from tinygraph.train.checkpoint import Checkpoint
from tinygraph.train.evaluation import Metric, as_batches, axis_of
from tinygraph.train.history import History
from tinygraph.train.loop import Loop, Run
from tinygraph.train.memory import tune_malloc as tuned
from tinygraph.train.stopping import EarlyStopping
from tinygraph.train.update import Update


def fit(
    model: Callable[..., Any],
    loss: Metric,
    optimizer: Any,
    data: Any,
    *,
    epochs: int = 10,
    validation: Any = None,
    metrics: Mapping[str, Metric] | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: Seed = 0,
    axis: int = 0,
    schedule: Any = None,
    schedule_by: str = "epoch",
    clip_norm: float | None = None,
    clip_value: float | None = None,
    accumulate: int = 1,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Sequence[Any] = (),
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    resume: bool = False,
    progress: bool = True,
    tune_malloc: bool = False,
    compile: bool = False,  # noqa: A002  the field's word
) -> History:
    """Train a model: for each epoch go through all mini-batches, and update the parameters after each.

    With the same seeds a run repeats itself bit for bit, and one that was killed and resumed equals one that was not.
    Ctrl-C ends a run between two updates: the model can be used, and the history is returned.

    Args:
        model: a module, or any function of the inputs.
        loss: of (outputs, targets): one number, the mean over the batch.
        optimizer: of the model's parameters.
        data: (x, y), `tinygraph.data.Batches`, or any iterable of batches (x, y), gone through once an epoch.
        epochs: how many.
        validation: data to evaluate after each epoch, in any of these forms; figures are called "val_...".
        metrics: functions of (outputs, targets), bare arrays, by name, each a mean over the batch, as
            {"accuracy": tinygraph.train.accuracy}.
        batch_size, shuffle, seed, axis: of the mini-batches, where data is arrays; see `Batches`.
        schedule: a function of the number of the epoch, from 0, that gives the learning rate; for groups of several
            rates a list of one for each; or a scheduler, whose `step` is called.
        schedule_by: "epoch", or "step" for the number of the update.
        clip_norm, clip_value: the largest common norm, and the largest number, of the gradients.
        accumulate: how many batches make one update, as if they were one.
        early_stopping: `EarlyStopping`, or its patience, or True for the usual one.
        callbacks: functions that are called with the `Run` after each epoch; or objects with any of on_fit_begin,
            on_epoch_begin, on_batch_end, on_epoch_end and on_fit_end. `run.stop()` ends the run.
        checkpoint: a file, .npz or .safetensors, to keep the state of the run in.
        checkpoint_every: so many epochs.
        resume: go on from the checkpoint, if it exists.
        progress: show a bar on a terminal, by tqdm.
        tune_malloc: call `tinygraph.train.tune_malloc` first.
        compile: run each update, forward, backward, clipping and step, as one program, by `tinygraph.compile`; the
            same to the last bit. What cannot be compiled runs as it is, and a warning says why.

    Returns:
        figures by epoch: "loss" and metrics as means over the samples, while the weights changed; the same of the
        validation data; the learning rate "lr"; "seconds". `history.stopped` says why it ended early. The model is
        left in training mode; `predict` and `evaluate` look after that, else call `model.eval()`.

    Raises:
        DivergenceError: a loss or gradient is NaN or infinite; the error names the operation that made it.
        ValueError: there is no batch; the optimizer has other parameters than the model's; there is one schedule for
            groups of several rates; the checkpoint is of another run.
        TypeError: the loss is not one Tensor; data in a form that is not understood.
        OSError: there is no folder for the checkpoint.

    Example:
        >>> import numpy as np
        >>> from tinygraph import nn, optim
        >>> x = np.linspace(-1.0, 1.0, 64).reshape(-1, 1)
        >>> model = nn.Linear(1, 1, rng=0)
        >>> def squared(p, y):
        ...     return ((p - y) ** 2).mean()
        >>> history = fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (x, 2 * x + 1), epochs=99)
        >>> model.weight.data.round(3), model.bias.data.round(3), history["loss"][-1] < 1e-6
        (array([[2.]]), array([1.]), np.True_)
    """
    stopping = _stopping(early_stopping)
    _refuse(model, stopping, checkpoint, validation is not None, metrics or {})
    _refuse_optimizer(model, loss, optimizer)
    _refuse_schedule(optimizer, schedule)
    if tune_malloc:
        tuned()
    run = Run(model, optimizer, History(), epochs)
    batches = as_batches(data, batch_size=batch_size, shuffle=shuffle, seed=seed, axis=axis)
    axis = axis_of(batches, axis)
    held_out = None if validation is None else as_batches(validation, batch_size=batch_size, shuffle=False, axis=axis)
    loop = Loop(
        run=run,
        update=Update(model, loss, optimizer, clip_norm=clip_norm, clip_value=clip_value, axis=axis, compiled=compile),
        batches=batches,
        validation=held_out,
        metrics=metrics or {},
        accumulate=accumulate,
        scheduler=Scheduler(optimizer, schedule) if callable(schedule) or isinstance(schedule, list) else schedule,
        schedule_by=schedule_by,
        stopping=stopping,
        callbacks=callbacks,
        progress=progress,
    )
    if stopping is not None:
        stopping.reset()
    if checkpoint is not None:
        things = {"run": run, "history": run.history, "model": model, "optimizer": optimizer}
        things |= {"scheduler": loop.scheduler, "stopping": stopping, "batches": batches, "validation": held_out}
        loop.checkpoint, loop.checkpoint_every = Checkpoint(checkpoint, things, model), checkpoint_every
        if resume and loop.checkpoint.exists:
            loop.checkpoint.restore()
    return loop.go()


def _stopping(early_stopping: EarlyStopping | int | None) -> EarlyStopping | None:
    if isinstance(early_stopping, bool):
        return EarlyStopping() if early_stopping else None
    return EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping


def _refuse(
    model: Any, stopping: EarlyStopping | None, checkpoint: Any, validated: bool, metrics: Mapping[str, Any]
) -> None:
    """What would only be seen after the first epoch."""
    if not isinstance(metrics, Mapping):
        raise TypeError(f'fit: metrics are functions by name, {{"accuracy": train.accuracy}}, not {metrics!r}')
    if not isinstance(model, Module) and (stopping is not None or checkpoint is not None):
        raise TypeError(f"fit: early stopping and checkpoints save the model, so it must be a Module, not {model!r}")
    figures = ["loss", *metrics]
    figures += [f"val_{name}" for name in figures if validated]
    if stopping is not None and stopping.monitor not in figures:
        lacking = "" if validated else "; give validation= data, which the dev set's figures are measured on"
        raise ValueError(f"fit: early stopping watches {stopping.monitor!r}, and there are {figures}{lacking}")


def _refuse_optimizer(model: Any, loss: Any, optimizer: Any) -> None:
    """One that would change nothing: it was made for another model, or before this one was converted."""
    if not hasattr(optimizer, "param_groups"):
        raise TypeError(f"fit: {optimizer!r} is no optimizer; make one, as optim.Adam(model.parameters())")
    learned = {id(p) for part in (model, loss) if isinstance(part, Module) for p in part.parameters()}
    if learned and learned.isdisjoint(id(p) for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            "fit: the optimizer has none of the model's parameters, so nothing would be learned; make it of "
            "model.parameters(), and after astype"
        )


def _refuse_schedule(optimizer: Any, schedule: Any) -> None:
    """One for groups whose rates differ, which would be one from then on."""
    rates = [group.get("lr") for group in optimizer.param_groups]
    if callable(schedule) and any(rate != rates[0] for rate in rates):
        raise ValueError(
            f"fit: one schedule would give all groups one learning rate, and theirs are {rates}; give a list of one "
            "schedule for each group, or tinygraph.optim.Scheduler(optimizer, schedule) where one rate is meant"
        )
