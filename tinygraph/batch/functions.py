"""NumPy's functions on batches: each is NumPy's own, on one axis more.

Only those have a rule that the forward functions and derivatives of the operations are made of. Every other one is what
it is on Tensors, and what means nothing on Tensors runs in a loop over the examples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.batch import along, matrices, shapes
from tinygraph.batch.level import Held, plain
from tinygraph.batch.loop import by_meaning, nested
from tinygraph.batch.rules import RULES, OtherWay
from tinygraph.batch.ufuncs import innermost
from tinygraph.op import whole

FAMILIES = (along, matrices, shapes)  # which fill RULES
CREATION = {np.arange, np.array, np.asarray, np.empty, np.eye, np.full, np.identity, np.ones, np.zeros}
ABOUT = {np.result_type, np.can_cast, np.common_type, np.min_scalar_type, np.iscomplexobj, np.isrealobj}
ABOUT |= {np.may_share_memory, np.shares_memory}
SHAPES: dict[Any, Callable[..., Any]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
}


def answered(function: Any, args: Any, kwargs: Any) -> Any:
    """The answer of a batched array to one of NumPy's functions."""
    if function in SHAPES:
        return SHAPES[function](*args, **kwargs)
    if function in ABOUT:
        return function(*nested(whole, args), **nested(whole, kwargs))
    if function in CREATION:
        return _created(function, args, kwargs)
    level = innermost(args, kwargs)
    assert level is not None
    if function in RULES:
        try:
            return RULES[function](level, *args, **kwargs)
        except OtherWay:
            pass
    return by_meaning(level, f"{function.__module__}.{function.__name__}", function, args, kwargs)


def _created(function: Any, args: Any, kwargs: Any) -> Any:
    """What is created `like=` a batched array is the same for all examples, but for what is one already."""
    kwargs = dict(kwargs)
    like = whole(kwargs.pop("like", None))
    if args and isinstance(args[0], Held):
        return args[0]
    if innermost(args) is not None:
        return np.stack(list(args[0]))
    return plain(function(*args, **kwargs) if isinstance(like, np.ndarray) else function(*args, like=like, **kwargs))
