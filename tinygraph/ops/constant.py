"""NumPy functions without a derivative: comparisons, tests, searches, shapes. On Tensors they give plain results."""

from __future__ import annotations

import numpy as np

from tinygraph.op import op

__all__: list[str] = []  # NumPy's own names serve

FUNCTIONS = [
    "all",
    "allclose",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "argwhere",
    "array_equal",
    "count_nonzero",
    "empty_like",
    "equal",
    "flatnonzero",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "ndim",
    "nonzero",
    "not_equal",
    "ones_like",
    "result_type",
    "searchsorted",
    "shape",
    "signbit",
    "size",
    "zeros_like",
]

for _name in FUNCTIONS:
    op(getattr(np, _name), numpy=getattr(np, _name), kind="constant", name=_name)
