"""One update of the parameters: forward, loss, backward, clipping, step; and what to say where it makes a NaN."""

from __future__ import annotations

import math
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from tinygraph.data.seeds import Generator, generator_state, restore_generator
from tinygraph.mode import debug, tracer
from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.optim import LBFGS, clip_grad_norm_, clip_grad_value_
from tinygraph.program import compile  # noqa: A004  the field's word
from tinygraph.tensor import Tensor
from tinygraph.train.evaluation import count, inputs_and_targets
from tinygraph.train.history import History


class DivergenceError(FloatingPointError):
    """Training has met a NaN or an infinity.

    Parameters and running averages are those before it; `history` holds the epochs before.
    """

    history: History


class Passed(NamedTuple):
    """A batch that was learned from: its loss, number of samples, outputs and targets."""

    loss: float
    samples: int
    outputs: Any
    y: Any


class Update:
    """Updates a model by a group of batches; several are weighted by their samples, so that they count as one large."""

    def __init__(
        self,
        model: Callable[..., Any],
        loss: Callable[..., Any],
        optimizer: Any,
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        axis: int = 0,
        compiled: bool = False,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.clip_norm, self.clip_value, self.axis = clip_norm, clip_value, axis
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.generators = list(generators(model).values())
        self.buffers = list(_buffers(model))
        if compiled and isinstance(optimizer, LBFGS):
            warnings.warn("fit: compile=True: L-BFGS, which searches along a line, runs uncompiled", stacklevel=3)
            compiled = False
        self._program = compile(self._whole()) if compiled else None

    def seen_by_program(self) -> list[Any]:
        """What an update depends on, for `compile`."""
        return [self.clip_norm, self.clip_value, self.axis, self.model, self.loss, self.optimizer]

    def __call__(self, group: Sequence[Any]) -> list[Passed]:
        before = [generator_state(rng) for rng in self.generators]
        kept = [(holder, name, holder[name], holder[name].copy()) for holder, name in self.buffers]
        try:
            with np.errstate(all="ignore"):  # a NaN is told of below, with its operation
                return self._run(group, before) if self._program is not None else self._step(group, before)
        except DivergenceError:
            for holder, name, buffer, numbers in kept:
                if isinstance(buffer, np.ndarray):  # and no number that it has become
                    buffer[...] = numbers
                holder[name] = buffer
            raise

    def _step(self, group: Sequence[Any], before: Sequence[Mapping[str, Any]]) -> list[Passed]:
        passed: list[Passed] = []

        def closure() -> float:
            first = not passed
            found = self._gradient(group)
            if first:
                self._check(group, found, before)
                passed.extend(found)
            self._clip()
            total = sum(p.samples for p in found)
            return sum(p.loss * p.samples for p in found) / total if total else 0.0

        if isinstance(self.optimizer, LBFGS):
            self.optimizer.step(closure)
        else:
            closure()
            self.optimizer.step()
        return passed

    def _whole(self) -> Callable[..., list[tuple[Any, Any]]]:
        """Forward, backward, clipping and step as one function of the batches, for `compile`."""

        def update(pairs: Sequence[Any]) -> list[tuple[Any, Any]]:
            recorder = tracer()
            if recorder is not None and isinstance(self.model, Module):
                recorder.begins("forward", {p: name for name, p in self.model.named_parameters()})
            found = self._forward_and_backward(pairs)
            if not all_finite([loss.data for loss, _ in found], self.parameters):
                raise _NotFiniteError
            self._clip()
            self.optimizer.step()
            return [(loss.data, bare(outputs)) for loss, outputs in found]

        return update

    def _run(self, group: Sequence[Any], before: Sequence[Mapping[str, Any]]) -> list[Passed]:
        pairs = [inputs_and_targets(batch) for batch in group]
        try:
            found = self._program(pairs)  # type: ignore[misc]
        except _NotFiniteError:
            raise self._diverged("the loss or a gradient is not finite", group, before) from None
        return [
            Passed(loss.item(), count(inputs, self.axis), outputs, y)
            for (loss, outputs), (inputs, y) in zip(found, pairs, strict=True)
        ]

    def _gradient(self, group: Sequence[Any]) -> list[Passed]:
        pairs = [inputs_and_targets(batch) for batch in group]
        found = self._forward_and_backward(pairs)
        return [
            Passed(loss.item(), count(inputs, self.axis), bare(outputs), y)
            for (loss, outputs), (inputs, y) in zip(found, pairs, strict=True)
        ]

    def _forward_and_backward(self, pairs: Sequence[tuple[Any, Any]]) -> list[tuple[Tensor, Any]]:
        """The loss and the outputs of each batch; the gradients are in the parameters then."""
        self.optimizer.zero_grad()
        total = sum(count(inputs, self.axis) for inputs, _ in pairs)
        found = []
        for inputs, y in pairs:
            outputs = self.model(*inputs)
            loss = self.loss(outputs, y)
            if not isinstance(loss, Tensor) or loss.size != 1:
                what = f"shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
                raise TypeError(f"fit: the loss must be one number on the graph, a Tensor of shape (), not {what}")
            n = count(inputs, self.axis)
            share = None if len(pairs) == 1 else loss.dtype.type(n / total)
            loss.backward(None if share is None else share.reshape(loss.shape), retain_graph=False)
            found.append((loss, outputs))
        return found

    def _clip(self) -> None:
        if self.clip_value is not None:
            clip_grad_value_(self.parameters, self.clip_value)
        if self.clip_norm is not None:
            clip_grad_norm_(self.parameters, self.clip_norm)

    def _check(self, group: Sequence[Any], found: Sequence[Passed], before: Sequence[Mapping[str, Any]]) -> None:
        bad = next((p.loss for p in found if not math.isfinite(p.loss)), None)
        if bad is None and all(finite(p.grad) for p in self.parameters):
            return
        raise self._diverged("a gradient is not finite" if bad is None else f"the loss is {bad}", group, before)

    def _diverged(self, what: str, group: Sequence[Any], before: Sequence[Mapping[str, Any]]) -> DivergenceError:
        for rng, state in zip(self.generators, before, strict=True):  # the same units are dropped again
            restore_generator(rng, dict(state))
        return DivergenceError(f"{what}: {self._culprit(group)}")

    def _culprit(self, group: Sequence[Any]) -> str:
        """The operation that made it, found by doing the batch again under debug."""
        try:
            with debug():
                self._gradient(group)
        except FloatingPointError as error:
            layers = _layers(error)
            return f"{error}{f', in layer {layers}' if layers else ''}"
        finally:
            self.optimizer.zero_grad()
        return "done again under debug, the batch made none"


def finite(gradient: Any) -> bool:
    """Whether all numbers of a gradient are; their squares' sum tells it nearly always, and is the quickest to have."""
    if gradient is None:
        return True
    flat = gradient.ravel()
    return math.isfinite(flat @ flat) or bool(np.isfinite(flat).all())


def all_finite(losses: Sequence[Any], parameters: Sequence[Tensor]) -> bool:
    """Whether all numbers of losses and gradients are; as one question where a program is recorded."""
    flats = [p.grad.ravel() for p in parameters if p.grad is not None]
    if bool(np.isfinite(reduce(add, [*losses, *(flat @ flat for flat in flats)]))):
        return True
    return all(bool(np.isfinite(x).all()) for x in (*losses, *flats))


class _NotFiniteError(Exception):
    """A loss or gradient is NaN or infinite."""


def _layers(error: BaseException) -> str:
    """The path of the modules whose calls an error came through."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == "__call__"]
    modules = [frame.f_locals["self"] for frame in frames if isinstance(frame.f_locals.get("self"), Module)]
    return ".".join(module._name or type(module).__name__ for module in modules[1:] or modules)


def generators(model: Any) -> dict[str, Generator]:
    """What a model draws from, as dropout does: the common generator, and those that its parts hold, each once."""
    found: dict[str, Generator] = {"common": init.generator()}
    for path, module in model.named_modules() if isinstance(model, Module) else ():
        for name, value in _held(module):
            if isinstance(value, Generator) and all(value is not rng for rng in found.values()):
                found[f"{path}.{name}"] = value
    return found


def _buffers(model: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Where running averages are: the attributes of modules that are arrays, and may be written to."""
    for module in model.modules() if isinstance(model, Module) else ():
        for name, value in vars(module).items():
            if isinstance(value, np.ndarray) and value.flags.writeable:
                yield vars(module), name


def _held(module: Module) -> Iterator[tuple[str, Any]]:
    """The attributes of a module, and those of its private parts, as the dropout between recurrent layers."""
    for name, value in vars(module).items():
        yield name, value
        if name.startswith("_") and isinstance(value, Module):
            yield from ((f"{name}.{inner}", held) for inner, held in _held(value))
