"""docs/ops.md lists the table as it is. TINYGRAPH_GOLDEN=write writes it anew."""

import os
import re
from pathlib import Path

import numpy as np

import tinygraph as tg
from tinygraph import ops
from tinygraph.op import OPS, Op

PAGE = Path(__file__).parents[1] / "docs" / "ops.md"
ROOMS = (
    "elementwise",
    "reduce",
    "shape",
    "index",
    "linalg",
    "products",
    "systems",
    "factor",
    "spectrum",
    "norms",
    "window",
    "conv",
    "pool",
    "adaptive",
    "special",
    "gammas",
    "bessel",
    "logarithms",
    "activation",
    "exponential",
    "loss",
    "classes",
    "entropy",
    "margin",
    "penalty",
    "recurrent",
    "moments",
    "nn",
)
HEAD = """# The operations

Made from the table itself. Each is called in the same way as an operator, as NumPy's function on a Tensor, and as
`tinygraph.name`; its source is one record in [tinygraph/ops](../tinygraph/ops/). Where it is not smooth, its rule
returns what stands in the last column. A composition has no rule of its own: it is made of the others.
"""


def spelled(key):
    """How a function is called; None for what is no public name."""
    if isinstance(key, str):
        return None if "._" in key else key.replace("numpy.", "np.", 1)
    module = getattr(key, "__module__", None) or ""  # a ufunc tells none
    if module.startswith("scipy.") or (isinstance(key, np.ufunc) and getattr(np, key.__name__, None) is not key):
        return None  # it stands in the table by name
    room = "np.linalg." if module == "numpy.linalg" else "np."
    return room + getattr(key, "__qualname__", key.__name__)


def numpy_names(function):
    """The NumPy functions that an op or a composition stands for."""
    names = {spelled(key) for key, value in OPS.items() if value is function} - {None, "np.reduce", "np.accumulate"}
    return ", ".join(f"`{name}`" for name in sorted(names)) or "—"


def row(name, module):
    function = getattr(tg, name)
    kind = function.kind if isinstance(function, Op) else "composition"
    behind = [op for op in vars(module).values() if isinstance(op, Op) and op.name == re.sub(r"\dd$", "", name)]
    kinks = "; ".join(f"{k.where}: {k.subgradient}" for op in dict.fromkeys(behind) for k in op.kinks)
    return f"| `{name}` | {numpy_names(function)} | {kind} | {kinks} |"


def page():
    parts = [HEAD]
    for room in ROOMS:
        module = getattr(ops, room)
        parts.append(f"\n## {(module.__doc__ or '').partition('.')[0]}\n\n")
        parts.append("| tinygraph | NumPy | kind | at a kink |\n|---|---|---|---|\n")
        parts += [row(name, module) + "\n" for name in sorted(module.__all__)]
    constants = sorted(spelled(key) for key, value in OPS.items() if isinstance(value, Op) and value.constant)
    parts.append("\n## Without a derivative\n\nOn a Tensor these give plain arrays and numbers: ")
    parts.append(", ".join(f"`{name}`" for name in constants) + ".\n")
    return "".join(parts)


def test_the_page_lists_the_table():
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == page(), "make golden writes it anew"
