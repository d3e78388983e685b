"""One evaluation of a formula, part by part, on numbers, arrays or Tensors."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from tinygraph import ops
from tinygraph.cli.errors import FormulaError
from tinygraph.tensor import Tensor

LARGEST_INTEGER = 10**6  # larger ones are numbers, but no sizes: they could fill the memory
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
JOINING = ("concatenate", "stack")
STEPS = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Subscript)


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """The functions of the table by their public names.

    Example:
        >>> functions()["exp"]
        <op exp>
    """
    return {name: getattr(ops, name) for name in ops.__all__}


class Evaluation:
    """One evaluation."""

    def __init__(
        self, error: Callable[[str, ast.AST], FormulaError], names: dict[str, Any], replaced: Mapping[ast.expr, Any]
    ) -> None:
        self.error, self.names, self.replaced = error, names, replaced
        self.steps: dict[ast.expr, Any] = {}
        self.written: dict[ast.expr, str] = {}

    def value(self, node: ast.expr) -> Any:
        """Whatever a part stands for; a list stays one, since a function may want it."""
        if node in self.replaced:
            return self.replaced[node]
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                raise self.error(f"{node.id} has no value, add {node.id}=...", node)
            return self.names[node.id]
        if isinstance(node, ast.List | ast.Tuple):
            return [self.value(x) for x in node.elts]
        try:
            found = self._computed(node)
        except FormulaError:
            raise
        except Exception as error:  # noqa: BLE001  a function of the table may object in any way
            said = str(error).split("\n")[0] or type(error).__name__
            raise self.error(said[:300], node) from None
        if isinstance(node, STEPS) and isinstance(found, Tensor) and found.requires_grad:
            self.steps[node] = found
        return found

    def array(self, node: ast.expr) -> Any:
        """A part that must be a number or an array; a list becomes one."""
        value = self.value(node)
        if isinstance(value, list):
            try:
                value = _joined(value) if _holds_tensor(value) else np.array(value, dtype=np.float64)
            except (TypeError, ValueError):
                raise self.error("a list that is no array of numbers", node) from None
        if isinstance(value, bool | str) or value is None or value is Ellipsis:
            raise self.error("a number is needed here", node)
        return value

    def _constant(self, node: ast.Constant) -> Any:
        if type(node.value) is int and node.value > LARGEST_INTEGER:
            try:
                return float(node.value)
            except OverflowError:
                return float("inf")
        return node.value

    def _computed(self, node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp):
            return BINARY[type(node.op)](_real(self.array(node.left)), self.array(node.right))
        if isinstance(node, ast.UnaryOp):
            return UNARY[type(node.op)](self.array(node.operand))
        if isinstance(node, ast.Compare):
            return COMPARE[type(node.ops[0])](_real(self.array(node.left)), self.array(node.comparators[0]))
        if isinstance(node, ast.Subscript):
            return self.value(node.value)[self._index(node.slice)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            keywords = {k.arg: self.value(k.value) for k in node.keywords if k.arg is not None}
            return functions()[node.func.id](*(self._argument(x, node.func.id) for x in node.args), **keywords)
        raise self.error("this cannot stand here", node)

    def _argument(self, node: ast.expr, function: str) -> Any:
        """An argument; a list with Tensors in it is one array, but to the functions that join such lists."""
        value = self.value(node)
        if isinstance(value, list) and function not in JOINING and _holds_tensor(value):
            return self.array(node)
        return value

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            parts = (node.lower, node.upper, node.step)
            return slice(*(None if part is None else self._index(part) for part in parts))
        if isinstance(node, ast.Tuple):
            return tuple(map(self._index, node.elts))
        value = self.value(node)
        if isinstance(value, str | float):
            raise self.error("an index is a whole number", node)
        return value


def _holds_tensor(value: Any) -> bool:
    return any(map(_holds_tensor, value)) if isinstance(value, list) else isinstance(value, Tensor)


def _joined(value: Any) -> Any:
    """A nested list of numbers and Tensors as one Tensor."""
    return ops.stack(list(map(_joined, value))) if isinstance(value, list) else value


def _real(value: Any) -> Any:
    """A Python number as NumPy's: powers of integers could fill the memory, and a division by zero raise."""
    return np.float64(value) if isinstance(value, int | float) else value
