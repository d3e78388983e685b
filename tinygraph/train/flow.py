"""How signals and gradients flow through a network: vanishing, exploding, and units that are dead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygraph import ops
from tinygraph.graph import Node, differentiable, pullback
from tinygraph.nn.module import Module
from tinygraph.op import OPS
from tinygraph.tensor import Tensor
from tinygraph.train.history import table

_FAR = 1e3  # first and last layer differ by more: vanishing or exploding


@dataclass(frozen=True)
class LayerFlow:
    """One layer, or one parameter: standard deviation of its numbers, and length of the gradient that reaches it."""

    name: str
    std: float
    gradient: float
    size: int

    @property
    def rms(self) -> float:
        """The gradient's root mean square, which layers of different sizes can be compared by."""
        return self.gradient / math.sqrt(max(self.size, 1))


@dataclass(frozen=True)
class Flow:
    """What `gradient_flow` returns, from the input's side to the loss; printed as a table with a verdict."""

    layers: tuple[LayerFlow, ...]
    parameters: tuple[LayerFlow, ...]

    @property
    def ratio(self) -> float:
        """The gradient at the first layer's output over that at the last one's, by root mean square.

        Not at their weights: where signals shrink forwards as gradients do backwards, the gradients of all weights are
        alike. These are looked at where no layers are known.
        """
        rows = self.layers if len(self.layers) > 1 else [p for p in self.parameters if p.size > 1]
        if len(rows) < 2:
            return 1.0
        first, last = rows[0].rms, rows[-1].rms
        return first / last if last else (math.inf if first else math.nan)

    @property
    def verdict(self) -> str:
        """Vanishing, exploding or healthy."""
        if not all(math.isfinite(row.gradient) for row in (*self.layers, *self.parameters)) or self.ratio > _FAR:
            return "exploding"
        return "healthy" if self.ratio >= 1 / _FAR else "vanishing"

    def __str__(self) -> str:
        rows = [[row.name, row.std, row.gradient, row.rms] for row in (*self.layers, *self.parameters)]
        remedy = {
            "vanishing": ": initialise by He for ReLU, by Xavier for tanh; ReLU, batch normalisation, shorter paths",
            "exploding": ": initialise by He for ReLU, by Xavier for tanh; clip the gradients",
        }
        shown = table(["layer", "std", "gradient", "rms"], rows)
        end = f"gradients are {self.verdict}{remedy.get(self.verdict, '')}"
        return f"{shown}\nfirst over last: {self.ratio:.3g}; {end}"

    def plot(self, *, label: str | None = None, ax: Any = None) -> Any:
        """The gradients' root mean squares, layer by layer, on a log scale; those of parameters if there are none."""
        from tinygraph.render.plots import gradient_norms

        rows = self.layers or self.parameters
        return gradient_norms({row.name: row.rms for row in rows}, label=label, ax=ax)


def gradient_flow(loss: Tensor, parameters: Module | Mapping[str, Tensor] | None = None) -> Flow:
    """Spread of the activations and length of the gradients, layer by layer, read from the graph of a loss.

    Layers are the modules of a network, other scopes, and results that have a name; the `.grad` of nothing is changed.

    Args:
        loss: a number on a graph that is whole: before `backward`, or after one that retained it.
        parameters: a model, or Tensors by name, to be told of too.

    Raises:
        ValueError: the loss is not one number, or needs no gradient.
        RuntimeError: the graph was released by backward.

    Example:
        >>> from tinygraph import nn
        >>> layers = [nn.Linear(50, 50, weight_init=nn.init.normal, rng=k) for k in range(4)]  # 0.01: too small
        >>> model = nn.Sequential(*layers)
        >>> flow = gradient_flow((model(np.ones((8, 50))) ** 2).mean(), model)
        >>> [layer.name for layer in flow.layers], flow.verdict
        (['0', '1', '2', '3'], 'vanishing')
    """
    if not isinstance(loss, Tensor) or loss.size != 1 or not loss.requires_grad:
        raise ValueError("gradient_flow: one number on a graph is needed, as loss(model(x), y) is before backward")
    named = dict(parameters.named_parameters() if isinstance(parameters, Module) else parameters or {})
    layers = dict(_outputs(loss._node))
    wanted = {*layers, *(p._node for p in named.values())}
    with np.errstate(over="ignore", invalid="ignore"):
        grads = pullback(loss._node, np.ones_like(loss.data), wanted)
        found = [_flow(name, node.value, grads.get(node)) for node, name in layers.items()]
        params = [_flow(name, p.data, grads.get(p._node)) for name, p in named.items()]
    return Flow(tuple(found), tuple(params))


