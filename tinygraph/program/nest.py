"""The source of a loop over the elements of arrays, for numba; where it ends in sums, in NumPy's own order."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

FROM_C = ("atan", "cos", "cosh", "exp", "expm1", "log", "log1p", "sin", "sinh", "sqrt", "tan", "tanh")
HEAD = """from numba import njit
from numpy import bool_, empty, float32 as f4, float64 as f8

jit = njit(error_model="numpy", nogil=True{})
"""
LOOSE = 'loose = njit(error_model="numpy", nogil=True, fastmath={{"reassoc", "contract"}}{})\n'
SUMMED = """

@jit
def summed(b, n):
    if n < 8:
        s = b[0]
        for k in range(1, n):
            s += b[k]
        return s
    if n <= 128:
        r0, r1, r2, r3, r4, r5, r6, r7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
        for k in range(8, n - n % 8, 8):
            r0 += b[k]
            r1 += b[k + 1]
            r2 += b[k + 2]
            r3 += b[k + 3]
            r4 += b[k + 4]
            r5 += b[k + 5]
            r6 += b[k + 6]
            r7 += b[k + 7]
        s = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
        for k in range(n - n % 8, n):
            s += b[k]
        return s
    m = n // 2 - n // 2 % 8
    return summed(b[:m], m) + summed(b[m:], n - m)
"""
BLOCK = 1024  # elements that are in the cache until they are summed; in halves of halves, as NumPy does


def above(sources: Collection[str], options: str = "") -> str:
    """What stands above the source of loops."""
    called = [f for f in FROM_C if any(re.search(rf"\b{f}\(", source) for source in sources)]
    functions = f"from math import {', '.join(called)}\n\n" * bool(called)
    loose = LOOSE.format(options) * any(source.startswith("@loose") for source in sources)
    return functions + HEAD.format(options) + loose + SUMMED * any("summed(" in source for source in sources)


class Nest(NamedTuple):
    """The parts of a loop: its arrays, over what they extend, their elements, what is done, stored and summed."""

    args: list[str]
    over: dict[str, str]
    element: dict[str, str]
    body: list[str]
    stores: list[tuple[str, str]]
    sums: dict[str, tuple[str, str]]
    width: int

    @property
    def flat(self) -> bool:
        return all(e in ("ij", "0") for e in self.over.values())

    @property
    def long(self) -> str:
        """An array that has all rows."""
        return next(a for a, e in self.over.items() if e in ("ij", "i") and a not in self.sums)

    def plain(self) -> str:
        """All rows, one after another."""
        at = {"ij": "k" if self.flat else "i, j", "i": "i", "j": "j", "0": "0"}
        over = ["for k in range({}.size):"] if self.flat else ["for i in range(len({})):", "    for j in range({}):"]
        rows = [row.format(of) for row, of in zip(over, (self.long, self.width), strict=False)]
        inner = self._inner(at, self.element)
        return function("loop", self.args, [*self._shaped(), *rows, *indented(inner, len(rows))])

    def halved(self) -> str:
        """A row, or all of them as one, in halves of halves, as NumPy adds them up."""
        whole = [a for a in self.args if self.over.get(a) in ("ij", "j")]
        once = {a: self.element.get(a, a) for a in self.args if a not in whole and a not in self.sums}
        sums = {f"b{i}": of for i, of in enumerate(self.sums.values(), 1)}
        stores = [f"{b}[k] = {t}" for b, (t, _) in sums.items()]
        inner = self._inner({"ij": "k", "j": "k"}, {a: x for a, x in self.element.items() if a in whole})
        ends = [", ".join([*(f"{a}[{at}]" for a in whole), *once.values(), *sums]) for at in (":m", "m:")]
        part = [
            f"if n <= {BLOCK}:",
            *indented(["for k in range(n):", *indented([*inner, *stores], 1)], 1),
            f"    return {''.join(f'summed({b}, n), ' for b in sums)}".rstrip(),
            "m = n // 2 - n // 2 % 8",
            f"p = part({ends[0]}, m)",
            f"q = part({ends[1]}, n - m)",
            f"return {''.join(f'p[{i}] + q[{i}], ' for i in range(len(sums)))}".rstrip(),
        ]
        row = [a if self.flat or self.over[a] == "j" else f"{a}[i]" for a in whole]
        numbers = [f"{x} = {a}[{self._at(a)}]" for a, x in once.items() if x != a]
        size = f"{self.long}.size" if self.flat else str(self.width)
        each = [*numbers, f"s = part({', '.join([*row, *once.values(), *sums])}, {size})"]
        each += [f"{a}[{self._at(a)}] = 0.0 + s[{i}]" for i, a in enumerate(self.sums)]
        rows = each if self.flat else [f"for i in range(len({self.long})):", *indented(each, 1)]
        buffers = [f"{b} = empty({BLOCK}, {dtype})" for b, (_, dtype) in sums.items()]
        both = [function("part", [*whole, *once.values(), *sums, "n"], part)]
        return "\n\n".join([*both, function("loop", self.args, [*self._shaped(), *buffers, *rows])])

    def _at(self, array: str) -> str:
        return "i" if self.over[array] == "i" else "0"

    def _inner(self, at: Mapping[str, str], element: Mapping[str, str]) -> list[str]:
        """What is done for each element."""
        loads = [f"{x} = {a}[{at[self.over[a]]}]" for a, x in element.items()]
        stores = [f"{a}[{at[self.over[a]]}] {'+' * (self.over[a] == 'j')}= {t}" for a, t in self.stores]
        return [*loads, *self.body, *stores]

    def _shaped(self) -> list[str]:
        """The arrays as rows, or as one; sums of columns from zero on."""
        rows = "-1" if self.flat else f"-1, {self.width}"
        shaped = [f"{a} = {a}.reshape({rows if e == 'ij' else '-1'})" for a, e in self.over.items()]
        return shaped + [f"{a}[:] = 0.0" for a, _ in self.stores if self.over[a] == "j"]


def function(title: str, args: Sequence[str], rows: Sequence[str], by: str = "jit") -> str:
    """The source of a function for numba."""
    return "\n".join([f"@{by}", f"def {title}({', '.join(args)}):", *indented(rows, 1)]) + "\n"


def indented(rows: Sequence[str], by: int) -> list[str]:
    """Rows as they stand inside a block, or several."""
    return [" " * 4 * by + row for row in rows]
