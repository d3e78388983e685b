"""One update of the parameters: forward, loss, backward, clipping, step; and what to say where it makes a NaN."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.data.seeds import Generator, generator_state, restore_generator
from tinygraph.mode import debug
from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.optim import LBFGS, clip_grad_norm_, clip_grad_value_
from tinygraph.tensor import Tensor
from tinygraph.train.evaluation import count, inputs_and_targets
from tinygraph.train.history import History


class DivergenceError(FloatingPointError):
    """Training has met a NaN or an infinity. The parameters are those before it; `history` holds the epochs before."""

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
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.clip_norm, self.clip_value, self.axis = clip_norm, clip_value, axis
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.generators = list(generators(model).values())

    def __call__(self, group: Sequence[Any]) -> list[Passed]:
        before = [generator_state(rng) for rng in self.generators]
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

        with np.errstate(all="ignore"):  # a NaN is told of below, with its operation
            if isinstance(self.optimizer, LBFGS):
                self.optimizer.step(closure)
            else:
                closure()
                self.optimizer.step()
        return passed

    def _gradient(self, group: Sequence[Any]) -> list[Passed]:
        self.optimizer.zero_grad()
        pairs = [inputs_and_targets(batch) for batch in group]
        total = sum(count(inputs, self.axis) for inputs, _ in pairs)
        found = []
        for inputs, y in pairs:
            outputs = self.model(*inputs)
            loss = self.loss(outputs, y)
            if not isinstance(loss, Tensor) or loss.size != 1:
                what = f"shape {loss.shape}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
                raise TypeError(f"fit: the loss must be one number on the graph, a Tensor of shape (), not {what}")
            n = count(inputs, self.axis)
            share = None if len(pairs) == 1 else np.full(loss.shape, n / total, loss.dtype)
            loss.backward(share, retain_graph=False)
            found.append(Passed(loss.item(), n, bare(outputs), y))
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
        what = "a gradient is not finite" if bad is None else f"the loss is {bad}"
        for rng, state in zip(self.generators, before, strict=True):  # the same units are dropped again
            restore_generator(rng, dict(state))
        raise DivergenceError(f"{what}: {self._culprit(group)}")

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


def _held(module: Module) -> Iterator[tuple[str, Any]]:
    """The attributes of a module, and those of its private parts, as the dropout between recurrent layers."""
    for name, value in vars(module).items():
        yield name, value
        if name.startswith("_") and isinstance(value, Module):
            yield from ((f"{name}.{inner}", held) for inner, held in _held(value))
