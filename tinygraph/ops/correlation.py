"""Cross-correlation and its two transposes: one product of three arrays, each derivative of which is the other two.

With x the input, w the weight and y the output, sum(y * conv(x, w)) is linear in each of the three. Its derivatives by
y, x and w are three operations, `conv`, `conv_transpose` and `conv_weight`, and the rules of each are the other two.
"""

from __future__ import annotations

from tinygraph.op import Op, op
from tinygraph.ops import patches

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

conv: Op = op(
    patches.conv,
    kind="multilinear",
    vjps=[
        lambda g, ans, x, weight, **how: conv_transpose(g, weight, size=x.shape[2:], **how),
        lambda g, ans, x, weight, **how: conv_weight(g, x, kernel=weight.shape[2:], **how),
    ],
    name="conv",
    latex="{x} * {y}",
)
conv_transpose: Op = op(
    patches.conv_transpose,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, weight, size, **how: conv(g, weight, **how),
        lambda g, ans, y, weight, size, **how: conv_weight(y, g, kernel=weight.shape[2:], **how),
    ],
    name="conv_transpose",
    latex=r"{x} *^\top {y}",
)
conv_weight: Op = op(
    patches.conv_weight,
    kind="multilinear",
    vjps=[
        lambda g, ans, y, x, kernel, **how: conv(x, g, **how),
        lambda g, ans, y, x, kernel, **how: conv_transpose(y, g, size=x.shape[2:], **how),
    ],
    name="conv_weight",
)
