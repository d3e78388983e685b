"""Where a function is looked at: its arguments taken apart into real arrays, with their names, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.tree import flatten

Function = Callable[..., Any]


class Point:
    """A function's arguments, taken apart into the real arrays, with their names, and the rest."""

    def __init__(self, f: Function, args: Sequence[Any]) -> None:
        self.f, self.args = f, args
        values, self._rebuild = flatten(tuple(args))
        self.values = [bare(v) for v in values]
        self.places = [i for i, v in enumerate(self.values) if _is_real(v)]
        if not self.places:
            raise TypeError("no argument is a real array, so there is no gradient to check; use floats")
        self.leaves = [np.asarray(self.values[i]) for i in self.places]
        self.wide = [np.array(x, dtype=np.float64) for x in self.leaves]
        names = [name for i, arg in enumerate(args) for name in _names(arg, f"x{i}")]
        self.names = [names[i] for i in self.places]
        narrow = sorted({str(x.dtype) for x in self.leaves if x.dtype.kind == "f" and x.dtype != np.float64})
        self.notes = (f"{', '.join(narrow)} arguments were checked in float64",) if narrow else ()

    def _call(self, f: Function, leaves: Sequence[Any]) -> Any:
        values = list(self.values)
        for i, x in zip(self.places, leaves, strict=True):
            values[i] = x
        return f(*self._rebuild(values))

    def with_values(self, values: Sequence[Any]) -> Point:
        """The same function at other arguments, given as flat leaves."""
        return Point(self.f, self._rebuild(list(values)))

    def plain(self, *leaves: Any) -> Any:
        """f on the bare arrays."""
        return self._call(self.f, leaves)

    def recorded(self, *leaves: Any) -> Any:
        """f on Tensors: those of a transform, or constants around the bare arrays, so that `x += 1` means the same."""
        made = [x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in leaves]
        return self._call(self.f, made)

    def given(self, gradient: Function, *leaves: Any) -> list[Any]:
        """What somebody's gradient says of these real arrays, one array for each."""
        found = self._call(gradient, [x.copy() for x in leaves])
        one = len(self.args) == 1 and not (isinstance(found, tuple) and len(found) == 1)
        grads, _ = flatten((found,) if one else found)
        if len(grads) == len(self.values):
            grads = [grads[i] for i in self.places]
        if len(grads) != len(self.places):
            raise ValueError(f"the gradient has {len(grads)} arrays for {len(self.places)} real arguments")
        return [bare(g) for g in grads]

    def random(self, seed: int) -> list[Any]:
        rng = np.random.default_rng(seed + 1)
        return [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape) for x in self.leaves]


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or np.asarray(value).dtype.kind == "f"


def _names(tree: Any, prefix: str) -> list[str]:
    """What each leaf of a tree is called in Python."""
    if isinstance(tree, dict):
        return [name for key, branch in tree.items() for name in _names(branch, f"{prefix}[{key!r}]")]
    if hasattr(tree, "_fields"):
        return [name for key in tree._fields for name in _names(getattr(tree, key), f"{prefix}.{key}")]
    if isinstance(tree, list | tuple):
        return [name for i, branch in enumerate(tree) for name in _names(branch, f"{prefix}[{i}]")]
    return [prefix]
