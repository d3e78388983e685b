"""How NumPy's functions run on a batch: `RULES[function](level, *args, **kwargs)`, each in the order of NumPy's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.batch.level import Level
from tinygraph.batch.ufuncs import innermost, is_at

Rule = Callable[..., Any]
RULES: dict[Any, Rule] = {}


class OtherWay(Exception):  # noqa: N818  no error: what stands for the function on Tensors is taken
    """A rule that does not take these arguments."""


def rule(*functions: Any) -> Callable[[Rule], Rule]:
    """Decorate how NumPy functions run on a batch."""

    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(functions, f))
        return f

    return register


def named(names: str, module: Any = np) -> list[Any]:
    """The functions of these names that this NumPy has."""
    return [getattr(module, name) for name in names.split() if hasattr(module, name)]


def all_examples(level: Level, x: Any, *others: Any) -> Any:
    """The arrays of all examples, of the one argument that differs between them."""
    if not is_at(x, level) or innermost(others) is level:
        raise OtherWay
    return x.value


def several(axis: Any) -> tuple[Any, ...]:
    """One axis, or some, as a tuple."""
    return tuple(axis) if isinstance(axis, tuple | list | range) else (axis,)
