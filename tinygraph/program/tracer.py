"""The tracer: turns what is done to variables, while a function runs, into the lines of a program."""

from __future__ import annotations

import ast
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np

from tinygraph.graph import Node, serial
from tinygraph.mode import MODE, user_line
from tinygraph.program import code, inplace, operations
from tinygraph.program.buffers import memory
from tinygraph.program.code import UNMATCHED, Line, Program
from tinygraph.program.effects import Effects
from tinygraph.program.nested import branch, loop
from tinygraph.program.routines import Branch, Loop
from tinygraph.program.user_code import asked_by_operation, is_returned, of_package, raising
from tinygraph.program.variable import ARRAYS, Variable
from tinygraph.tensor import Tensor, handle

_basename = lru_cache(os.path.basename)
REMEDY = "write it with np.where, cond, scan or while_loop, or with arguments that are no arrays"


class Tracer:
    """Records the lines of one call; `reason` says why it stopped doing so, if it did.

    From then on its variables let everything through to their values, so that the call goes on as it would without.
    """

    def __init__(self, strict: bool = False, code: CodeType | None = None) -> None:
        self.strict = strict
        self.code = code  # of the function that is traced
        self.open = True
        self.errors = raising()  # what NumPy raises, as f is called
        self.errors_set = False  # whether something may have changed that
        self.reason: str | None = None
        self.block = "forward"
        self.place: str | None = None  # what is written beside a line, if not the line of the code that runs
        self.lines: list[Line] = []
        self.inputs: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.met: dict[Node, tuple[Tensor, Variable]] = {}  # Tensors that are older than the call
        self.names: dict[Node, str] = {}  # of Tensors, where somebody knows better ones than their own
        self.met_as: dict[Node, str] = {}  # the inputs that they are
        self.unstable: set[str] = set()
        self.oldest = serial(Node(None, (), (), None, np.float64(0.0), False))
        self._owned: dict[int, list[weakref.ref[Variable]]] = {}  # by the array whose memory they look into
        self.captured: dict[int, str] = {}
        self._shares: dict[Node, list[Variable]] = {}
        self._count = 0
        self.effects = Effects(self)
        self.routines: dict[str, Loop | Branch] = {}  # functions of their own in the program
        self.around: list[list[Line]] = []  # the lines around the loop that is recorded
        self.within: dict[str, Any] = {}  # the states and rows of loops

    operate, ufunc, function = operations.operate, operations.ufunc, operations.function
    method, attribute, item = operations.method, operations.attribute, operations.item
    assign, augment = inplace.assign, inplace.augment

    # --- names

    def variable(self, value: Any, label: str | None = None) -> Variable:
        self._count += 1
        made = Variable(self, f"v{self._count}", value)
        self.owns(made)
        if label:
            self.labels[made.name] = label
        return made

    def input(self, value: Any, label: str | None = None) -> Variable:
        made = self.variable(value, label)
        self.inputs[made.name] = value
        return made

    def inside(self, value: Any) -> Variable:
        """What a loop passes to its body."""
        made = self.variable(value)
        self.within[made.name] = value
        return made

    def loop(self, run: Any) -> list[list[Any]]:
        """Make a run of a loop, which becomes a function of its own."""
        return loop(self, run)

    def branch(
        self, title: str, pred: Variable, steps: Sequence[Callable[..., Any]], given: Sequence[Any]
    ) -> list[Any]:
        """Run one of two steps, which become a function of its own."""
        return branch(self, title, pred, steps, given)

    def follows(self, x: Any) -> bool:
        """Whether a value is one of the program's variables."""
        return type(x) is Variable and self.open

    def label(self, x: Any, name: str) -> None:
        """Give a variable, or the one in a Tensor, the user's name for it; the first name counts."""
        x = x._data if isinstance(x, Tensor) else x
        if type(x) is Variable and x.tracer is self and name.isidentifier():
            self.labels.setdefault(self.effects.origin(x), name)

    def capture(self, value: Any) -> ast.expr:
        """The name of an array, or other object, that is no variable."""
        if id(value) not in self.captured:
            self.captured[id(value)] = f"k{len(self.constants)}"
            self.constants[f"k{len(self.constants)}"] = value
        return code.name(self.captured[id(value)])

    def adopt(self, args: Sequence[Any]) -> list[Any]:
        """The operands of an op, Tensors that are older than the call as variables of the program."""
        self.block = "forward" if self.block == "update" else self.block
        return [self.adopted(a) if isinstance(a, Tensor) and type(a._data) is not Variable else a for a in args]

    def adopted(self, tensor: Tensor) -> Tensor:
        node = tensor._node
        if not self.open or node.serial > self.oldest:  # made in the call of bare arrays: they are captured
            return tensor
        if node not in self.met:
            made = self.input(tensor._data, self.names.get(node) or tensor.name)
            self.effects.may_write(made)
            self.met[node], self.met_as[node] = (tensor, made), made.name
        standing = handle(node)
        standing._data = self.met[node][1]
        return standing

    def expression(self, value: Any) -> ast.expr:
        kind = type(value)
        if kind is Variable and value.tracer is self:
            if self.effects.stale and self.effects.is_stale(value):
                self.notice("is a view of an array that has been written to since")
            return code.name(value.name)
        if kind is Variable:
            return self.capture(value.value)
        if kind in (tuple, list):
            return (ast.Tuple if kind is tuple else ast.List)([self.expression(v) for v in value], ast.Load())
        return code.literal(value, self.capture)

    # --- lines

    def record(self, expression: ast.expr, value: Any) -> Any:
        """A new variable for the value of an expression; variables in a list or tuple for each of its items."""
        if isinstance(value, tuple | list):
            whole = self.line(expression, value)
            items = [self.record(ast.Subscript(code.name(whole.name), ast.Constant(i), ast.Load()), item)
                     for i, item in enumerate(value)]  # fmt: skip
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return self.line(expression, value) if isinstance(value, ARRAYS) else value

    def line(self, expression: ast.AST, value: Any) -> Variable:
        if self.errors_set and raising() - self.errors:
            self.notice("is computed where np.errstate makes an error of a warning")
        made = self.variable(value)
        self.lines.append(Line(made.name, expression, value, self.where(), self.block))
        return made

    def statement(self, statement: ast.AST) -> None:
        self.lines.append(Line(None, statement, None, self.where(), self.block))

    def where(self) -> str:
        """File and line of the innermost frame outside this package."""
        return _basename(user_line()) if self.place is None else self.place

    def notice(self, what: str, subject: str = "a traced array") -> None:
        """Stop recording: something happened that a program cannot repeat."""
        if not self.open:
            return
        self.open = False
        self.effects.settle()
        mode = MODE.get()
        within = f", in {'/'.join(mode.scope.path)}" if mode is not None and mode.scope is not None else ""
        self.reason = f"{subject} {what}, at {user_line()}{within}"
        if self.strict:
            raise TypeError(f"compile: {self.reason}; {REMEDY}, or leave out strict=True to run it uncompiled")

    def decided(self, of: Variable, found: Any, what: str) -> None:
        """A value became Python's: within an operation's own code a check of the program, elsewhere its end."""
        if not self.open:
            return
        if not asked_by_operation():
            self.notice(f"becomes a Python value by {what}")
            return
        value = code.name(of.name)
        if isinstance(found, bool):
            test: ast.expr = ast.UnaryOp(ast.Not(), value) if found else value
        else:
            test = ast.Compare(value, [ast.NotEq()], [code.literal(found, self.capture)])
        self.statement(ast.If(test, [ast.Return(code.name(UNMATCHED))], []))

    def printed(self) -> None:
        """A value is made text: by an operation of this package, where that is going to raise an error."""
        if not of_package(sys._getframe(2).f_code.co_filename):
            self.notice("is printed")

    def returning(self) -> bool:
        """Whether the number that is asked for goes into what the traced function returns."""
        return self.open and is_returned(self.code)

    # --- memory

    def alive(self) -> Iterator[Variable]:
        """The variables that somebody still holds."""
        return (v for refs in self._owned.values() for v in (ref() for ref in refs) if v is not None)

    def beside(self, x: Variable) -> Iterator[Variable]:
        """The variables in the memory of an array, itself among them."""
        return (v for v in (ref() for ref in self._owned[id(memory(x.value))]) if v is not None)

    def owns(self, x: Variable) -> None:
        """Take note of the memory of a variable."""
        self._owned.setdefault(id(memory(x.value)), []).append(weakref.ref(x))

    # --- the end

    def backward_begins(self) -> None:
        self.block = "backward"
        self.place = ""

    def watch(self, node: Node, x: Node, gx: Any) -> None:
        """Remember what is a gradient of what, to name it."""
        if type(gx) is Variable and self.open:
            self._shares.setdefault(x, []).append(gx)

    def escaped(self) -> bool:
        """Whether the function has left a variable somewhere; to be asked once its results are forgotten."""
        self._shares.clear()
        held = [variable for _, variable in self.met.values()]
        return any(not any(v is h for h in held) for v in self.alive())

    def forget(self) -> None:
        """Let go of what was recorded: nothing that holds the tracer is held by it any more."""
        self.open = False
        self.lines, self.inputs, self.met, self.within = [], {}, {}, {}
        self.effects.tracer = None

    def name_gradients(self) -> None:
        """Call the gradient of what is named Z dZ."""
        sums = {_summands(line.code): line.name for line in self.lines} if self._shares else {}
        for node, shares in self._shares.items():
            value = self.met[node][1] if node in self.met else node.value
            label = self.labels.get(value.name) if type(value) is Variable else None
            total: str | None = shares[0].name
            for share in shares[1:]:
                total = sums.get((total or "", share.name))
            if label and total:
                self.labels.setdefault(total, f"d{label}")
        self._shares.clear()

    def begins(self, block: str, names: Mapping[Tensor, str] | None = None) -> None:
        """Another part of the program, in which names of Tensors may be known."""
        self.block = block
        for tensor, label in (names or {}).items():
            self.names[tensor._node] = label
            if tensor._node in self.met and not label.isdigit():
                self.labels.setdefault(self.met_as[tensor._node], label)

    def backward_ends(self) -> None:
        """What follows a `backward` is the function's own code again."""
        self.name_gradients()
        self.block, self.place = "update", None  # until the next operation on Tensors

    def replaced(self, tensor: Tensor, value: Any) -> bool:
        """Whether `tensor.data = value` is the end of `tensor.data -= ...`, which has been done."""
        known = self.met.get(tensor._node)
        if value is tensor._data or (known is not None and value is known[1]):
            return True
        self.notice("has its data replaced", "a Tensor")
        return False

    def program(self, results: Sequence[str]) -> Program:
        if self.block == "backward" and results and results[0] not in self.labels:
            self.labels[results[0]] = "loss"
        for line in self.lines:  # of a number and the array that it becomes, what is returned has the name
            if line.name in results and isinstance(line.code, ast.Subscript) and isinstance(line.code.value, ast.Name):
                label = self.labels.pop(line.code.value.id, None) if ast.unparse(line.code.slice) == "..." else None
                if label and line.name:
                    self.labels[line.name] = label
        written = [line.value for line in self.lines if line.name in self.unstable]
        shared = {
            line.name
            for line in self.lines
            if line.name
            and isinstance(line.value, np.ndarray)
            and any(np.may_share_memory(line.value, w) for w in written)
        }
        mine = [*self.met_as.values(), *self.effects.reads]
        inputs = {x: self.inputs[x] for x in (*(x for x in self.inputs if x not in mine), *mine)}
        unstable = frozenset(shared | (self.unstable & self.constants.keys()))
        routines = {title: made.finished(self.labels) for title, made in self.routines.items()}
        lines, labels, final = tuple(self.lines), dict(self.labels), self.effects.final
        return Program(inputs, self.constants, lines, tuple(results), labels, unstable, final, routines)


def _summands(expression: ast.AST) -> tuple[str, str] | None:
    """The names x and y of `x + y`."""
    plus = isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add)
    return code.used(expression) if plus and len(code.used(expression)) == 2 else None  # type: ignore[return-value]
