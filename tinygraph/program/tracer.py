"""The tracer: turns what is done to variables, while a function runs, into the lines of a program."""

from __future__ import annotations

import ast
import dis
import os
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

import numpy as np

from tinygraph.graph import Node, serial
from tinygraph.mode import MODE
from tinygraph.program import code
from tinygraph.program.code import UNMATCHED, Line, Program
from tinygraph.program.effects import Effects
from tinygraph.program.nested import branch, loop
from tinygraph.program.routines import Branch, Loop
from tinygraph.program.variable import _COMPARISONS, _UNARY, Variable, value_of
from tinygraph.tensor import Tensor, handle

HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep
CHECKED = tuple(
    HERE + part + os.sep for part in ("ops", "nn", "optim", "train")
)  # whose questions about values become checks
STATIC = {np.shape, np.size, np.ndim, np.result_type, np.can_cast, np.min_scalar_type, np.may_share_memory}
STATIC |= {np.iscomplexobj, np.isrealobj, np.shares_memory, np.common_type}
RAGGED = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.extract, np.compress, np.trim_zeros, np.union1d}
RAGGED |= {np.roots, np.polydiv}
RAGGED |= {getattr(np, f"unique_{kind}", np.unique) for kind in ("all", "counts", "inverse", "values")}  # NumPy 2
RAGGED |= {np.intersect1d, np.setdiff1d, np.setxor1d, np.bincount}  # how long their results are depends on values
WRITING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis, np.save, np.savetxt}
SYMBOLS: dict[Any, Any] = {np.add: ast.Add, np.subtract: ast.Sub, np.multiply: ast.Mult, np.divide: ast.Div}
SYMBOLS |= {np.matmul: ast.MatMult, np.less: ast.Lt, np.less_equal: ast.LtE, np.greater: ast.Gt}
SYMBOLS |= {np.greater_equal: ast.GtE, np.equal: ast.Eq, np.not_equal: ast.NotEq}
REDUCED = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}
ARRAYS = np.ndarray | np.generic | bool | int | float
GATHERING = ("BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP")
BESIDE = ("LOAD_", "PUSH_NULL", "PRECALL", "CALL")  # what computes the other results
OF_THE_TOP = ("LOAD_ATTR", "LOAD_METHOD")
REMEDY = "write it with np.where, cond, scan or while_loop, or with arguments that are no arrays"


