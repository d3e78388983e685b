"""Where a function is looked at: its arguments taken apart into real arrays, with their names, and the rest.

A complex array is two real ones, its real and its imaginary part, among the arguments and among the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.check.probe import function
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.tree import flatten

Function = Callable[..., Any]
REAL, IMAGINARY = ".real", ".imag"


class Point:
    """A function's arguments, taken apart into the real arrays, with their names, and the rest."""

    def __init__(self, f: Function, args: Sequence[Any]) -> None:
        if not args:
            raise TypeError("there are no arguments to differentiate by; they come after the function, one by one")
        self.f, self.args = function(f), args
        values, self._rebuild = flatten(tuple(args))
        self.values = [bare(v) for v in values]
        taken = [(i, *part) for i, v in enumerate(self.values) for part in _parts(v)]
        if not taken:
            raise TypeError("no argument is a real array, so there is no gradient to check; use floats")
        self.places = [i for i, _, _ in taken]
        self.parts = [part for _, part, _ in taken]
        self.leaves = [leaf for _, _, leaf in taken]
        self.wide = [np.array(x, dtype=np.float64) for x in self.leaves]
        names = [name for i, arg in enumerate(args) for name in _names(arg, f"x{i}")]
        self.names = [names[i] + part for i, part in zip(self.places, self.parts, strict=True)]
        narrow = sorted({str(x.dtype) for x in self.leaves if x.dtype.kind == "f" and x.dtype != np.float64})
        self.notes = (f"{', '.join(narrow)} arguments were checked in float64",) if narrow else ()

    def _call(self, f: Function, leaves: Sequence[Any]) -> Any:
        values = list(self.values)
        for i, part, x in zip(self.places, self.parts, leaves, strict=True):
            values[i] = values[i] + 1j * x if part == IMAGINARY else x
        return f(*self._rebuild(values))

    def with_values(self, values: Sequence[Any]) -> Point:
        """The same function at other arguments, given as flat leaves."""
        return Point(self.f, self._rebuild(list(values)))

    def plain(self, *leaves: Any) -> Any:
        """f on the bare arrays."""
        return _apart(self._call(self.f, leaves))

    def recorded(self, *leaves: Any) -> Any:
        """f on Tensors: those of a transform, or constants around the bare arrays, so that `x += 1` means the same."""
        made = [x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in leaves]
        return _apart(self._call(self.f, made))

    def given(self, gradient: Function, *leaves: Any) -> list[Any]:
        """What somebody's gradient says of these real arrays, one array for each."""
        found = self._call(gradient, [x.copy() for x in leaves])
        one = len(self.args) == 1 and not (isinstance(found, tuple) and len(found) == 1)
        grads, _ = flatten((found,) if one else found)
        differentiable = sorted(set(self.places))
        if len(grads) == len(self.values):
            grads = [grads[i] for i in differentiable]
        if len(grads) != len(differentiable):
            raise ValueError(f"the gradient has {len(grads)} arrays for {len(differentiable)} real arguments")
        by_place = dict(zip(differentiable, map(bare, grads), strict=True))
        return [_component(by_place[i], part) for i, part in zip(self.places, self.parts, strict=True)]

    def random(self, seed: int) -> list[Any]:
        rng = np.random.default_rng(seed + 1)
        return [rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape) for x in self.leaves]


def _parts(value: Any) -> list[tuple[str, Any]]:
    """The real arrays that a value holds, none if it holds no real numbers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    x = np.asarray(value)
    if x.dtype.kind == "c":
        return [(REAL, x.real), (IMAGINARY, x.imag)]
    return [("", x)] if number or x.dtype.kind == "f" else []


def _component(g: Any, part: str) -> Any:
    """The derivative by a part, of a gradient ∂f/∂x - i ∂f/∂y."""
    return g if not part else np.real(g) if part == REAL else -np.imag(g)


def _apart(result: Any) -> Any:
    leaves, rebuild = flatten(result)
    if not any(np.iscomplexobj(bare(y)) for y in leaves):
        return result
    return rebuild([(np.real(y), np.imag(y)) if np.iscomplexobj(bare(y)) else y for y in leaves])


def _names(tree: Any, prefix: str) -> list[str]:
    """What each leaf of a tree is called in Python."""
    if isinstance(tree, dict):
        return [name for key, branch in tree.items() for name in _names(branch, f"{prefix}[{key!r}]")]
    if hasattr(tree, "_fields"):
        return [name for key in tree._fields for name in _names(getattr(tree, key), f"{prefix}.{key}")]
    if isinstance(tree, list | tuple):
        return [name for i, branch in enumerate(tree) for name in _names(branch, f"{prefix}[{i}]")]
    return [prefix]
