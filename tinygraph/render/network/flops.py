"""How many floating-point operations an operation takes, by its name and shapes: the one table of them.

A multiplication and an addition are two; an exponential is one, as is the comparison in a maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.graph import Node

Shape = tuple[int, ...]
Count = Callable[[Shape, Sequence[Shape], Mapping[str, Any]], int]

# What only moves numbers, or makes an array of them.
MOVES = frozenset(
    [
        *("assign", "astype", "broadcast_to", "concatenate", "copy", "expand_dims", "flip", "getitem", "moveaxis"),
        *("pad", "positive", "ravel", "reshape", "roll", "squeeze", "swapaxes", "transpose", "tril", "triu", "where"),
        "reverse_sequence",
        "windows",
    ]
)


def _of_input(each: int) -> Count:
    return lambda out, shapes, params: each * sum(map(math.prod, shapes))


def _matmul(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return 2 * math.prod(out) * shapes[0][-1]


def _linear(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return 2 * math.prod(out) * shapes[0][-1] + math.prod(out)


def _conv(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    """Each number that comes out is a sum over one filter, (channels within the group, height, width)."""
    return 2 * math.prod(out) * math.prod(shapes[1][1:])


def _conv_transpose(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return 2 * math.prod(shapes[0]) * math.prod(shapes[1][1:])


def _conv_weight(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return 2 * math.prod(shapes[0]) * math.prod(out[1:])


def _pool(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    return math.prod(out) * math.prod(int(n) for n in params.get("kernel", ()))


def _einsum(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    """As many as there are arrays, for each combination of all indices: their product, added up."""
    terms = str(params.get("subscripts", "")).split("->")[0].split(",")
    sizes = {
        letter: n for term, shape in zip(terms, shapes, strict=True) for letter, n in zip(term, shape, strict=True)
    }
    return len(shapes) * math.prod(sizes.values())


def _steps(out: Shape, shapes: Sequence[Shape], params: Mapping[str, Any]) -> int:
    """Products with both matrices of weights at each step, for each sample, and what is made of it."""
    *_, w, u = (shape for shape in shapes if len(shape) == 2)
    return math.prod(out) + 2 * math.prod(shapes[0][:2]) * (math.prod(w) + math.prod(u))


TABLE: dict[str, Count] = {
    "matmul": _matmul,
    "linear": _linear,
    "einsum": _einsum,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "conv_weight": _conv_weight,
    "max_pool": _pool,
    "sum_pool": _pool,
    **dict.fromkeys(["rnn_steps", "lstm_steps", "gru_steps"], _steps),
    "sum_of_squares": _of_input(2),
    **dict.fromkeys(["sum", "sum_to", "mean", "max", "min", "prod", "cumsum"], _of_input(1)),
    **dict.fromkeys(["scatter_add", "tap_add", "window_add"], _of_input(1)),
    **dict.fromkeys(["var", "std", "normalize", "logsumexp"], _of_input(4)),
    **dict.fromkeys(["softmax", "log_softmax", "cross_entropy", "cross_entropy_of_distributions"], _of_input(5)),
    **dict.fromkeys(["binary_cross_entropy", "binary_cross_entropy_with_logits"], _of_input(5)),
}


def flops(node: Node) -> int:
    """The floating-point operations of a recorded operation, forward; what is not in the table does one for each
    number that comes out.

    Example:
        >>> import numpy as np
        >>> import tinygraph as tg
        >>> y = tg.Tensor(np.ones((2, 3))) @ tg.Tensor(np.ones((3, 4)))
        >>> flops(y._node)
        48
    """
    if node.op is None or node.op.name in MOVES:
        return 0
    count = TABLE.get(node.op.name)
    out = tuple(np.shape(node.value))
    if count is None:
        return math.prod(out)
    return int(count(out, [tuple(np.shape(a)) for a in node.args or ()], node.params or {}))
