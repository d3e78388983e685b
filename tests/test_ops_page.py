"""docs/ops.md lists the table as it is. TINYGRAPH_GOLDEN=write writes it anew."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from laws import complexes, unsupported

import tinygraph as tg
from tinygraph import ops
from tinygraph.op import OPS, Op

PAGE = Path(__file__).parents[1] / "docs" / "ops.md"
ROOMS = (
    "elementwise",
    "complexes",
    "numeric",
    "reduce",
    "chosen",
    "nan",
    "running",
    "rows",
    "shape",
    "turn",
    "index",
    "padding",
    "join",
    "pick",
    "order",
    "signal",
    "polynomials",
    "linalg",
    "products",
    "systems",
    "factor",
    "spectrum",
    "norms",
    "fourier",
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
OF_ITS_TIME = pytest.mark.skipif(
    not hasattr(np, "unstack") or not hasattr(np, "row_stack"),
    reason="the page is of NumPy 2.1 to 2.4, with their names",
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
    room = module.replace("numpy", "np") + "." if module in ("numpy.linalg", "numpy.fft") else "np."
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
    return "".join([*parts, *every_function()])


def every_function():
    """What becomes of each function of NumPy: one section for each answer."""
    yield "\n## Every function of NumPy\n"
    yield "\n### Differentiable\n\n" + listed(unsupported.differentiable())
    yield "\n### With complex numbers\n\nThe others raise when they are given some.\n\n"
    yield listed(name for name, f in unsupported.differentiable().items() if complexes.takes_complex(f))
    methods = sorted(f"{f.__self__.__name__}.{f.__name__}" for f in OPS if hasattr(f, "__self__"))
    yield "\n### Methods of ufuncs\n\nOthers than these raise.\n\n" + listed(methods)
    yield "\n### Without a derivative\n\nOn a Tensor these give plain arrays and numbers.\n\n"
    yield listed(unsupported.constant())
    yield "\n### Not for Tensors\n\nThey raise, and say what to do.\n\n| | why |\n|---|---|\n"
    known = {name for name, _ in unsupported.public()} - unsupported.differentiable().keys()
    reasons = {}
    for name in sorted(known - set(unsupported.constant())):
        reasons.setdefault(unsupported.WHY_NOT[name], []).append(name)
    for reason, names in sorted(reasons.items()):
        yield f"| {', '.join(f'`np.{name}`' for name in names)} | {reason} |\n"


def listed(names):
    return ", ".join(f"`np.{name}`" for name in sorted(names)) + ".\n"


@OF_ITS_TIME
def test_the_page_lists_the_table():
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == page(), "make golden writes it anew"


def test_every_function_of_numpy_has_a_rule_or_a_reason():
    unheard = [name for name, f in unsupported.public() if OPS.find(f) is None and name not in unsupported.WHY_NOT]
    assert not unheard, f"NumPy {np.__version__} has functions without a rule; say why not in tests/laws/unsupported.py"


@OF_ITS_TIME
def test_no_reason_is_given_for_what_works():
    awaited = set(unsupported.AWAITED.split())
    works = [n for n, f in unsupported.public() if OPS.find(f) and n in unsupported.WHY_NOT and n not in awaited]
    assert not works


def refused():
    """Functions that ask their arguments first, called with Tensors alone."""
    for name, f in unsupported.public():
        if OPS.find(f) is None and name in unsupported.WHY_NOT and getattr(f, "__wrapped__", None) is not None:
            yield name, f


def test_what_has_no_rule_raises_and_says_so():
    x = tg.Tensor([1.0, 2.0, 3.0])
    silent = []
    for name, f in refused():
        for arguments in ((x,), (x, x), ([x, x],), (lambda row: row, 0, x)):
            try:
                out = f(*arguments)
            except TypeError as error:
                if "Tensor" in str(error):
                    break
            except Exception:  # noqa: BLE001 - the arguments are not for this function
                pass
            else:
                if isinstance(out, np.ndarray) and out.dtype.kind == "f":
                    silent.append(name)
    assert not silent, "a gradient was lost without a word"
