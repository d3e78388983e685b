"""Cross-correlation and its two transposes: one product of three arrays, each derivative of which is the other two.

With x the input, w the weight and y the output, sum(y * conv(x, w)) is linear in each of the three. Its derivatives by
y, x and w are three operations, `conv`, `conv_transpose` and `conv_weight`, and the rules of each are the other two.
"""

from __future__ import annotations

from typing import Any

from tinygraph.op import Array, Op, op
from tinygraph.ops import direct, patches, spectral
from tinygraph.ops.patches import Padding
from tinygraph.ops.window import Sizes

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

METHODS: dict[str, Any] = {"im2col": patches, "direct": direct, "fft": spectral}


def _conv(
    x: Array, weight: Array, stride: Sizes, padding: Padding, dilation: Sizes, groups: int, method: str = "im2col"
) -> Array:
    return METHODS[method].conv(x, weight, stride, padding, dilation, groups)


def _conv_transpose(
    y: Array,
    weight: Array,
    size: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
    method: str = "im2col",
) -> Array:
    return METHODS[method].conv_transpose(y, weight, size, stride, padding, dilation, groups)


def _conv_weight(
    y: Array,
    x: Array,
    kernel: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
    method: str = "im2col",
) -> Array:
    return METHODS[method].conv_weight(y, x, kernel, stride, padding, dilation, groups)


conv: Op = op(
    _conv,
    kind="multilinear",
    vjps=[
        lambda g, ans, x, weight, **how: conv_transpose(g, weight, size=x.shape[2:], **how),
        lambda g, ans, x, weight, **how: conv_weight(g, x, kernel=weight.shape[2:], **how),
    ],
    name="conv",
    latex="{x} * {y}",
)
conv_transpose: Op = op(
    _conv_transpose,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, weight, size, **how: conv(g, weight, **how),
        lambda g, ans, y, weight, size, **how: conv_weight(y, g, kernel=weight.shape[2:], **how),
    ],
    name="conv_transpose",
    latex=r"{x} *^\top {y}",
)
conv_weight: Op = op(
    _conv_weight,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, x, kernel, **how: conv(x, g, **how),
        lambda g, ans, y, x, kernel, **how: conv_transpose(y, g, size=x.shape[2:], **how),
    ],
    name="conv_weight",
)
