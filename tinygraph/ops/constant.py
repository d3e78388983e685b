"""NumPy functions without a derivative: comparisons, tests, searches, shapes. On Tensors they give plain results."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import bare, op

__all__: list[str] = []  # NumPy's own names serve

FUNCTIONS = [
    "all",
    "allclose",
    "any",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "argwhere",
    "array2string",
    "array_equal",
    "array_equiv",
    "array_repr",
    "array_str",
    "bitwise_and",
    "bitwise_count",
    "bitwise_or",
    "bitwise_xor",
    "can_cast",
    "common_type",
    "count_nonzero",
    "diag_indices_from",
    "digitize",
    "empty_like",
    "equal",
    "flatnonzero",
    "gcd",
    "greater",
    "greater_equal",
    "invert",
    "isclose",
    "iscomplex",
    "iscomplexobj",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "isrealobj",
    "lcm",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "may_share_memory",
    "min_scalar_type",
    "nanargmax",
    "nanargmin",
    "ndim",
    "nonzero",
    "not_equal",
    "ones_like",
    "result_type",
    "right_shift",
    "searchsorted",
    "shape",
    "shares_memory",
    "signbit",
    "size",
    "spacing",
    "tril_indices_from",
    "triu_indices_from",
    "unravel_index",
    "zeros_like",
]

for _function in (getattr(np, name) for name in FUNCTIONS if hasattr(np, name)):  # bitwise_count is of NumPy 2
    op(_function, numpy=_function, kind="constant", name=_function.__name__)


def _lexsort(keys: Any, axis: int = -1) -> Any:
    return np.lexsort(keys if hasattr(keys, "shape") else tuple(map(bare, keys)), axis)


op(_lexsort, numpy=np.lexsort, kind="constant", name="lexsort")