class Tracer:
    """Records the lines of one call; `reason` says why it stopped doing so, if it did.

    From then on its variables let everything through to their values, so that the call goes on as it would without.
    """

    def __init__(self, strict: bool = False, code: CodeType | None = None) -> None:
        self.strict = strict
        self.code = code  # of the function that is traced
        self.open = True
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
        self._alive: list[weakref.ref[Variable]] = []
        self._owned: dict[int, list[weakref.ref[Variable]]] = {}  # by the array that owns their memory
        self._captured: dict[int, str] = {}
        self._shares: dict[Node, list[Variable]] = {}
        self._count = 0
        self.effects = Effects(self)
        self.routines: dict[str, Loop | Branch] = {}  # functions of their own in the program
        self.around: list[list[Line]] = []  # the lines around the loop that is recorded
        self.within: dict[str, Any] = {}  # the states and rows of loops

    # --- names

    def variable(self, value: Any, label: str | None = None) -> Variable:
        self._count += 1
        made = Variable(self, f"v{self._count}", value)
        self._alive.append(weakref.ref(made))
        self._owned.setdefault(id(_owner(value)), []).append(self._alive[-1])
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
        if id(value) not in self._captured:
            self._captured[id(value)] = f"k{len(self.constants)}"
            self.constants[f"k{len(self.constants)}"] = value
        return code.name(self._captured[id(value)])

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
            if self.effects.is_stale(value):
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
            whole = self._line(expression, value)
            items = [self.record(ast.Subscript(code.name(whole.name), ast.Constant(i), ast.Load()), item)
                     for i, item in enumerate(value)]  # fmt: skip
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return self._line(expression, value) if isinstance(value, ARRAYS) else value

    def _line(self, expression: ast.AST, value: Any) -> Variable:
        made = self.variable(value)
        self.lines.append(Line(made.name, expression, value, self.where(), self.block))
        return made

    def _statement(self, statement: ast.AST) -> None:
        self.lines.append(Line(None, statement, None, self.where(), self.block))

    def where(self) -> str:
        """File and line of the innermost frame outside this package."""
        if self.place is not None:
            return self.place
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
            frame = frame.f_back
        return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"

    def notice(self, what: str, subject: str = "a traced array") -> None:
        """Stop recording: something happened that a program cannot repeat."""
        if not self.open:
            return
        self.open = False
        self.effects.settle()
        mode = MODE.get()
        within = f", in {'/'.join(mode.scope.path)}" if mode is not None and mode.scope is not None else ""
        self.reason = f"{subject} {what}, at {self._place()}{within}"
        if self.strict:
            raise TypeError(f"compile: {self.reason}; {REMEDY}, or leave out strict=True to run it uncompiled")

    def _place(self) -> str:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
            frame = frame.f_back
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def decided(self, of: Variable, found: Any, what: str) -> None:
        """A value became Python's: within an operation's own code a check of the program, elsewhere its end."""
        if not self.open:
            return
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(HERE):
            if frame.f_code.co_filename.startswith(CHECKED):
                break
            frame = frame.f_back
        if frame is None or not frame.f_code.co_filename.startswith(CHECKED):
            self.notice(f"becomes a Python value by {what}")
            return
        value = code.name(of.name)
        if isinstance(found, bool):
            test: ast.expr = ast.UnaryOp(ast.Not(), value) if found else value
        else:
            test = ast.Compare(value, [ast.NotEq()], [code.literal(found, self.capture)])
        self._statement(ast.If(test, [ast.Return(code.name(UNMATCHED))], []))

    def printed(self) -> None:
        """A value is made text: by an operation of this package, where that is going to raise an error."""
        if not sys._getframe(2).f_code.co_filename.startswith(HERE):
            self.notice("is printed")

    def returning(self) -> bool:
        """Whether the number that is asked for goes into what the traced function returns: `return loss.item(), y`."""
        frame: Any = sys._getframe(2)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
            frame = frame.f_back
        while self.open and frame is not None and not frame.f_code.co_filename.startswith(HERE):
            if not _returned(i for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti):
                return False
            if frame.f_code is self.code:
                return True
            frame = frame.f_back
        return False

    # --- what is done to variables

    def operate(self, symbol: Any, function: Callable[..., Any], *operands: Any) -> Any:
        value = function(*map(value_of, operands))
        if not self.open or value is NotImplemented:
            return value
        parts = [self._weak(a, operands) for a in operands]
        return self.record(_written(symbol, parts), value)

    def _weak(self, operand: Any, operands: Sequence[Any]) -> ast.expr:
        """An operand; a NumPy scalar beside an array of its own dtype as the plain number that does the same."""
        if issubclass(type(operand), np.floating):
            others = [o for o in operands if o is not operand and type(o) is Variable]
            if others and all(getattr(o.value, "dtype", None) == operand.dtype for o in others):
                return code.literal(float(operand), self.capture)
        return self.expression(operand)

    def ufunc(self, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        target = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        apply = getattr(ufunc, method)
        values, named = value_of(args), value_of(kwargs)
        if target is not None:
            return self._ufunc_into(ufunc, method, args, kwargs, target)
        if not self.open or method == "at":
            found = apply(*values, **named)
            if self.open:
                self._wrote(args[0], ast.Expr(self._called(ufunc, method, args, kwargs)))
            return found
        return self.record(self._ufunc_code(ufunc, method, args, kwargs), apply(*values, **named))

    def _ufunc_code(self, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> ast.expr:
        if method == "__call__" and ufunc in SYMBOLS and not kwargs:
            return _written(SYMBOLS[ufunc], [self._weak(a, args) for a in args])
        if method == "reduce" and ufunc in REDUCED and type(args[0]) is Variable and len(args) == 1:
            given = {"axis": 0, **kwargs}
            given = {k: v for k, v in given.items() if not ((k == "axis" and v is None) or (k == "keepdims" and not v))}
            of = code.attribute(self.expression(args[0]), REDUCED[ufunc])
            return code.call(of, [], {key: self.expression(v) for key, v in given.items()})
        return self._called(ufunc, method, args, kwargs)

    def _called(self, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> ast.expr:
        of = code.library_name(ufunc) or self.capture(ufunc)
        of = of if method == "__call__" else code.attribute(of, method)
        return code.call(of, [*map(self.expression, args)], {k: self.expression(v) for k, v in kwargs.items()})

    def _ufunc_into(self, ufunc: np.ufunc, method: str, args: Any, kwargs: Any, target: Any) -> Any:
        """`out=`: a new variable where nobody else sees the memory, else a statement."""
        values, named = value_of(args), value_of(kwargs)
        apply = getattr(ufunc, method)
        if self.open and type(target) is Variable and self._alone(target):
            fresh = apply(*values, **named)
            if _alike(fresh, target.value):
                return self._renewed(target, self._ufunc_code(ufunc, method, args, kwargs), fresh)
        if self.open and type(target) is Variable and method == "__call__" and not kwargs:
            expression = self._ufunc_code(ufunc, method, args, kwargs)
            if self._fits(target, *values):
                apply(*values, out=target.value)
                return self._written_to(target, expression)
        found = apply(*values, **named, out=value_of(target))
        if self.open:
            self._wrote(target, ast.Expr(self._called(ufunc, method, args, {**kwargs, "out": target})))
        return target if type(target) is Variable else found

    def function(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self.open and (function in RAGGED or _counted(function, args, kwargs)):
            self.notice(f"decides by its values how long the result of {function.__name__} is")
        if self.open and (function in WRITING or kwargs.get("out") is not None):
            self.notice(f"is written by {function.__name__}")
        value = function(*value_of(args), **value_of(kwargs))
        if not self.open or function in STATIC:
            return value
        if function in (np.ones_like, np.zeros_like) and not kwargs and not value.ndim:
            return self.record(code.literal(value[()], self.capture), value[()])  # a number, known before the call
        of = code.library_name(function) or self.capture(function)
        named = {k: self.expression(v) for k, v in kwargs.items() if v is not np._NoValue}
        return self.record(code.call(of, [*map(self.expression, args)], named), value)

    def method(self, of: Variable, name: str, args: Any, kwargs: Any) -> Any:
        if self.open and (name in ("nonzero", "compress") or (name == "repeat" and _traced((args, kwargs)))):
            self.notice(f"decides by its values how long the result of {name} is")
        value = getattr(of.value, name)(*value_of(args), **value_of(kwargs))
        if not self.open:
            return value
        named = {k: self.expression(v) for k, v in kwargs.items() if not (k == "axis" and v is None)}
        named = {k: v for k, v in named.items() if not (k == "keepdims" and kwargs[k] is False)}
        if name == "transpose" and not args and not kwargs:
            return self.record(code.attribute(self.expression(of), "T"), value)
        function = code.attribute(self.expression(of), name)
        return self.record(code.call(function, [*map(self.expression, args)], named), value)

    def attribute(self, of: Variable, name: str) -> Any:
        value = getattr(of.value, name)
        return self.record(code.attribute(self.expression(of), name), value) if self.open else value

    def item(self, of: Variable, key: Any) -> Any:
        if self.open and any(
            type(k) is Variable and k.dtype == bool for k in (key if isinstance(key, tuple) else (key,))
        ):
            self.notice("decides by its values how many elements are taken")
        value = of.value[value_of(key)]
        return self.record(self._subscript(of, key), value) if self.open else value

    def _subscript(self, of: Variable, key: Any) -> ast.expr:
        def known(x: Any) -> ast.expr:
            return self.expression(x) if type(x) is Variable else self.capture(x)

        part = of.value[value_of(key)]
        mine = isinstance(part, np.ndarray) and self.effects.stale and not self.effects.is_stale(of, part)
        return code.subscript(code.name(of.name) if mine else self.expression(of), key, known)

    def assign(self, of: Variable, key: Any, value: Any) -> None:
        bare = value_of(value)
        if self.open and key is Ellipsis and self._alone(of) and not isinstance(value, Tensor):
            fresh = np.broadcast_to(bare, of.shape).copy()
            if _alike(fresh, of.value):
                spread = code.call(
                    code.attribute(code.name("np"), "broadcast_to"),
                    [self.expression(value), self.expression(of.shape)],
                    {},
                )
                source = self.expression(value) if np.shape(bare) == of.shape else spread
                self._renewed(of, code.call(code.attribute(source, "copy"), [], {}), fresh)
                return
        if self.open and key is Ellipsis and isinstance(bare, ARRAYS):
            if np.shape(bare) == of.shape and of.ndim:
                copied = code.call(code.attribute(self.expression(value), "copy"), [], {})
            else:
                both = [self.expression(value), self.expression(of.shape)]
                copied = code.call(code.attribute(code.name("np"), "broadcast_to"), both, {})
            if self._fits(of, bare):
                of.value[...] = bare
                self._written_to(of, copied)
                return
        of.value[value_of(key)] = bare
        if self.open:
            target = self._subscript(of, key)
            self._wrote(of, ast.Assign([target], self.expression(value), lineno=1))

    def augment(self, symbol: Any, function: Callable[..., Any], target: Variable, other: Any) -> Any:
        """`x += y`: a new variable where nobody else sees x's memory, and for numbers; else a statement."""
        plain = value_of(other)
        if not self.open:
            return function(target.value, plain)
        if isinstance(target.value, np.generic):
            return self.operate(symbol, function, target, other)
        if self._alone(target):
            fresh = function(target.value.copy(order="K"), plain)
            expression = _written(symbol, [self._weak(a, (target, other)) for a in (target, other)])
            if _alike(fresh, target.value) and np.result_type(target.value, plain) == fresh.dtype:
                return self._renewed(target, expression, fresh)
        expression = _written(symbol, [self._weak(a, (target, other)) for a in (target, other)])
        if self._fits(target, plain):
            function(target.value, plain)
            return self._written_to(target, expression)
        function(target.value, plain)
        written: Any = ast.AugAssign(ast.Name(target.name, ast.Store()), symbol(), self.expression(other))
        self._wrote(target, written)
        return target

    # --- memory

    def alive(self) -> Iterator[Variable]:
        return (v for v in (ref() for ref in self._alive) if v is not None)

    def _alone(self, x: Variable) -> bool:
        """Whether no other array shares the memory of a variable, the caller's least of all."""
        if not isinstance(x.value, np.ndarray) or self._outside(x.value):
            return False
        beside = (ref() for ref in self._owned[id(_owner(x.value))])
        return not any(v is not None and v is not x and np.may_share_memory(v.value, x.value) for v in beside)

    def _fits(self, target: Variable, *operands: Any) -> bool:
        """Whether an input may be written to, and its dtype takes what is computed of these."""
        return np.result_type(target.value, *operands) == target.dtype and self.effects.writes_to(target)

    def _written_to(self, target: Variable, expression: ast.expr) -> Variable:
        self.effects.moved(target, self._line(expression, target.value).name)
        return target

    def _outside(self, array: Any) -> bool:
        known = [*self.inputs.values(), *self.constants.values()]
        return any(np.may_share_memory(array, a) for a in known if isinstance(a, np.ndarray))

    def _renewed(self, x: Variable, expression: ast.expr, value: Any) -> Variable:
        """The same array under a new name, after all of it has been written to."""
        made = self._line(expression, value)
        x.name, x.value = made.name, value
        self._owned[id(_owner(value))].append(weakref.ref(x))
        return x

    def _wrote(self, target: Any, statement: ast.AST) -> None:
        if type(target) is not Variable or self._outside(target.value):
            self.notice("is written into an array that is older than the call" if type(target) is not Variable
                        else "is an argument that is written to")  # fmt: skip
            return
        self.unstable.add(target.name)
        self._statement(statement)

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

    def name_gradients(self) -> None:
        """Call the gradient of what is named Z dZ."""
        sums = {code.key(line.code): line.name for line in self.lines if isinstance(line.code, ast.BinOp)}
        for node, shares in self._shares.items():
            value = self.met[node][1] if node in self.met else node.value
            label = self.labels.get(value.name) if type(value) is Variable else None
            total: str | None = shares[0].name
            for share in shares[1:]:
                added = ast.BinOp(code.name(total or ""), ast.Add(), code.name(share.name))
                total = sums.get(code.key(added))
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


def _returned(instructions: Iterable[dis.Instruction]) -> bool:
    """Whether the value on top of the stack is only returned, at most within tuples, lists and dicts."""
    above = 0  # how many values lie upon it
    for i in instructions:
        if i.opname == "RETURN_VALUE":
            return above == 0
        effect = dis.stack_effect(i.opcode, i.arg)
        if i.opname in GATHERING:
            above = max(above + effect, 0)
        elif i.opname.startswith(BESIDE) and (above or i.opname not in OF_THE_TOP) and above + effect > 0:
            above += effect
        else:
            return False
    return False


def _counted(function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    """Whether it is by these arguments that how long the result is depends on values."""
    if function is np.where:
        return len(args) == 1
    return function in (np.repeat, np.delete) and _traced((args[1:], kwargs))


def _traced(x: Any) -> bool:
    """Whether there is a variable in it."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple | list) else ()
    return type(x) is Variable or any(map(_traced, parts))


def _written(symbol: Any, parts: Sequence[ast.expr]) -> ast.expr:
    """An operator between its operands."""
    if symbol == "abs":
        return code.call(code.name("abs"), list(parts), {})
    if symbol in _UNARY.values():
        return ast.UnaryOp(symbol(), parts[0])
    if symbol in _COMPARISONS.values():
        return ast.Compare(parts[0], [symbol()], [parts[1]])
    return ast.BinOp(parts[0], symbol(), parts[1])


def _alike(a: Any, b: Any) -> bool:
    """Whether two arrays look the same in memory, so that sums run over them in the same order."""
    return isinstance(a, np.ndarray) and (a.shape, a.dtype, a.strides) == (b.shape, b.dtype, b.strides)


def _owner(value: Any) -> Any:
    """The object whose memory an array looks into."""
    while isinstance(value, np.ndarray) and value.base is not None:
        value = value.base
    return value


Adopted = Mapping[Node, tuple[Tensor, Variable]]
