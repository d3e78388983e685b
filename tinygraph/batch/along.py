"""Functions of elements, and of one array along its axes, which are one further when the batch stands in front."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.batch.level import Held, Level
from tinygraph.batch.rules import RULES, OtherWay, Rule, all_examples, named, rule, several
from tinygraph.batch.ufuncs import elementwise, wrapped
from tinygraph.ops.shape import axis_in


def _of_elements(function: Callable[..., Any]) -> Rule:
    def run(level: Level, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None or any(isinstance(v, Held) for v in kwargs.values()):
            raise OtherWay
        return elementwise(level, function, args, kwargs)

    return run


for _f in named(
    "where clip round around nan_to_num isclose real imag angle sinc i0 fix isposinf isneginf iscomplex isreal"
):
    RULES[_f] = _of_elements(_f)


def _along(function: Callable[..., Any], place: int, default: Any, flat: bool) -> Rule:
    """A rule for a function with an axis, its positional argument number `place`.

    axis=None means all axes, or, where a function is `flat`, one axis that all elements are laid along.
    """

    def run(level: Level, x: Any, *args: Any, **kwargs: Any) -> Any:
        value = all_examples(level, x, args, kwargs)
        given = list(args)
        axis = given[place - 1] if len(given) >= place else kwargs.get("axis", default)
        keeps = kwargs.get("keepdims") not in (None, False, np._NoValue)
        if (axis is None and flat) or not x.ndim:
            value, axis = value.reshape(level.size, x.size), 1
            kwargs.pop("keepdims", None)
        else:
            keeps = False
            axes = tuple(axis_in(a, x.ndim) + 1 for a in (range(x.ndim) if axis is None else several(axis)))
            axis = axes if axis is None or isinstance(axis, tuple | list) else axes[0]
        if len(given) >= place:
            given[place - 1] = axis
        else:
            kwargs["axis"] = axis
        found = wrapped(level, function(value, *given, **kwargs))
        return np.reshape(found, (1,) * x.ndim) if keeps else found

    return run


def _register(functions: list[Any], place: int = 1, default: Any = None, flat: bool = False) -> None:
    for f in functions:
        RULES[f] = _along(f, place, default, flat)


_register(named("sum mean max min amax amin prod var std all any ptp count_nonzero median flip"))
_register(named("nansum nanmean nanmax nanmin nanprod nanvar nanstd nanmedian"))
_register(named("argmax argmin nanargmax nanargmin cumsum cumprod nancumsum nancumprod"), flat=True)
_register(named("sort argsort"), default=-1, flat=True)
_register(named("partition argpartition"), 2, -1, flat=True)
_register(named("fft ifft rfft irfft hfft ihfft", np.fft), 2, -1)
_register([np.unwrap], 2, -1)


def _quantiles(function: Callable[..., Any]) -> Rule:
    """The axes of the quantiles come first in NumPy's result; here behind the batch.

    They are given flat: `np.nanquantile` mistakes the axes of more than one (NumPy 2.4).
    """
    along = _along(function, 2, None, False)

    def run(level: Level, x: Any, q: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("weights") is not None:  # those of one example do not fit the arrays of all
            raise OtherWay
        found = along(level, x, np.ravel(q) if np.ndim(q) else q, *args, **kwargs).value
        found = found.reshape(*np.shape(q), *found.shape[min(np.ndim(q), 1) :])
        return level.of(np.moveaxis(found, np.ndim(q), 0))

    return run


for _f in named("quantile percentile nanquantile nanpercentile"):
    RULES[_f] = _quantiles(_f)

_rolled = _along(np.roll, 2, None, True)


@rule(np.roll)
def _roll(level: Level, x: Any, shift: Any, axis: Any = None) -> Any:
    return np.reshape(_rolled(level, x, shift, axis), x.shape)


@rule(np.diff)
def _diff(level: Level, x: Any, n: int = 1, axis: int = -1, **edges: Any) -> Any:
    if edges:
        raise OtherWay
    return level.of(np.diff(all_examples(level, x), n, axis_in(axis, x.ndim) + 1))
