"""A scan as one function for numba: its whole body in numbers, with no call of NumPy in any step.

For small arrays a step's time is that of NumPy's calls. Here sums and products of matrices are added up in their plain
order, and exp, tanh and the like are the C library's, so that results are equal to rounding.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygraph.program.buffers import values_of
from tinygraph.program.code import Line, Program, used
from tinygraph.program.index import UnfitError, key_of, taken, unfolded
from tinygraph.program.into import function_of, number_of, shortened
from tinygraph.program.loops import FORMULAS as ELEMENTS
from tinygraph.program.loops import TYPES, Loop, formula, operation
from tinygraph.program.nest import FROM_C, function, indented
from tinygraph.program.routines import Loop as Scan

FORMULAS = ELEMENTS | {f.replace("atan", "arctan"): f"{f}({{}})" for f in FROM_C}
FORMULAS |= {"maximum": "{0} if {0} >= {1} or {0} != {0} else {1}", "power": "{} ** {}"}
FORMULAS |= {"sign": "1.0 if {0} > 0.0 else -1.0 if {0} < 0.0 else {0}"}
FORMULAS |= {"minimum": "{0} if {0} <= {1} or {0} != {0} else {1}", "reciprocal": "1.0 / {}", "positive": "{}"}
SMALL = 4096  # elements of an array in a step; beyond, NumPy's own loops and BLAS are as fast


def whole(program: Program) -> tuple[Program, dict[str, Loop]]:
    """The program without those scans that can be functions for numba, and these."""
    found: dict[str, Loop] = {}
    for title, routine in program.routines.items():
        if isinstance(routine, Scan) and routine.length is not None and not routine.going:
            try:
                found[title] = _Body(routine).loop()
            except UnfitError:
                continue
    return replace(program, routines={k: r for k, r in program.routines.items() if k not in found}), found


class _Body:
    """The steps of a scan while they are written down: a nest of loops for lines of one shape after another."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.body = scan.body
        self.values = values_of(scan.body)
        self.state, self.row = list(scan.state), list(scan.row)
        self.short = {x: f"v{i}" for i, x in enumerate(self.values)}
        self.rows: list[str] = []
        self.nest: list[Line] = []
        self.buffers: list[str] = []
        last = {n: i for i, line in enumerate(scan.body.lines) for n in used(line.code)}
        self.last = last | dict.fromkeys(scan.body.results, len(scan.body.lines))
        for x, value in self.values.items():
            kind = getattr(value, "dtype", np.dtype(object)).name
            if kind not in TYPES or np.size(value) > SMALL or np.size(value) == 0:
                raise UnfitError(x)

    def loop(self) -> Loop:
        """The function."""
        scan, short = self.scan, self.short
        for line in self.body.lines:
            if line.block == "constants":
                raise UnfitError(line.where)
            product = self._spread(line)
            if line.name is None or product:
                self._close()
                self.rows += product or self._assigned(line)
                continue
            whole = [n for n in used(line.code) if n in self.short and not self._elementwise(line, n)]
            if self.nest and (np.shape(self.nest[0].value) != np.shape(line.value) or self._open(whole)):
                self._close()
            self.nest.append(line)
        self._close()
        names, n = scan.names, len(scan.state)
        moved = [(x, names[i]) for i, x in enumerate(scan.state) if names[i] != x]
        if any(new in scan.state for _, new in moved):
            raise UnfitError("states change places")
        before: list[str] = []
        after: list[str] = []
        back: list[str] = []
        for i in scan.kept:
            value = self.values[names[i]]
            if i < n:
                back.append(self._given_back(short[scan.state[i]], value, before, after))
                continue
            array = f"r{i}"
            kind = (*scan.rows, *scan.sums)[i - n]
            added = i - n >= len(scan.rows)
            shape = [*([] if added else [scan.length]), *kind.shape]
            before.append(_empty(array, shape, kind.dtype))
            if added:
                before.append(f"{array}[{':' if kind.shape else '()'}] = 0.0")
            index = self._index(kind.shape)
            place = ", ".join([*([] if added else ["t"]), *index]) or "()"
            source = self._read(names[i], index, kind.shape)
            self.rows += self._over(kind.shape, [f"{array}[{place}] {'+' * added}= {source}"])
            back.append(array)
        for x, new in moved:
            shape = np.shape(self.values[x])
            index = self._index(shape)
            at = f"[{', '.join(index)}]" if shape else ""
            self.rows += self._over(shape, [f"{short[x]}{at} = {self._read(new, index, shape)}"])
        head = [self._own(x, x in scan.state) for x in self.body.inputs]
        order = f"range({scan.length} - 1, -1, -1)" if scan.reverse else f"range({scan.length})"
        rows = [*head, *self.buffers, *before, f"for t in {order}:", *indented(self.rows, 1)]
        args = [short[x].replace("v", "a") for x in self.body.inputs]
        source = function("loop", args, [*rows, *after, f"return ({', '.join(back)},)"], "loose")
        return Loop(source, list(self.body.inputs), len(self.body.lines))

    def _given_back(self, x: str, value: Any, before: list[str], after: list[str]) -> str:
        """A state as an array, also where it is one number."""
        if np.ndim(value):
            return x
        after += [_empty(f"{x}_last", (), value.dtype), f"{x}_last[()] = {x}"]
        return f"{x}_last"

    def _own(self, x: str, changed: bool) -> str:
        """An input as it is worked with: a number out of its array, a copy of what will be overwritten."""
        value, given = self.values[x], self.short[x].replace("v", "a")
        if x in self.row:
            return f"{self.short[x]} = {given}"
        if isinstance(value, np.ndarray) and not value.ndim:
            return f"{self.short[x]} = {given}[()]"
        return f"{self.short[x]} = {given}{'.copy()' * (changed and np.ndim(value) > 0)}"

    def _open(self, names: Sequence[str]) -> bool:
        return any(line.name in names for line in self.nest)

    def _close(self) -> None:
        """Write the nest that is open."""
        if not self.nest:
            return
        shape = np.shape(self.nest[0].value)
        index = self._index(shape)
        inner = []
        for line in self.nest:
            inner += self._line(line, index, shape)
        here = {line.name: i for i, line in enumerate(self.body.lines)}
        end = here[self.nest[-1].name]
        for x in (line.name or "" for line in self.nest if shape and self.last.get(line.name or "", -1) > end):
            inner.append(f"{self.short[x]}[{', '.join(index)}] = {self.short[x]}_e")
            self.buffers.append(_empty(self.short[x], shape, self.values[x].dtype))
        self.rows += self._over(shape, inner)
        self.nest = []

    def _over(self, shape: Sequence[int], inner: Sequence[str]) -> list[str]:
        rows = [f"{'    ' * i}for i{i} in range({n}):" for i, n in enumerate(shape)]
        return [*rows, *indented(inner, len(shape))]

    def _index(self, shape: Sequence[int]) -> list[str]:
        return [f"i{i}" for i in range(len(shape))]

    def _read(self, x: str, index: Sequence[str], shape: Sequence[int]) -> str:
        """An element of a variable, which is spread over a shape."""
        own = np.shape(self.values[x])
        within = any(line.name == x for line in self.nest)
        if within and own == tuple(shape):
            return f"{self.short[x]}_e" if own else self.short[x]
        at = [k if n != 1 else "0" for k, n in zip(index[len(index) - len(own) :], own, strict=True)]
        at = ["t", *at] if x in self.row else at
        return f"{self.short[x]}[{', '.join(at)}]" if at else self.short[x]

    # --- one line

    def _elementwise(self, line: Line, n: str) -> bool:
        same = np.shape(self.values[n]) in ((), np.shape(line.value))
        step = operation(line.code, FORMULAS)
        return same and step is not None and step.ufunc in FORMULAS

    def _line(self, line: Line, index: list[str], shape: tuple[int, ...]) -> list[str]:
        """How an element of a line is made."""
        target = self.short[line.name or ""] + ("_e" if shape else "")
        step = operation(line.code, FORMULAS)
        if step is not None and step.ufunc in FORMULAS:
            read = {x.id: self._read(x.id, index, shape) for x in step.operands if isinstance(x, ast.Name)}
            if any(not isinstance(x, ast.Name) and number_of(x) is None for x in step.operands):
                raise UnfitError(line.where)
            return [f"{target} = {formula(line, step, read, self.values, FORMULAS)}"]
        if isinstance(line.code, ast.BinOp) and isinstance(line.code.op, ast.MatMult):
            return self._product(line, line.code, target, index)
        found = self._summed(line, target, index) or self._moved(line, target, index)
        if found is None:
            raise UnfitError(line.where)
        return found

    def _spread(self, line: Line) -> list[str]:
        """A product with a matrix on the right, whose rows are added up: so its elements are read one after another."""
        code: Any = line.code if isinstance(line.code, ast.BinOp) and isinstance(line.code.op, ast.MatMult) else None
        if code is None or not isinstance(code.left, ast.Name) or not isinstance(code.right, ast.Name):
            return []
        x, y = code.left.id, code.right.id
        if np.ndim(self.values[x]) not in (1, 2) or np.ndim(self.values[y]) != 2:
            return []
        self._close()
        target, shape = self.short[line.name or ""], np.shape(line.value)
        index, n = self._index(shape), np.shape(self.values[y])[0]
        element = f"{target}[{', '.join(index)}]"
        self.buffers.append(_empty(target, shape, line.value.dtype))
        rows = [
            f"for k in range({n}):",
            f"    {target}_k = {self._read(x, [*index[:-1], 'k'], np.shape(self.values[x]))}",
            f"    for {index[-1]} in range({shape[-1]}):",
            f"        {element} += {target}_k * {self._read(y, ['k', index[-1]], np.shape(self.values[y]))}",
        ]
        return [*self._over(shape, [f"{element} = 0.0"]), *self._over(shape[:-1], rows)]

    def _product(self, line: Line, code: ast.BinOp, target: str, index: list[str]) -> list[str]:
        if not (isinstance(code.left, ast.Name) and isinstance(code.right, ast.Name)):
            raise UnfitError("operands")
        x, y = (np.shape(self.values[side.id]) for side in (code.left, code.right))
        if not 1 <= len(x) <= 2 or not 1 <= len(y) <= 2:
            raise UnfitError("stacks")
        left = [*index[: len(x) - 1], "k"]
        right = ["k", *(index[-1:] if len(y) == 2 else [])]
        term = f"{self._read(code.left.id, left, x)} * {self._read(code.right.id, right, y)}"
        return [
            f"{target} = {TYPES[line.value.dtype.name]}(0.0)",
            f"for k in range({x[-1]}):",
            f"    {target} += {term}",
        ]

    def _summed(self, line: Line, target: str, index: list[str]) -> list[str] | None:
        code = shortened(line, self.values)
        reduce: Any = function_of(code.func) if isinstance(code, ast.Call) else None
        if getattr(reduce, "__self__", None) is not np.add or not isinstance(code, ast.Call) or len(code.args) != 1:
            return None
        x, keywords = code.args[0], {str(k.arg): k.value for k in code.keywords}
        if reduce.__name__ != "reduce" or not isinstance(x, ast.Name) or not keywords.keys() <= {"axis", "keepdims"}:
            return None
        shape = np.shape(self.values[x.id])
        axis = ast.literal_eval(keywords.get("axis", ast.Constant(0)))
        axes = {
            i % len(shape)
            for i in (range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,))
        }
        left = iter(index)
        kept = len(index) == len(shape)
        at = []
        for i in range(len(shape)):
            own = next(left) if kept or i not in axes else ""
            at.append(f"k{i}" if i in axes else own)
        over = [f"{'    ' * d}for k{i} in range({shape[i]}):" for d, i in enumerate(sorted(axes))]
        kind = TYPES[line.value.dtype.name]
        return [f"{target} = {kind}(0.0)", *over, "    " * len(over) + f"{target} += {self._read(x.id, at, shape)}"]

    def _moved(self, line: Line, target: str, index: list[str]) -> list[str] | None:
        """Copies and views of arrays: x.T, x[..., None], x[1:, 0], x.reshape(3, 1), np.broadcast_to(x, shape)."""
        code: Any = line.code
        while isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr == "copy":
            code = code.func.value
        function = function_of(code.func) if isinstance(code, ast.Call) else None
        if function is np.zeros_like:
            return [f"{target} = {TYPES[line.value.dtype.name]}(0.0)"]
        x = code.args[0] if function is np.broadcast_to else getattr(getattr(code, "func", code), "value", code)
        if not isinstance(x, ast.Name) or x.id not in self.values:
            return None
        shape, at = np.shape(self.values[x.id]), None
        if function is np.broadcast_to or x is code:
            return [f"{target} = {self._read(x.id, index, np.shape(line.value))}"]
        if isinstance(code, ast.Attribute) and code.attr == "T":
            at = index[::-1]
        elif isinstance(code, ast.Call) and code.func.attr == "reshape" and not code.keywords:  # type: ignore[attr-defined]
            at = unfolded(index, np.shape(line.value), shape)
        elif isinstance(code, ast.Subscript):
            at = taken(key_of(code.slice), index, shape)
        return None if at is None else [f"{target} = {self._read(x.id, at, shape)}"]

    def _assigned(self, line: Line) -> list[str]:
        """x[1:, 0] = y, of an array that the step has made."""
        code: Any = line.code
        target = code.targets[0] if isinstance(code, ast.Assign) else None
        made = {x.name for x in self.body.lines}
        x = target.value.id if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) else ""
        number = number_of(code.value) if x else None
        if x not in made or (number is None and not isinstance(code.value, ast.Name)):
            raise UnfitError(line.where)
        shape, key = np.shape(self.values[x]), key_of(target.slice)  # type: ignore[union-attr]
        part = np.empty(shape)[key].shape
        index = self._index(part)
        source = self._read(code.value.id, index, part) if number is None else str(number)
        return self._over(part, [f"{self.short[x]}[{', '.join(taken(key, index, shape))}] = {source}"])


def _empty(x: str, shape: Sequence[Any], dtype: np.dtype[Any]) -> str:
    return f"{x} = empty({tuple(shape)}, {'bool_' if dtype.kind == 'b' else TYPES[dtype.name]})"
