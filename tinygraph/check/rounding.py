"""Round-off, measured by making more of it: Monte Carlo arithmetic.

A function is computed again with every result of NumPy changed by one unit in its last place, up or down at random, and
with arguments that are moved by a few. What then differs from run to run is round-off, also where it does not show in
the function's values nearby: tanh(x) = 1 - 2⁻⁵³ for all x between 18.4 and 18.7, and 1 - tanh(x)² is off by a half.

Parker, Monte Carlo arithmetic, UCLA CSD-970002, 1997; after Vignes, A stochastic arithmetic for reliable scientific
computation, Math. Comput. Simul. 35, 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tinygraph.check.probe import EPS, Probe
from tinygraph.op import Traced, bare

Array = np.ndarray[Any, Any]
Computed = Callable[..., Any]
SAMPLES = 8
_WIDE = 4.0  # how far round-off may go, in spreads of the samples: few may see little of it
_ULPS = 4.0
_PATIENCE = 100_000  # results; an iteration that waits for the last digit would wait for ever
_EXACT = {
    np.absolute, np.ceil, np.clip, np.copysign, np.fabs, np.floor, np.fmax, np.fmin, np.fmod, np.ldexp, np.maximum,
    np.minimum, np.negative, np.positive, np.rint, np.sign, np.trunc,
}  # fmt: skip
_SUMS = {np.convolve, np.correlate, np.dot, np.einsum, np.inner, np.tensordot, np.trace, np.vdot}


class Dice:
    """Where one run takes its random signs from, as long as it has patience."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._left = _PATIENCE

    def shake(self, x: Any, eps: float = 0.0) -> Any:
        """x (1 ± eps), each element by itself, with the eps of its dtype at least; what is not real stays as it is."""
        x = np.asarray(x)
        if x.dtype.kind != "f" or self._left <= 0:
            return x
        self._left -= 1
        signs = self._rng.choice([-1.0, 1.0], x.shape)
        return np.asarray(x * (1.0 + max(eps, np.finfo(x.dtype).eps) * signs), dtype=x.dtype)

    def distance(self, eps: float) -> float:
        """Anything between eps and its root, every order of magnitude alike."""
        return float(eps ** self._rng.uniform(0.5, 1.0))


class Shaken(np.ndarray[Any, Any]):
    """An array whose every further result is off by one unit in its last place; sums are, in each of their terms."""

    dice: Dice

    @staticmethod
    def of(x: Any, dice: Dice) -> Any:
        """A real array as one of these; anything else as it is."""
        if not isinstance(x, np.ndarray | np.generic) or x.dtype.kind != "f":
            return x
        made = np.asarray(x).view(Shaken)
        made.dice = dice
        return made

    def __array_finalize__(self, source: Any) -> None:
        if source is not None:
            self.dice = getattr(source, "dice", None)  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(a, Traced) for a in args):
            return NotImplemented
        summed = method != "__call__" or ufunc.signature is not None
        shake = self.dice.shake if summed and ufunc not in _EXACT else np.asarray
        args = args if method == "at" else tuple(shake(a) if isinstance(a, Shaken) else a for a in args)
        out = kwargs.get("out", ())
        found = getattr(ufunc, method)(*map(_plain, args), **{name: _plain(value) for name, value in kwargs.items()})
        if summed or ufunc in _EXACT or found is None:
            return _each(found, lambda y: Shaken.of(y, self.dice)) if not out else _given(out)
        shaken = _each(found, self.dice.shake)
        if out:
            for held, y in zip(out, shaken if isinstance(shaken, tuple) else (shaken,), strict=True):
                _plain(held)[...] = y
            return _given(out)
        return _each(shaken, lambda y: Shaken.of(y, self.dice))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _SUMS:
            args = tuple(Shaken.of(self.dice.shake(a), self.dice) if isinstance(a, Shaken) else a for a in args)
        found = super().__array_function__(function, types, args, kwargs)
        return found if found is NotImplemented else _each(found, lambda y: Shaken.of(y, self.dice))

    def __getitem__(self, index: Any) -> Any:
        return Shaken.of(super().__getitem__(index), self.dice)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))


