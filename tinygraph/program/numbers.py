"""Numbers beside arrays as arrays of no dimension: at a number of Python's NumPy looks twice as long."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from tinygraph.program.code import Line, attribute, call, literal, name
from tinygraph.program.into import function_of, number_of


class Numbers:
    """Places for the numbers that stand beside arrays in the statements of a program.

    Those that are written in the code are `fixed`: made once for all. `places` are for those that are computed anew on
    each run. `values` has what was recorded of each variable.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.taken = set(values)
        self.fixed: dict[tuple[str, str], Line] = {}
        self.places: list[Line] = []

    def placed(self, line: Line) -> list[Line]:
        """The statement with arrays in place of its numbers, and before it those that fill them."""
        code = line.code
        if isinstance(code, ast.AugAssign) and isinstance(code.target, ast.Name):
            before, (right,) = self._arrays([code.value], self._dtype([name(code.target.id), code.value]), line)
            return [*before, line if right is code.value else line.of(ast.AugAssign(code.target, code.op, right))]
        made = code.value if isinstance(code, ast.Expr) else None
        if not isinstance(made, ast.Call):
            return [line]
        function, args = function_of(made.func), made.args
        if function is np.putmask:
            dtype = self._dtype([args[0], args[2]])
        else:
            dtype = self._dtype(args) if isinstance(function, np.ufunc) else None
        before, args = self._arrays(args, dtype, line)
        return [*before, line if args == made.args else line.of(ast.Expr(ast.Call(made.func, args, made.keywords)))]

    def _dtype(self, operands: Sequence[ast.expr]) -> np.dtype[Any] | None:
        """The dtype of floats in which arrays are worked with beside numbers."""
        arrays = [x for x in operands if not self._is_number(x)]
        found = [self.values.get(x.id) if isinstance(x, ast.Name) else None for x in arrays]
        dtypes = {x.dtype if isinstance(x, np.ndarray) else None for x in found}
        dtype = dtypes.pop() if len(dtypes) == 1 and len(arrays) < len(operands) else None
        return dtype if dtype is not None and dtype.kind == "f" else None

    def _is_number(self, x: ast.expr) -> bool:
        return number_of(x) is not None or (isinstance(x, ast.Name) and type(self.values.get(x.id)) is float)

    def _arrays(
        self, args: Sequence[ast.expr], dtype: np.dtype[Any] | None, line: Line
    ) -> tuple[list[Line], list[ast.expr]]:
        """The lines that fill arrays for the numbers among arguments of a line, and the arguments with those."""
        lines: list[Line] = []
        found = list(args)
        for i, x in enumerate(args):
            number = number_of(x)
            if dtype is None or not self._is_number(x):
                continue
            if number is None:
                place = self._place(dtype)
                lines.append(Line(None, ast.Assign([_whole(place)], x, lineno=1), None, line.where, line.block))
                found[i] = name(place)
            elif np.isfinite(dtype.type(number)):
                found[i] = name(self._constant(x, number, dtype))
        return lines, found

    def _constant(self, x: ast.expr, number: float, dtype: np.dtype[Any]) -> str:
        known = self.fixed.get((dtype.name, repr(number)))
        if known is None:
            made = call(attribute(name("np"), "array"), [x, literal(dtype, name)], {})
            known = Line(self._free("c"), made, None, "", "constants")
            self.fixed[dtype.name, repr(number)] = known
        return known.name or ""

    def _place(self, dtype: np.dtype[Any]) -> str:
        title = self._free("n")
        empty = call(attribute(name("np"), "empty"), [ast.Tuple([], ast.Load()), literal(dtype, name)], {})
        self.places.append(Line(title, empty))
        return title

    def _free(self, letter: str) -> str:
        title = next(n for i in count(1) if (n := f"{letter}_{i}") not in self.taken)
        self.taken.add(title)
        return title


def _whole(place: str) -> ast.expr:
    return ast.Subscript(name(place), ast.Tuple([], ast.Load()), ast.Store())
