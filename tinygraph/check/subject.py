"""A function whose derivatives are compared with each other, not with differences: what two of them may differ by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.check.point import Point
from tinygraph.check.probe import EPS, real_outputs, usual_size
from tinygraph.mode import no_grad
from tinygraph.op import bare
from tinygraph.tensor import Tensor
from tinygraph.transforms import jvp, vjp
from tinygraph.tree import flatten

Array = np.ndarray[Any, Any]
Arrays = list[Array]
_SAMPLES, _ULPS, _JITTER, _ROUNDING, _HIDDEN = 3, 4.0, 16.0, 64.0, (64.0, 2.0**14)
SHARP = 1e-4  # a rounding error beyond this part of the whole lets no fault be seen


class NotApplicable(Exception):  # noqa: N818  it is no error: the law says nothing about this function
    """Why a law says nothing about a function."""


class Subject:
    """A function of the real arrays in its arguments, as a list of its real outputs.

    `leaves` are the arrays, in float64; `batch` holds for each the axis of its samples, or None.
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], batch: Any = None, seed: int = 0) -> None:
        self.point = Point(f, args)
        self.names = self.point.names
        self.leaves: Arrays = [np.array(x) for x in self.point.wide]
        self.batch = self._axes(args, batch)
        self.samples = self._samples()
        self.seed = seed

    def _samples(self) -> int:
        """How long the batch is."""
        pairs = zip(self.point.values, self.batch or [], strict=False)
        counts = {np.shape(v)[a] for v, a in pairs if a is not None}
        if len(counts) > 1:
            raise ValueError(f"the samples of a batch are counted differently along its axes: {sorted(counts)}")
        return int(counts.pop()) if counts else 0

    def _axes(self, args: Sequence[Any], batch: Any) -> list[int | None] | None:
        """The batch axis of each leaf of each argument, of those held constant too."""
        if batch is None:
            return None
        given = [batch, *([None] * (len(args) - 1))] if isinstance(batch, int) else list(batch)
        if len(given) != len(args):
            raise ValueError(f"batch names {len(given)} axes for {len(args)} arguments; None for one without samples")
        return [axis for axis, arg in zip(given, args, strict=True) for _ in flatten(arg)[0]]

    def random(self, like: Sequence[Any], k: int) -> Arrays:
        """Uneven arrays of these shapes, of either sign."""
        rng = np.random.default_rng((self.seed, k))
        return [rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x)) for x in like]

    def outputs(self, *leaves: Any) -> list[Any]:
        """f on recording arrays: its real outputs."""
        found = self.point.recorded(*leaves)
        real_outputs(found)
        return [y for y in flatten(found)[0] if np.asarray(bare(y)).dtype.kind == "f"]

    def outputs_of_constants(self, *leaves: Any) -> list[Any]:
        """f on bare arrays."""
        return self.outputs(*(Tensor(x, requires_grad=False) for x in leaves))

    def values(self, leaves: Sequence[Any] | None = None) -> Arrays:
        with no_grad(), np.errstate(all="ignore"):
            found = self.outputs(*(Tensor(x.copy()) for x in (self.leaves if leaves is None else leaves)))
        return [np.array(bare(y)) for y in found]

    def pulled(self, u: Sequence[Array], leaves: Sequence[Array] | None = None) -> Arrays:
        """J'u, one array for each leaf; f gets copies."""
        return self.pulled_on([c.copy() for c in u], [x.copy() for x in (self.leaves if leaves is None else leaves)])

    def pulled_on(self, u: Arrays, leaves: Arrays) -> Arrays:
        """J'u on these very arrays."""
        with np.errstate(all="ignore"):
            _, pull = vjp(self.outputs, *leaves)
            return list(pull(u))

    def pushed(self, t: Sequence[Any], leaves: Sequence[Any] | None = None) -> Arrays:
        """Jt, one array for each output."""
        with np.errstate(all="ignore"):
            return list(jvp(self.outputs, self.leaves if leaves is None else leaves, t)[1])

    def near(self, k: int, eps: float) -> Arrays:
        """The point, moved by a few units in the last place."""
        rng = np.random.default_rng((self.seed, 7, k))
        return [x * (1.0 + _ULPS * eps * rng.uniform(-1.0, 1.0, x.shape)) for x in self.leaves]

    def slack(
        self, of: Callable[[Arrays], Sequence[Any]], u: Sequence[Any], eps: float = EPS, order: int = 1
    ) -> Arrays:
        """What rounding can change in the arrays that `of` gives: measured by moving the point by a few units.

        slack = 64 eps max |a| + 16 max |a - a'| + 64 eps ‖u y‖ / s, for each array a and the worst of the a' of the
        moved points; the last is what cancels unseen in a rule, changes of the outputs y, seen through the cotangent
        u, over the size s of the arguments. For second derivatives it is 2^14 eps ‖u y‖ / s².
        """
        with np.errstate(all="ignore"):
            power = sum(float(np.sum(np.square(c * y))) for c, y in zip(u, self.values(), strict=True)) ** 0.5
            hidden = _HIDDEN[order - 1] * eps * power / min([1.0, *map(usual_size, self.leaves)]) ** order
        here = [np.asarray(a) for a in of(self.leaves)]
        found = [np.full(a.shape, _ROUNDING * eps * np.max(np.abs(a), initial=0.0) + hidden) for a in here]
        for k in range(_SAMPLES):
            there = of(self.near(k, eps))
            with np.errstate(all="ignore"):
                moved = [np.max(np.abs(a - b), initial=0.0) for a, b in zip(here, there, strict=True)]
            found = [np.fmax(s, _JITTER * m) for s, m in zip(found, moved, strict=True)]
        return found


def apart(
    one: Sequence[Any], other: Sequence[Any], slack: Sequence[Any], names: Sequence[str], part: float = SHARP
) -> str | None:
    """The worst place where two lists of arrays differ by more than rounding; None if there is none.

    Raises:
        NotApplicable: there are no finite numbers to compare, or rounding leaves nothing of them.
    """
    worst, words, sharp, count = 1.0, None, False, 0
    for a, b, s, name in zip(one, other, slack, names, strict=True):
        a, b, s = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(b, np.float64), s)
        usable = np.isfinite(b) & np.isfinite(s)
        count += b.size
        known = np.abs(b[usable])
        sharp |= known.size > 0 and bool(not known.any() or np.any(s[usable] <= part * known.max()))
        with np.errstate(all="ignore"):
            excess = np.where(usable, np.where(np.isfinite(a), np.abs(a - b) / np.maximum(s, 1e-300), np.inf), 0.0)
        if excess.size and excess.max() > worst:
            place = tuple(map(int, np.unravel_index(np.argmax(excess), excess.shape)))
            index = f"[{', '.join(map(str, place))}]" if place else ""
            worst, words = float(excess.max()), f"{name}{index}: {a[place]:.10g} against {b[place]:.10g}"
    if words is None and count and not sharp:
        raise NotApplicable("rounding, or numbers that are not finite, leave nothing to compare")
    return words
