"""An array with one value for each example: what a function is given while `vmap` runs it once for all of them.

It has the shape of one example, speaks NumPy's protocols, and holds the arrays of all examples in one, stacked along
its first axis. So an operation needs no rule for batches: its forward function and its derivatives are NumPy, and run
here as they run on every other kind of array.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygraph import ops
from tinygraph.batch.functions import answered
from tinygraph.batch.indexing import read, write
from tinygraph.batch.level import Held, leave, levels_of, spread
from tinygraph.batch.loop import each
from tinygraph.batch.ufuncs import called
from tinygraph.op import Array, Traced, UndecidedError, whole

_OPS = os.path.dirname(ops.__file__) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(ops.__file__)) + os.sep
_NN = _PACKAGE + "nn" + os.sep


class Batched(Held):
    """The arrays of all examples of one level, `value`, seen as the array of one: `shape` is that of an example."""

    __slots__ = ()
    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    # --- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(a, Traced) for a in args):
            return NotImplemented
        return called(ufunc, method, args, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(t, Traced) for t in types):
            return NotImplemented
        return answered(function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise self.undecided(
            "does not turn into one ndarray: NumPy's functions take it as it is, tinygraph.take(a, i) as an index"
        )

    # --- what it knows of itself

    @property
    def base(self) -> Any:
        return self.value.base

    @property
    def real(self) -> Any:
        return self.level.of(self.value.real)

    @property
    def imag(self) -> Any:
        return self.level.of(self.value.imag)

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        return np.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        return np.swapaxes(self, -1, -2)

    def compress(self, condition: Any, axis: int | None = None) -> Any:
        return np.compress(condition, self, axis)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Batched(shape={self.shape}, dtype={self.value.dtype}, {self.level.size} examples)"

    def __format__(self, spec: str) -> str:
        if spec:
            raise self.undecided("is not one number to be formatted")
        return repr(self)

    # --- what has one answer for each example

    def __bool__(self) -> bool:
        return bool(self._agreed("is neither true nor false: use np.where in place of if"))

    def __int__(self) -> int:
        return int(self._agreed("is not one int"))

    def __float__(self) -> float:
        return float(self._agreed("is not one float: use NumPy's functions, np.sin and not math.sin"))

    def __index__(self) -> int:
        return int(self._agreed("is not one index: use tinygraph.take(a, i)"))

    def item(self, *place: Any) -> Any:
        return self._agreed("is not one number").item()

    def tolist(self) -> Any:
        raise self.undecided("is not one list")

    def _agreed(self, why: str) -> Any:
        """The value that all examples share, where an operation's own code asks for it; users get an error."""
        asker = sys._getframe(2).f_code.co_filename
        if self.size == 1 and asker.startswith((_OPS, _NN)):
            found = np.reshape(whole(self), -1)
            if not found.size:
                return np.zeros_like(found, shape=(1,))[0]
            if (found == found[0]).all():
                return found[0]
        raise self.undecided(why)

    def undecided(self, why: str) -> UndecidedError:
        return UndecidedError(
            f"inside vmap, an array of shape {self.shape} has a value for each of the {self.level.size} examples and "
            + why,
            lambda name, function, args, params: each(self.level, name, function, args, params),
        )

    # --- reading and writing parts

    def __getitem__(self, key: Any) -> Any:
        return read(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        write(self, key, value)

    # --- NumPy's methods

    def reshape(self, *shape: Any, order: Any = "C") -> Any:
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def clip(self, min: Any = None, max: Any = None) -> Any:  # noqa: A002  NumPy's names
        return np.clip(self, min, max)

    def transpose(self, *axes: Any) -> Any:
        return np.transpose(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    def astype(self, dtype: Any, copy: bool = True) -> Batched:
        return Batched(self.level, self.value.astype(dtype, copy=copy))

    def copy(self) -> Batched:
        return Batched(self.level, self.value.copy())

    # --- the engine's questions

    def settled(self, g: Any, value: Array) -> Any:
        """A gradient summed over the examples of each `vmap` that is over, where its node has one value for all."""
        own = levels_of(value)
        for level in levels_of(self):
            if not level.open and level not in own:
                g = np.sum(leave(g, level=level, axis=0), axis=0)
        return g

    def spread(self, g: Any) -> Any:
        """A gradient of this array, with a value for each example as it has."""
        own = levels_of(g)
        for level in levels_of(self):
            g = g if level in own else spread(g, level)
        return g


_BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "divmod": np.divmod,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
_COMPARISONS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
_COMPARISONS |= {"eq": np.equal, "ne": np.not_equal}
_UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _binary(ufunc: np.ufunc, turned: bool = False, in_place: bool = False) -> Callable[..., Any]:
    def operator(self: Batched, other: Any) -> Any:
        if isinstance(other, Traced):
            return NotImplemented
        return called(
            ufunc, "__call__", (other, self) if turned else (self, other), {"out": (self,)} if in_place else {}
        )

    return operator


def _unary(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda self: called(ufunc, "__call__", (self,), {})


for _name, _ufunc in {**_BINARY, **_COMPARISONS}.items():
    setattr(Batched, f"__{_name}__", _binary(_ufunc))
for _name, _ufunc in _BINARY.items():
    setattr(Batched, f"__r{_name}__", _binary(_ufunc, turned=True))
    if _name != "divmod":
        setattr(Batched, f"__i{_name}__", _binary(_ufunc, in_place=True))
for _name, _ufunc in _UNARY.items():
    setattr(Batched, f"__{_name}__", _unary(_ufunc))


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Batched, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


_METHODS = "sum mean max min prod var std cumsum cumprod argmax argmin any all argsort round ravel squeeze swapaxes"
_METHODS += " repeat take diagonal trace dot conj nonzero searchsorted argpartition"
for _name in _METHODS.split():
    setattr(Batched, _name, _method(getattr(np, _name)))
Batched.flatten = lambda self, order="C": np.ravel(self, order).copy()  # type: ignore[attr-defined]
