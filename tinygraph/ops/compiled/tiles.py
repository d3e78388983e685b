"""Loops of a direct convolution, compiled by numba: sums of products of tiles that stay in the processor's registers.

A tile is so many rows of one array by so many vectors of another. LLVM finds such tiles in no loop, so they are written
in its own language. Loaded when a convolution is first asked for by `method="direct"`; kept on disk by numba.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from tinygraph.ops.window import Sizes

__all__: list[str] = []  # what is called stands in tinygraph.ops.conv

BYTES = 32  # of a vector
FUSED = ("contract",)  # a product and a sum in one step, where the processor has it
at = np.uintp  # an index that is not counted from the end where it is negative


class _Vectors:
    """What LLVM is told to do with vectors of an array's dtype."""

    def __init__(self, builder: Any, dtype: Any) -> None:
        self.builder = builder
        self.size = dtype.bitwidth // 8
        self.lanes = BYTES // self.size
        self.type = ir.VectorType(ir.FloatType() if self.size == 4 else ir.DoubleType(), self.lanes)

    def zeros(self, many: int) -> list[Any]:
        return [cgutils.alloca_once_value(self.builder, ir.Constant(self.type, None)) for _ in range(many)]

    def place(self, start: Any, *offsets: Any) -> Any:
        for offset in offsets:
            number = ir.Constant(ir.IntType(64), offset) if isinstance(offset, int) else offset
            start = self.builder.gep(start, [number])
        return start

    def load(self, start: Any, *offsets: Any) -> Any:
        whole = self.builder.bitcast(self.place(start, *offsets), self.type.as_pointer())
        return self.builder.load(whole, align=self.size)

    def store(self, value: Any, start: Any, *offsets: Any) -> None:
        whole = self.builder.bitcast(self.place(start, *offsets), self.type.as_pointer())
        self.builder.store(value, whole, align=self.size)

    def spread(self, one: Any) -> Any:
        """One number, in all places of a vector."""
        nothing = ir.Constant(ir.VectorType(one.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, one, ir.Constant(ir.IntType(32), 0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(first, nothing, places)

    def first(self, many: Any) -> Any:
        """What keeps so many numbers of a vector, and makes the others zero."""
        counted = ir.Constant(ir.VectorType(many.type, self.lanes), list(range(self.lanes)))
        mask = self.builder.icmp_unsigned("<", counted, self.spread(many))
        return lambda vector: self.builder.select(mask, vector, ir.Constant(self.type, None))

    def add_product(self, total: Any, x: Any, y: Any) -> None:
        product = self.builder.fmul(x, y, flags=FUSED)
        self.builder.store(self.builder.fadd(self.builder.load(total), product, flags=FUSED), total)


def _pointers(context: Any, builder: Any, sig: Any, args: Any) -> list[Any]:
    """The elements of arrays; other arguments as they are."""
    return [
        context.make_array(kind)(context, builder, a).data if isinstance(kind, types.Array) else a
        for kind, a in zip(sig.args, args, strict=True)
    ]


@intrinsic
def outputs(typing: Any, high: Any, wide: Any, x: Any, x0: Any, places: Any, many: Any, w: Any, w0: Any, y: Any,
            y0: Any, y_step: Any) -> Any:  # fmt: skip
    """y[m, l] = the sum over k of w[k, m] * x[places[k] + l], for a few m and as many l as are in `wide` vectors."""

    def lines(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, _, x, x0, places, many, w, w0, y, y0, y_step = _pointers(context, builder, sig, args)
        v = _Vectors(builder, sig.args[2].dtype)
        rows, vectors = range(sig.args[0].count), range(sig.args[1].count)
        total = [v.zeros(len(vectors)) for _ in rows]
        with cgutils.for_range(builder, many) as loop:
            met = v.place(x, x0, builder.load(v.place(places, loop.index)))
            xs = [v.load(met, i * v.lanes) for i in vectors]
            weights = v.place(w, w0, builder.mul(loop.index, ir.Constant(ir.IntType(64), len(rows))))
            for m in rows:
                weight = v.spread(builder.load(v.place(weights, m)))
                for i in vectors:
                    v.add_product(total[m][i], xs[i], weight)
        for m in rows:
            row = v.place(y, y0, builder.mul(y_step, ir.Constant(ir.IntType(64), m)))
            for i in vectors:
                v.store(builder.load(total[m][i]), row, i * v.lanes)
        return context.get_dummy_value()

    return types.void(high, wide, x, x0, places, many, w, w0, y, y0, y_step), lines


@intrinsic
def products(typing: Any, high: Any, wide: Any, x: Any, x0: Any, places: Any, p0: Any, g: Any, g0: Any, g_step: Any,
             length: Any, w: Any, w0: Any, w_step: Any) -> Any:  # fmt: skip
    """w[m, k] += the products of g[m, l] and x[places[k] + l], summed over l, a vector of l at a time."""

    def lines(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        _, _, x, x0, places, p0, g, g0, g_step, length, w, w0, w_step = _pointers(context, builder, sig, args)
        v = _Vectors(builder, sig.args[2].dtype)
        rows, columns, number = range(sig.args[0].count), range(sig.args[1].count), ir.IntType(64)
        total = [v.zeros(len(columns)) for _ in rows]
        met = [v.place(x, x0, builder.load(v.place(places, p0, k))) for k in columns]
        grads = [v.place(g, g0, builder.mul(g_step, ir.Constant(number, m))) for m in rows]
        sums = [v.place(w, w0, builder.mul(w_step, ir.Constant(number, m))) for m in rows]

        def step(here: Any, kept: Any = lambda vector: vector) -> None:
            xs = [kept(v.load(met[k], here)) for k in columns]
            for m in rows:
                grad = kept(v.load(grads[m], here))
                for k in columns:
                    v.add_product(total[m][k], xs[k], grad)

        whole, rest = (f(length, ir.Constant(number, v.lanes)) for f in (builder.udiv, builder.urem))
        with cgutils.for_range(builder, whole) as loop:
            step(builder.mul(loop.index, ir.Constant(number, v.lanes)))
        with builder.if_then(builder.icmp_unsigned("!=", rest, ir.Constant(number, 0))):
            step(builder.sub(length, rest), v.first(rest))
        for m in rows:
            for k in columns:
                before = v.load(sums[m], k * v.lanes)
                v.store(builder.fadd(before, builder.load(total[m][k])), sums[m], k * v.lanes)
        return context.get_dummy_value()

    return types.void(high, wide, x, x0, places, p0, g, g0, g_step, length, w, w0, w_step), lines


@lru_cache
def offsets(
    apart: Sizes, channels: int, out: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> tuple[Any, Any]:
    """Where the first output of each line meets its first element, (groups, lines), and what else, seen from there.

    The axes of x, channels first, are so far `apart`; with a stride, the last is two: elements that one place of the
    kernel does not meet, and those that it does.
    """
    step, each = stride[-1], channels // groups
    ways = list(zip(out, kernel, stride, dilation, apart[1:], strict=False))[:-1]
    lines = [[p * s * a for p in range(n)] for n, _, s, _, a in ways]
    taps = [[i * d * a for i in range(k)] for _, k, _, d, a in ways]
    row = [i * dilation[-1] % step * apart[-3] + i * dilation[-1] // step * apart[-2] for i in range(kernel[-1])]
    begins = [c * apart[0] for c in range(channels)]
    starts = np.array([sum(s) for s in product(begins[::each], *lines)], np.intp)
    return starts.reshape(groups, -1), np.array([sum(s) for s in product(begins[:each], *taps, row)], np.intp)


@njit(error_model="numpy", nogil=True, cache=True)
def correlate(high: Any, wide: Any, x: Any, starts: Any, places: Any, w: Any, y: Any, length: int) -> None:
    """Fill y, (groups, blocks, rows of a block, lines, at least `length`): see `outputs`.

    What the first output of a line meets first is in `starts`, (groups, lines), and `places` say how far from there is
    what else it meets; w is (groups, blocks, places, rows of a block).
    """
    lanes = BYTES // x.itemsize * len(wide)
    groups, blocks, rows, lines, room = y.shape
    flat_w, flat_y = w.reshape(-1), y.reshape(-1)
    for group in range(groups):
        for line in range(lines):
            x0, first = starts[group, line], 0
            while first < length:
                first = min(first, room - lanes)  # the last tile begins where it still has room
                for block in range(blocks):
                    b = group * blocks + block
                    outputs(high, wide, x, at(x0 + first), places, at(len(places)), flat_w,
                            at(b * len(places) * rows), flat_y, at((b * rows * lines + line) * room + first),
                            at(lines * room))  # fmt: skip
                first += lanes


@njit(error_model="numpy", nogil=True, cache=True)
def correlate_weight(high: Any, wide: Any, x: Any, starts: Any, places: Any, g: Any, length: int, w: Any) -> None:
    """Add to w, (groups, blocks, rows of a block, places, a vector), whose last axis is to be summed: see `products`.

    x, `starts` and `places` are those of `correlate`; g is (groups, blocks, rows of a block, lines, length), flat. Both
    go on for a vector behind their ends.
    """
    groups, blocks, rows, many, lanes = w.shape
    lines, flat_w = starts.shape[1], w.reshape(-1)
    for group in range(groups):
        for line in range(lines):
            for block in range(blocks):
                b = group * blocks + block
                for k in range(0, many, len(wide)):
                    products(high, wide, x, at(starts[group, line]), places, at(k), g,
                             at((b * rows * lines + line) * length), at(lines * length), at(length), flat_w,
                             at((b * rows * many + k) * lanes), at(many * lanes))  # fmt: skip