def _plain(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(map(_plain, x))
    return x.view(np.ndarray) if isinstance(x, Shaken) else x


def _each(found: Any, change: Callable[[Any], Any]) -> Any:
    return type(found)(map(change, found)) if type(found) in (tuple, list) else change(found)


def _given(out: tuple[Any, ...]) -> Any:
    return out[0] if len(out) == 1 else out


def spread(
    f: Computed, leaves: Sequence[Array], eps: float = EPS, samples: int = SAMPLES, far: bool = False
) -> list[Array]:
    """How far round-off may take each number that f(*leaves), in a precision of eps, returns as a list of arrays.

    4 (max - min) over the samples, infinite where f has no value so near. What it is at the point itself is not among
    them: to be wrong at just this one is no round-off.

    Example:
        >>> saturated = lambda x: [1.0 - np.tanh(x) ** 2, np.sin(x)]
        >>> coarse, fine = spread(saturated, [np.array(17.0)])
        >>> bool(coarse > 0.1 * saturated(17.0)[0]), bool(fine < 1e-13)
        (True, True)
    """
    seen = [sample(f, leaves, eps, k, far) for k in range(samples)]
    with np.errstate(all="ignore"):
        ranges = [np.max(column, axis=0) - np.min(column, axis=0) for column in zip(*seen, strict=True)]
        return [_WIDE * np.where(np.isfinite(r), r, np.inf) for r in ranges]


def sample(f: Computed, leaves: Sequence[Array], eps: float = EPS, seed: int = 0, far: bool = False) -> list[Array]:
    """One run; where it comes to nothing, as in libraries that take no such arrays, its arguments alone are moved.

    They are moved by a few eps, or `far`, up to the root of eps: as much as leaves a derivative what it is, and shows
    the round-off of those libraries.
    """
    dice = Dice(seed)
    away = dice.distance(eps) if far else _ULPS * eps
    moved = [dice.shake(x, away) for x in leaves]
    with np.errstate(all="ignore"):
        try:
            found = _numbers(f(*(Shaken.of(x, dice) for x in moved)))
            if all(np.isfinite(y).all() for y in found):
                return found
        except Exception:  # noqa: BLE001  whatever another library says to an array that it does not know
            found = []
        try:
            plain = _numbers(f(*moved))
        except (ArithmeticError, ValueError):  # there is no value
            plain = [np.full(y.shape, np.nan) for y in _numbers(f(*leaves))]
    return [np.where(np.isfinite(y), y, z) for y, z in zip(found or plain, plain, strict=True)]


def _numbers(found: Sequence[Any]) -> list[Array]:
    return [np.array(_plain(np.asarray(bare(y))), dtype=np.float64) for y in found]


class RoundOff:
    """What round-off may do to a function and to the derivatives claimed for it, measured when it is first asked for.

    Args:
        probe: the function.
        claims: takes the leaves and returns the claimed derivatives as one vector.
        leaves: where it claims them.
    """

    def __init__(self, probe: Probe, claims: Computed, leaves: Sequence[Array]) -> None:
        self._probe, self._claims, self._leaves = probe, claims, leaves

    @cached_property
    def level(self) -> float:
        """The noise of <weights, values> beyond what the probe has measured."""
        found = spread(lambda *xs: [self._probe(list(xs))], self._probe.base, self._probe.eps)[0]
        with np.errstate(all="ignore"):
            return float(np.abs(self._probe.weights) @ np.fmax(found - self._probe.noise, 0.0))

    @cached_property
    def claims(self) -> Array:
        """The round-off of each claim."""
        return spread(lambda *xs: [self._claims(*xs)], self._leaves, self._probe.eps, far=True)[0]
