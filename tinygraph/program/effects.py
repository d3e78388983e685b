"""What a call does beside returning: gradients that land on Tensors, parameters and states that it moves on.

While a function is recorded all of this happens as it always does, in the arrays themselves. It is written down as
well: what the program reads afresh before each run, which inputs it writes to, and what is stored after it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tinygraph.graph import Node, Tag, differentiable
from tinygraph.program import code
from tinygraph.program.buffers import shared
from tinygraph.program.draws import Draws, state_of
from tinygraph.program.places import Asked, Entry, Gradient, Place, Store
from tinygraph.program.variable import Variable, value_of


class Effects:
    """The effects of one call, as its tracer has them happen."""

    def __init__(self, tracer: Any) -> None:
        self.tracer = tracer
        self.reads: dict[str, Place] = {}  # how the inputs are had that are neither arguments nor Tensors
        self.stores: list[Store] = []
        self.writes: dict[str, Variable] = {}  # inputs, and parts of inputs, that have been written to: as they are now
        self.before: dict[str, Any] = {}  # these inputs as they were
        self.final: dict[str, str] = {}  # the variables that they hold in the end
        self.stale: dict[str, list[Any]] = {}  # other variables in their memory, and what of it was written to
        self.drawn: list[tuple[Any, Any]] = []  # generators, and the states that they were in
        self.functions: list[Callable[..., Any]] = []  # that the program calls
        self.unchanged: list[Callable[[], bool]] = []  # what must hold in the end, for the next call to begin so
        self.begun: dict[Tag, bool] = {}  # whether there was a gradient, where the call depends on it
        self.dropped: list[Tag] = []  # whose gradients are forgotten before anything else
        self.roots: set[Node] = set()  # what has been differentiated
        self.cut: set[Node] = set()  # arguments that have a graph behind them
        self.arguments: dict[Tag, int] = {}
        self._writable: dict[str, str] = {}  # variables, and the inputs or parts of inputs that they began as
        self._asked: list[Any] = []
        self._numbers: dict[tuple[int, str], tuple[dict[str, Any], Any]] = {}
        self._places: dict[tuple[int, str], Variable] = {}
        self._grads: dict[Tag, Any] = {}
        self._older: dict[Tag, None] = {}  # in order

    @property
    def none(self) -> bool:
        """Whether nothing has happened so far."""
        return not any((self.stores, self.writes, self.drawn, self.begun, self._grads, self._numbers, self.functions))

    # --- what is read afresh

    def read(self, place: Place, value: Any, label: str) -> Any:
        """A number, or an array, that is had from its place in each run, and has a value in this one."""
        made = self.tracer.input(value, label)
        self.reads[made.name] = place
        self.may_write(made)
        return made

    def number(self, get: Callable[[], Any], label: str, fixed: bool = True) -> Any:
        """A number that is `get()` in each run; a fixed one the function itself may not change."""
        value = get()
        if fixed:
            self.unchanged.append(lambda: bool(get() == value))
        return self.read(Asked(get), value, label)

    def called(self, function: Callable[..., Any], *args: Any) -> Any:
        """float(function(...)) of the program's own numbers: it is called in each run."""
        of = self.tracer.capture(function)
        self.functions.append(function)
        self.tracer.labels.setdefault(of.id, getattr(function, "__name__", "function"))
        value = float(function(*value_of(args)))
        inner = code.call(of, [*map(self.tracer.expression, args)], {})
        return self.tracer.record(code.call(code.name("float"), [inner], {}), value)

    def state(self, holder: dict[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
        """A dict of numbers and arrays, and of such dicts, with variables in their places; `keep` puts them back."""
        found: dict[str, Any] = {}
        for key in holder if names is None else names:
            value = holder[key]
            if isinstance(value, dict):
                found[key] = self.state(value)
                continue
            place = id(holder), key
            if place not in self._places:
                self._places[place] = self.read(Entry(holder, key), value, key)
            found[key] = self._places[place]
        return found

    def keep(self, holder: dict[str, Any], state: Mapping[str, Any]) -> None:
        for key, value in state.items():
            if isinstance(value, dict):
                self.keep(holder[key], value)
                continue
            place = self._places[id(holder), key]
            if value is place:
                continue
            if isinstance(place.value, np.ndarray):
                self.tracer.assign(place, ..., value)
                continue
            holder[key], self._places[id(holder), key] = value_of(value), value
            self._numbers[id(holder), key] = holder, value

    # --- what is written to

    def takes(self, tensor: Any, i: int, data: Variable, graph: bool) -> None:
        """A Tensor among the arguments, the i-th of their arrays; with a graph behind it, or none."""
        self.may_write(data)
        if tensor._node.tag is not None:
            self.arguments[tensor._node.tag] = i
        if graph:
            self.cut.add(tensor._node)

    def may_write(self, x: Variable) -> None:
        self._writable[x.name] = x.name

    def writes_to(self, x: Variable) -> bool:
        """Take note that an input, or a part of one, is written to, if it may be: no other array shares its memory."""
        root = self._root(x)
        if root is None or not isinstance(x.value, np.ndarray) or not x.value.flags.writeable:
            return False
        known = {**self.tracer.inputs, **self.tracer.constants}
        if shared(x.value, (a for other, a in known.items() if other != root)):
            return False
        target = self._writable.setdefault(x.name, x.name)
        if shared(x.value, (y.value for other, y in self.writes.items() if other != target)):
            return False
        if root not in self.before:
            self.before[root] = known[root].copy(order="K")
        self.writes[target] = x
        for view in self.tracer.beside(x):
            if view is not x and shared(x.value, (view.value,)):
                self.stale.setdefault(view.name, []).append(x.value)
        return True

    def _root(self, x: Variable) -> str | None:
        """The input that a variable is, or is some rows of."""
        name = self._writable.get(x.name)
        if name in self.tracer.inputs:
            return name
        made = next((line.code for line in reversed(self.tracer.lines) if line.name == (name or x.name)), None)
        if not (isinstance(made, ast.Subscript) and isinstance(made.value, ast.Name)):
            return None
        root = self._writable.get(made.value.id, "")
        return root if root in self.tracer.inputs and shared(x.value, (self.tracer.inputs[root],)) else None

    def moved(self, x: Variable, name: str) -> None:
        """What has been written to has a new name."""
        self._writable[name] = self._writable[x.name]
        x.name = name

    def origin(self, x: Variable) -> str:
        """The name that a variable began as, if it has been written to."""
        return self._writable.get(x.name, x.name)

    def is_stale(self, x: Variable, part: Any = None) -> bool:
        """Whether the memory of a variable, or of a part of it, has been written to since, under another name."""
        stale = self.stale.get(x.name)
        return stale is not None and (part is None or shared(part, stale))

    # --- what is stored

    def once(self, thing: Any) -> bool:
        """Whether this is asked of a thing for the first time."""
        first = not any(thing is other for other in self._asked)
        self._asked.append(thing)
        return first

    def again(self, action: Callable[[], None]) -> None:
        """Do this after each run; in the call that is recorded it has been done."""
        self.stores.append(Store(Asked(action)))

    def _store(self, place: Place, value: Any) -> None:
        self.stores.append(Store(place, value.name) if type(value) is Variable else Store(place, value=value))

    # --- gradients

    def differentiates(self, root: Node, create_graph: bool) -> None:
        """`backward` begins."""
        if create_graph:
            self.tracer.notice("is differentiated with create_graph; use tinygraph.grad", "a Tensor")
        for node in differentiable([root]):
            if node in self.cut or (node.op is not None and node.serial <= self.tracer.oldest):
                self.tracer.notice("is differentiated through a graph that is older than the call", "a Tensor")
                return
        self.roots.add(root)

    def delivers(self, found: Mapping[Node, Any]) -> None:
        """`backward` has found these gradients."""
        for node, g in found.items():
            tag: Any = node.tag
            have = self.gradient(node) if self.tracer.open else tag.grad
            new = g if have is None else have + g
            if self.tracer.open:
                self.set_gradient(node, new)
            else:
                tag.grad = value_of(new)
        self.tracer.backward_ends()

    def gradient(self, node: Node) -> Any:
        """The gradient of a Tensor as it is now."""
        tag = node.tag
        if tag is None:
            return None
        if tag in self._grads:
            return self._grads[tag]
        now = tag.grad
        if node.serial <= self.tracer.oldest or tag in self.arguments:
            self.begun[tag] = now is not None
            self._older[tag] = None
            if now is not None and not isinstance(now, np.ndarray):
                self.tracer.notice("has a gradient that is a Tensor", "a Tensor")
            elif now is not None:
                place = Gradient(self.arguments.get(tag, tag))
                now = self.read(place, now, f"d{tag.name}" if tag.name else "")
        self._grads[tag] = now
        return now

    def set_gradient(self, node: Node, value: Any) -> None:
        if node.serial <= self.tracer.oldest or node.tag in self.arguments:
            self._older[node.tag] = None  # type: ignore[index]
            if value is None and not self.tracer.lines and node.tag not in (*self.begun, *self.arguments):
                self.dropped.append(node.tag)  # type: ignore[arg-type]
        self._grads[node.tag] = value  # type: ignore[index]
        node.tag.grad = value_of(value)  # type: ignore[union-attr]

    # --- random numbers

    def draws(self, generator: Any) -> Any:
        """A generator whose draws are part of the program."""
        if not any(g is generator for g, _ in self.drawn):
            self.drawn.append((generator, state_of(generator)))
        return Draws(self.tracer, generator)

    # --- the end

    def begun_with(self) -> tuple[tuple[Tag | int, bool], ...]:
        return tuple((self.arguments.get(tag, tag), there) for tag, there in self.begun.items())

    def settle(self) -> None:
        """Let the Tensors have the gradients that they have by now: recording has ended."""
        for tag, value in self._grads.items():
            tag.grad = value_of(value)

    def finish(self) -> None:
        """Write down the gradients that are left, and let go of everything that is a variable."""
        self.settle()
        if not all(same() for same in self.unchanged):
            self.tracer.notice("is changed by the function", "a hyper-parameter")
        for tag in self._older:
            value = self._grads[tag]
            if type(value) is Variable and value.name in self.reads:
                continue  # the same array as before
            if value is not None and type(value) is not Variable:
                value = self.tracer.record(code.call(code.attribute(self.tracer.capture(value), "copy"), [], {}), value)
            self._store(Gradient(self.arguments.get(tag, tag)), value)
        for (_, key), (holder, value) in self._numbers.items():
            self._store(Entry(holder, key), value)
        self.final = {name: x.name for name, x in self.writes.items()}
        for variables in (self._numbers, self._grads, self._places, self.writes, self.roots, self.cut):
            variables.clear()


def grad_in(tag: Tag | int, arrays: list[Any]) -> Any:
    """The gradient in a tag, or in the Tensor that is the i-th array of a call."""
    return tag.grad if isinstance(tag, Tag) else arrays[tag]._tag().grad