def _flow(name: str, value: Any, gradient: Any) -> LayerFlow:
    length = 0.0 if gradient is None else float(np.linalg.norm(np.ravel(gradient).astype(np.float64)))
    return LayerFlow(name, float(np.std(value)), length, int(np.size(value)))


def _outputs(root: Node) -> Iterator[tuple[Node, str]]:
    """The last result of each innermost scope, each result of a scope around others, and each that has a name."""
    nodes = [node for node in differentiable([root]) if node.op is not None and node is not root]
    scoped = [(node, node.tag.scope) for node in nodes if node.tag is not None and node.tag.scope is not None]
    around = {scope.parent for _, scope in scoped}
    last = {scope: node for node, scope in scoped}
    tops = {scope.path[0] for _, scope in scoped}
    for node in nodes:
        tag = node.tag
        scope = None if tag is None else tag.scope
        if tag is not None and tag.name is not None:
            yield node, tag.name
        elif scope is not None and (scope in around or last[scope] is node):
            path = scope.path[1:] if len(tops) == 1 and (len(scope.path) > 1 or scope in around) else scope.path
            yield node, ".".join([*path, node.op.name] if scope in around and node.op is not None else path)


@dataclass(frozen=True)
class Dead:
    """The units of one layer of rectifiers: `silent` says of each whether it was 0 for all samples."""

    name: str
    silent: Any

    @property
    def dead(self) -> int:
        return int(np.count_nonzero(self.silent))

    @property
    def units(self) -> int:
        return int(self.silent.size)

    def __str__(self) -> str:
        return f"{self.name}: {self.dead} of {self.units} units are dead"


def dead_relus(output: Tensor, *, axis: int | None = None) -> list[Dead]:
    """The rectifiers that are 0 for every sample of a batch: their gradient is 0, so they never learn again.

    Args:
        output: of a network, or its loss, on a graph that is whole; a large batch tells more.
        axis: of the units; None: the last, or the channels of images, (n, channels, height, width); 0 for the course's
            columns.

    Returns:
        for each layer of rectifiers its units, in the order of the computation.

    Example:
        >>> from tinygraph import nn
        >>> layer = nn.Linear(2, 3, rng=0)
        >>> layer.bias.data[1] = -100.0
        >>> for found in dead_relus(nn.Sequential(layer, nn.ReLU())(np.ones((5, 2)))):
        ...     print(found)
        1: 1 of 3 units are dead
    """
    found: list[Dead] = []
    for node in differentiable([output._node]):
        if _rectifies(node):
            value = node.value
            unit = axis if axis is not None else 1 if value.ndim > 3 else -1
            others = tuple(k for k in range(value.ndim) if k != unit % max(value.ndim, 1))
            scope = node.tag.scope if node.tag is not None else None
            name = node.tag.name if node.tag is not None else None
            name = name or (".".join(scope.path[1:] or scope.path) if scope is not None else f"relu {len(found)}")
            found.append(Dead(name, (value <= 0).all(others)))
    return found


def _rectifies(node: Node) -> bool:
    if node.op is ops.relu:
        return True
    constants = [a for x, a in zip(node.inputs or (), node.args or (), strict=True) if x is None]
    return node.op is OPS[np.maximum] and any(np.all(a == 0) for a in constants)
