"""A function seen along straight lines through a point: its values, their noise, and how many calls they took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from tinygraph.mode import no_grad
from tinygraph.op import bare
from tinygraph.tree import flatten

Vector = np.ndarray[Any, np.dtype[np.float64]]
Leaves = list[np.ndarray[Any, Any]]
EPS = float(np.finfo(np.float64).eps)
DOMAIN, OVERFLOW = "outside the domain", "overflow"
_SHAKEN, _REPEATS = 2.0**-10, 4
_SPACING, _POINTS, _ORDER, _LOUD = 2.0**-15, 8, 5, 64.0
_WIDE = 6.0  # the largest error of a value, in measured standard deviations: three grids may see little of it
_NORMAL = 252.0**-0.5  # one over the size of the fifth differences of unit noise: sqrt(10!) / 5!


class Line:
    """The arguments at a distance t from the point, `line(t)`, in units of the scale.

    `size` is how large the arguments that move are in these units, 1 or less; `unit` how many of them make a step of 1.
    """

    def __init__(self, at: Callable[[float], Leaves], size: float = 1.0, unit: float = 1.0) -> None:
        self._at = at
        self.size = size
        self.unit = unit

    def __call__(self, t: float) -> Leaves:
        return self._at(t)


class Probe:
    """f at the leaves of its arguments, and around them.

    Args:
        f: takes the leaves, one by one; returns a tree of arrays. Integers among the outputs are left out.
        leaves: real arrays; they are copied to float64 and never changed.
        cotangent: the weights of the outputs; random and uneven (from `seed`) if None, 1 for a scalar.
        sides: on how many sides of the point noise is measured; one is cheaper, and sees a kink nearby as noise.

    `y` holds the outputs as one vector, `noise` the round-off of each, `scale` the size of each argument's element
    as a power of two, so that a step of a power of two is exact. `fault` says why the last call gave no finite values.
    """

    _grids: tuple[float, ...] = (_SPACING, -_SPACING, _SPACING / 32.0)

    def __init__(
        self, f: Callable[..., Any], leaves: Sequence[Any], cotangent: Any = None, seed: int = 0, sides: int = 2
    ) -> None:
        self._f, self._sides = f, sides
        self.evaluations, self.fault = 0, ""
        self._blank: Vector | None = None
        if any(np.iscomplexobj(x) for x in leaves):
            raise TypeError("differences are taken of real numbers; take complex ones apart with .real and .imag")
        self.base: Leaves = [np.array(x, dtype=np.float64) for x in leaves]
        self.offsets = np.cumsum([0, *(x.size for x in self.base)])
        flat = [(np.abs(x).ravel(), usual_size(x)) for x in self.base]
        self.scale = _powers(np.concatenate([np.maximum(size, usual) for size, usual in flat]))
        self._own = _powers(np.concatenate([np.where(size > 0.0, size, usual) for size, usual in flat]))
        self.eps = EPS
        rng = np.random.default_rng(seed)
        self.y = self(self.base)
        self.weights = _weights(self.y, cotangent, rng)
        self._blank = np.full_like(self.y, np.nan)
        self.deterministic = np.array_equal(self.y, self(self.base), equal_nan=True)
        self._pace = np.zeros_like(self.y)
        self.noise = self._noise(rng)
        if np.any(self.noise > _SHAKEN * np.abs(self.y)):  # two calls may agree by chance
            again = [self(self.base) for _ in range(_REPEATS)]
            self.deterministic &= all(np.array_equal(self.y, y, equal_nan=True) for y in again)
        power = np.abs(self.weights) @ np.fmax(np.abs(self.y), self._pace)  # y may be small by cancellation
        relative = np.abs(self.weights) @ self.noise / power if np.isfinite(power) and power else 0.0
        self.step = float(2.0 ** np.round(np.log2(min(max(self.eps, relative), 2.0**-16)) / 4))

    def hushed(self) -> Probe:
        """The same probe, as if the values had no noise but their last digit."""
        quiet = copy(self)
        quiet.noise = np.fmin(self.noise, self.eps * np.abs(self.y))
        return quiet

    @property
    def size(self) -> int:
        return int(self.offsets[-1])

    def __call__(self, leaves: Leaves) -> Vector:
        """The outputs as one vector of float64; NaN where f raises beside the point, or returns fewer or more."""
        self.evaluations += 1
        try:
            found = self._values(leaves)
        except (ArithmeticError, ValueError) as error:
            if self._blank is None:
                raise
            self.fault = OVERFLOW if isinstance(error, OverflowError) else DOMAIN
            return self._blank
        if self._blank is not None and found.size != self._blank.size:
            self.fault = DOMAIN
            return self._blank
        return found

    def _values(self, leaves: Leaves) -> Vector:
        flags: list[str] = []
        with no_grad(), np.errstate(all="ignore", over="call", divide="call", invalid="call", call=_noted(flags)):
            real = real_outputs(self._f(*(x.copy() for x in leaves)))
            self.eps = max([self.eps, *(float(np.finfo(y.dtype).eps) for y in real)])
            found: Vector = np.concatenate([np.zeros(0), *(y.ravel().astype(np.float64) for y in real)])
        self.fault = _fault(found, flags)
        return found

    def element(self, k: int) -> Line:
        """The line along which only element k of the arguments, counted through all leaves, moves."""
        i = int(np.searchsorted(self.offsets, k, side="right")) - 1

        def at(t: float) -> Leaves:
            moved = self.base[i].copy()
            moved.reshape(-1)[k - self.offsets[i]] += t * self.scale[k]
            return [*self.base[:i], moved, *self.base[i + 1 :]]

        return Line(at, float(self._own[k] / self.scale[k]), float(1.0 / self.scale[k]))

    def imaginary(self, k: int, h: float) -> Vector:
        """Im f(x + ih) / h, with an imaginary step at element k alone.

        Raises:
            ValueError: f takes no complex numbers.
        """
        self.evaluations += 1
        moved = [x.astype(np.complex128) for x in self.base]
        i = int(np.searchsorted(self.offsets, k, side="right")) - 1
        moved[i].reshape(-1)[k - self.offsets[i]] += 1j * h
        try:
            with no_grad():
                outputs = [np.asarray(bare(y)) for y in flatten(self._f(*moved))[0]]
        except (TypeError, ValueError) as error:
            raise ValueError(f"method='complex' needs an f in NumPy that takes complex numbers: {error}") from None
        found = [np.imag(y).ravel() / h for y in outputs if y.dtype.kind in "fc"]
        return np.concatenate([np.zeros(0), *found])

    def along(self, direction: Vector) -> Line:
        """The line along which all elements move together."""
        parts = [v.reshape(x.shape) for v, x in zip(np.split(direction, self.offsets[1:-1]), self.base, strict=True)]
        return Line(lambda t: [x + t * v for x, v in zip(self.base, parts, strict=True)])

    def _noise(self, rng: np.random.Generator) -> Vector:
        """Round-off of each output, from differences of high order on a fine grid at each side of the point.

        Smooth parts vanish in them and noise does not (Moré and Wild, Estimating computational noise, SIAM J. Sci.
        Comput. 33, 2011). Neither grid holds the point, which may be a kink. Two measurements of one noise differ by
        less than _LOUD, and the louder counts; a side that is louder by more holds a kink or a jump, and does not.
        Where both are loud, a finer grid tells noise, which stays, from a function that is merely steep.
        """
        uneven = rng.integers(32, 65, self.size) / 64.0  # symmetric functions do not change along even steps
        line = self.along(rng.choice([-1.0, 1.0], self.size) * self._own * uneven)
        floor, measured = self.eps * np.abs(self.y), []
        for spacing in self._grids:
            grid = np.stack([self(line(spacing * k)) for k in range(1, _POINTS + 1)])
            with np.errstate(all="ignore"):
                found = np.abs(np.diff(grid, _ORDER, axis=0)).max(axis=0) * _NORMAL
                measured.append(np.where(np.isfinite(found), found, np.inf))
                pace = np.abs(grid[-1] - grid[0]) / (abs(spacing) * (_POINTS - 1))
                self._pace = np.fmax(self._pace, np.where(np.isfinite(pace), pace, 0.0))
                floor = np.fmax(floor, self.eps * np.abs(grid).max(axis=0))
            quiet = np.min(measured, axis=0)
            if (spacing < 0.0 or self._sides == 1) and np.all(quiet <= _LOUD * floor):
                break
        noise = np.max([np.where(m <= _LOUD * quiet, m, 0.0) for m in measured], axis=0)
        return np.asarray(np.where(np.isfinite(quiet), np.maximum(floor, _WIDE * noise), floor), dtype=np.float64)


def function(f: Any) -> Callable[..., Any]:
    """f, which must be one."""
    if not callable(f):
        raise TypeError(f"{type(f).__name__} is no function: the function comes first, its arguments after it")
    return f  # type: ignore[no-any-return]


def real_outputs(result: Any) -> Leaves:
    """The real arrays in what a function returned; Python's max(0, x) is real where it is 0, too.

    Raises:
        TypeError: there is none.
    """
    found = [bare(y) for y in flatten(result)[0]]
    outputs = [np.asarray(float(y) if type(y) is int and len(found) == 1 else y) for y in found]
    real = [y for y in outputs if y.dtype.kind == "f"]
    if not real:
        types = ", ".join(sorted({type(y).__name__ if y is not None else "None" for y in found})) or "None"
        raise TypeError(f"the function returned {types}: no real number in it, so there is nothing to differentiate")
    return real


def _noted(flags: list[str]) -> Callable[[str, int], None]:
    return lambda kind, _: flags.append(kind)


def _fault(y: Vector, flags: Sequence[str]) -> str:
    """Why values are not finite: the first complaint of the processor, else that NaN is no overflow and infinity is."""
    if np.isfinite(y).all():
        return ""
    if flags:
        return OVERFLOW if flags[0] == "overflow" else DOMAIN
    return DOMAIN if np.isnan(y).any() else OVERFLOW


def usual_size(x: np.ndarray[Any, Any]) -> float:
    """The size of the elements of an array, at most 1: steps at elements near zero are taken in it."""
    sizes = np.abs(x[np.isfinite(x) & (x != 0)])
    return min(1.0, float(np.sqrt(np.mean((sizes / sizes.max()) ** 2)) * sizes.max())) if sizes.size else 1.0


def _powers(sizes: Vector) -> Vector:
    """The next smaller powers of two."""
    finite = np.where(np.isfinite(sizes), sizes, 1.0)
    return np.asarray(2.0 ** np.floor(np.log2(np.maximum(finite, np.finfo(np.float64).tiny))))


def _weights(y: Vector, cotangent: Any, rng: np.random.Generator) -> Vector:
    """The cotangent as a vector: what was given, 1 for a scalar, else random and uneven."""
    if cotangent is not None:
        given: Vector = np.concatenate([np.ravel(np.asarray(bare(c), np.float64)) for c in flatten(cotangent)[0]])
        if given.size != y.size:
            raise ValueError(f"a cotangent of {given.size} elements for an output of {y.size}")
        return given
    if y.size == 1:
        return np.ones(1)
    signs: Vector = rng.choice([-1.0, 1.0], y.size)
    return signs * rng.uniform(0.5, 1.5, y.size)
