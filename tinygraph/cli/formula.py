"""Formulas as text: parsed by Python's own parser, held to a short list of syntax, and never given to `eval`."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from tinygraph.cli.errors import FormulaError
from tinygraph.cli.evaluation import BINARY, COMPARE, STEPS, UNARY, Evaluation, functions

LONGEST, DEEPEST = 2000, 100
SIDE_BY_SIDE = re.compile(r"(?<![\w.])(\d[\d.]*+(?:e[+-]?\d+)?+(?=[^\W\d_])|[\w.]+(?=\s))\s*(\w+)")  # 3x, a b
CONSTANTS = {"pi": np.pi, "inf": np.inf, "nan": np.nan}

ALLOWED = (
    *STEPS,
    ast.Compare,
    ast.Name,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.Slice,
    ast.keyword,
    ast.expr_context,
    *BINARY,
    *UNARY,
    *COMPARE,
)
REMEDIES: dict[type[ast.AST], str] = {
    ast.BitXor: "^ is no power here, write **",
    ast.Attribute: "a dot is not allowed, write sum(x) instead of x.sum()",
    ast.Starred: "a star before an argument is not allowed",
    ast.IfExp: "if is not allowed, write where(x > 0, x, 0)",
    ast.BoolOp: "and, or are not allowed",
    ast.AugAssign: "write u = u0 + 1, each name is given a value once",
}


class Step(NamedTuple):
    """A value on the way to the result: what was written, the name it was given, and the value."""

    node: ast.expr
    written: str
    name: str | None
    value: Any


class Result(NamedTuple):
    """What a formula gives: its value, the value of every name, and the steps that depend on an input."""

    value: Any
    names: dict[str, Any]
    steps: list[Step]


class Formula:
    """One expression, or several assignments separated by semicolons, the last of which is the result.

    Args:
        text: such as "3*(a + b*c)", or "u = b*c; v = a + u; J = 3*v".

    Raises:
        FormulaError: it is no formula, or holds more than numbers, names, operators, functions of the table, lists
            and indices.

    Example:
        >>> formula = Formula("u = b*c; 3*(a + u)")
        >>> list(formula.inputs)
        ['b', 'c', 'a']
        >>> float(formula.evaluate({"a": 5.0, "b": 3.0, "c": 2.0}).value)
        33.0
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements = self._parsed()
        self.inputs: dict[str, ast.Name] = {}
        self.output: str | None = None
        given: set[str] = set()
        for i, statement in enumerate(self.statements):
            target, value = self._split(statement, last=i == len(self.statements) - 1)
            for node in self._checked(value):
                if isinstance(node, ast.Name) and node.id not in given:
                    self.inputs.setdefault(node.id, node)
            if target is not None:
                if target.id in given or target.id in self.inputs:
                    raise self.error(f"{target.id} has a value already, take another name", target)
                given.add(target.id)
                self.output = target.id
            else:
                self.output = None
        self.used = given | set(self.inputs)

    def error(self, message: str, node: ast.AST) -> FormulaError:
        """The error that points at a part of this formula: at its sign where that is what is wrong."""
        line, offset = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        before = node.left if isinstance(node, ast.BinOp) else node.value if isinstance(node, ast.Attribute) else None
        if before is not None:
            line, offset = before.end_lineno or line, before.end_col_offset or offset
        raw = self.text.split("\n")[line - 1].encode(errors="replace")
        column = len(raw[:offset].decode(errors="ignore"))
        if before is not None:
            rest = raw[offset:].decode(errors="ignore")
            column += len(rest) - len(rest.lstrip(" )"))
        return FormulaError(message, self.text, column, line)

    def _parsed(self) -> list[ast.stmt]:
        text = self.text = self.text.strip().replace("\r", " ")
        if len(text) > LONGEST:
            raise FormulaError(f"a formula of {len(text):,} characters, at most {LONGEST:,} are read", text, LONGEST)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                statements = ast.parse(text).body
        except SyntaxError as error:
            raise self._unread(error) from None
        except ValueError:  # a zero byte, half a character
            raise FormulaError("this is no text", text, 0) from None
        except (RecursionError, MemoryError):
            raise FormulaError("nested too deeply", text, 0) from None
        if not statements:
            raise FormulaError("there is no formula", text, 0)
        return statements

    def _unread(self, error: SyntaxError) -> FormulaError:
        """Python's complaint; in words of our own where a sign of multiplication is missing, as in 3x and a b."""
        line, column = error.lineno or 1, max((error.offset or 1) - 1, 0)
        for found in SIDE_BY_SIDE.finditer(self.text.split("\n")[line - 1]):
            first, second = found.groups()
            if found.start() <= column < found.end() and not {first, second} & {*keyword.kwlist}:
                return FormulaError(f"for a product write {first}*{second}", self.text, found.start(2), line)
        return FormulaError(error.msg.removesuffix(" (<unknown>, line 1)"), self.text, column, line)

    def _split(self, statement: ast.stmt, last: bool) -> tuple[ast.Name | None, ast.expr]:
        """The name that a statement gives, and the expression behind it."""
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
            if len(statement.targets) == 1 and isinstance(target, ast.Name):
                return target, statement.value
            raise self.error("one name on the left of =, as in u = b*c", statement)
        if not isinstance(statement, ast.Expr):
            raise self.error(
                REMEDIES.get(type(statement), "only formulas and assignments u = ... are allowed"), statement
            )
        if not last:
            raise self.error("this is not used: give it a name, u = ...", statement)
        return None, statement.value

    def _checked(self, expression: ast.expr) -> Iterator[ast.AST]:
        """All parts of an expression in the order of writing, each of them allowed; names of functions left out."""
        stack: list[tuple[ast.AST, ast.AST, int]] = [(expression, expression, 0)]
        while stack:
            node, near, depth = stack.pop()
            near = node if hasattr(node, "col_offset") else near
            if depth > DEEPEST:
                raise self.error(f"nested more than {DEEPEST} deep: give parts a name, u = ...; ...", near)
            self._allow(node, near)
            children = list(ast.iter_child_nodes(node))
            if isinstance(node, ast.Call):
                children.remove(node.func)
            stack += [(child, near, depth + 1) for child in reversed(children)]
            yield node

    def _allow(self, node: ast.AST, near: ast.AST) -> None:
        if not isinstance(node, ALLOWED):
            what = REMEDIES.get(type(node), f"{type(node).__name__} is not allowed in a formula")
            raise self.error(what, near)
        if isinstance(node, ast.Constant) and isinstance(node.value, bytes | complex):
            raise self.error("only real numbers are allowed", node)
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            raise self.error("one comparison at a time", node)
        if isinstance(node, ast.Call):
            self._allow_call(node)

    def _allow_call(self, node: ast.Call) -> None:
        if not isinstance(node.func, ast.Name):
            remedy = REMEDIES[ast.Attribute] if isinstance(node.func, ast.Attribute) else "this is no function"
            raise self.error(remedy, node.func)
        if any(k.arg is None for k in node.keywords):
            raise self.error(REMEDIES[ast.Starred], node)
        name = node.func.id
        if name not in functions():
            near = get_close_matches(name, functions(), 1, 0.5)
            meant = f", did you mean {near[0]}?" if near else "; for a product write *"
            raise self.error(f"unknown function {name}{meant}", node.func)

    def evaluate(self, values: Mapping[str, Any], replaced: Mapping[ast.expr, Any] | None = None) -> Result:
        """The result for these values of the inputs, numbers, arrays or Tensors.

        Args:
            values: by name; `pi`, `inf` and `nan` need none.
            replaced: values that stand in for parts of the formula, by the nodes of `Step`.

        Raises:
            FormulaError: a missing value, or an operation that cannot be done.
        """
        run = Evaluation(self.error, {**CONSTANTS, **values}, replaced or {})
        with np.errstate(all="ignore"):
            for statement in self.statements:
                target, expression = self._split(statement, last=True)
                value = run.array(expression)
                if target is not None:
                    run.names[target.id] = value
                    run.written[expression] = target.id
        names = {name: v for name, v in run.names.items() if name in self.used}
        steps = [
            Step(node, ast.get_source_segment(self.text, node) or "", run.written.get(node), v)
            for node, v in run.steps.items()
        ]
        return Result(value, names, steps)
