"""What the laws are about: every op with a derivative, and every composition that stands for a NumPy function."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import tinygraph.ops
from tinygraph.op import OPS, Op


def located(path: str) -> Any:
    """The function of a name in the table; None where this NumPy or SciPy has no such function."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name, None)


MODULES = [m for name, m in sorted(sys.modules.items()) if name.startswith(tinygraph.ops.__name__ + ".")]


def _found() -> list[Op]:
    """The ops in the table and the private ones behind compositions, which only their module names."""
    named = [v for m in MODULES for v in vars(m).values()]
    return list({id(v): v for v in (*OPS.values(), *named) if isinstance(v, Op)}.values())


EVERY = _found()
RULED = sorted((o for o in EVERY if not o.constant), key=lambda o: o.name)
CONSTANT = sorted((o for o in EVERY if o.constant), key=lambda o: o.name)
ELEMENTWISE = [o for o in RULED if o.kind == "elementwise"]
COMPOSED: dict[Callable[..., Any], Callable[..., Any]] = {k: v for k, v in OPS.items() if not isinstance(v, Op)}
COMPOSED |= {o.numpy[0]: o.wider for o in EVERY if o.wider is not None}  # what takes where=, initial=, dtype=
