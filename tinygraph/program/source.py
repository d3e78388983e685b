"""A program as the source of one Python function, and the program of a graph that has been recorded."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygraph.graph import Node, leaf, pullback, serial
from tinygraph.mode import recording, tracing, watcher
from tinygraph.operand import one_like
from tinygraph.program.code import SPECIAL, Line, Program, attribute, call, literal, name, substitute, used
from tinygraph.program.notation import AS_THEY_ARE, text_of
from tinygraph.program.passes import applied, folded
from tinygraph.program.routines import trimmed
from tinygraph.program.tracer import Tracer
from tinygraph.program.updates import steps, updated
from tinygraph.program.variable import Variable
from tinygraph.tensor import Tensor, handle

WRITTEN_OUT = 64  # elements of an array without a name, up to which it stands in the source
TITLES = {"constants": "constants", "forward": "forward", "loss": "loss", "backward": "backward", "update": "update"}


def text(program: Program, title: str = "program") -> str:
    """The source of a program: a function of its inputs, in blocks, with shapes and lines of the user's code."""
    above = routines(program)
    program = updated(folded(program, steps(program)))
    names = final_names(program, again=True)
    before = [line for line in program.lines if line.block == "constants"]
    inside = [line for line in program.lines if line.block != "constants"]
    given = ", ".join(names[n] for n in (*program.inputs, *program.constants))
    scipy = any("scipy" in used(line.code) for line in program.lines) or "scipy." in above
    head = [
        "import numpy as np",
        *([f"import {SPECIAL}"] if scipy else []),
        "",
        *above.splitlines(),
        *([""] if not before else ["# constants", *(written(line, names) for line in before), "", ""]),
    ]
    body: list[str] = []
    block = ""
    results = [names[n] for n in program.results]
    for line, part in zip(inside, _blocks(inside, names, results), strict=True):
        if part != block:
            body += [*([""] if body else []), f"# {TITLES[part]}"]
            block = part
        body += written(line, names).splitlines()
    back = ", ".join(results) + ("," if len(results) == 1 else "")
    body += [*([""] if body else []), f"return ({back})" if results else "return ()"]
    return "\n".join([*head, f"def {title}({given}):", *("    " + row if row else "" for row in body)]) + "\n"


def written(line: Line, names: Mapping[str, str] = AS_THEY_ARE) -> str:
    """A line with what is known of it beside it."""
    code = text_of(line.code, names)
    if line.check:
        return f"{code.replace(chr(10) + '    ', ' ')}  # {line.where}"
    row = code if line.name is None else f"{names.get(line.name, line.name)} = {code}"
    if not isinstance(line.value, np.ndarray | np.generic):
        return row
    return f"{row:<60}  # {line.value.shape}  {line.where}".rstrip()


def routines(program: Program) -> str:
    """The source of the functions that a program calls."""
    return "".join(f"\n{made.text(title, _within)}\n" for title, made in program.routines.items())


def _within(program: Program) -> tuple[Program, list[str], list[str]]:
    """A program in final names, the rows of its constants, and those of all else."""
    program = named(folded(program))
    rows = [(line.block == "constants", row) for line in program.lines for row in written(line).splitlines()]
    return program, [row for fixed, row in rows if fixed], [row for fixed, row in rows if not fixed]


def _blocks(lines: list[Line], names: Mapping[str, str], results: list[str]) -> Iterator[str]:
    """The loss is what stands between the last array with a name and the backward pass."""
    back = next((i for i, line in enumerate(lines) if line.block == "backward"), None)
    ahead = list(range(len(lines) if back is None else back))
    known = [names[line.name] if line.name else "t_" for line in lines]
    named = [i for i in ahead if not known[i].startswith("t_") and known[i] not in (*results[:1], "loss")]
    first = (named[-1] if named else len(ahead) - 2) + 1
    for i, line in enumerate(lines):
        yield "loss" if back is not None and first <= i < back and line.block == "forward" else line.block


def final_names(program: Program, also: Iterable[str] = (), again: bool = False) -> dict[str, str]:
    """The user's names for variables where there are any, and t_1, t_2, ... for the others.

    Each is there once. With `again`, what updates one parameter after another takes the names of what is over by then.
    """
    free: dict[str, int] = {}  # names that may be used again, and after which line
    lines_of = {line.name: i for i, line in enumerate(program.lines) if line.name and line.block == "update" and again}
    over = _last_uses(program) if lines_of else {}
    taken = {"np", "scipy", *also, *program.routines, *dir(builtins), *keyword.kwlist}
    final: dict[str, str] = {}
    own = [*program.inputs, *program.constants, *(line.name for line in program.lines if line.name)]
    for variable in own:
        label = program.labels.get(variable)
        wish = (identifier(label) if label else "") or ("" if variable.startswith("v") else variable)
        given, n = wish or f"t_{len(final) + 1}", 1
        while given in taken and not free.get(given, len(program.lines)) <= lines_of.get(variable, -1):
            n += 1
            given = f"{wish or 't'}_{n}"
        taken.add(given)
        final[variable] = given
        if wish and variable in lines_of:
            free[given] = over[variable]
    return final


def named(program: Program, also: Iterable[str] = ()) -> Program:
    """The program in its final names."""
    final = final_names(program, also)
    by = {old: name(new) for old, new in final.items()}
    lines = [line._replace(name=final.get(line.name or ""), code=substitute(line.code, by)) for line in program.lines]
    return program.with_lines(
        lines,
        unstable=frozenset(final.get(n, n) for n in program.unstable),
        inputs={final[k]: v for k, v in program.inputs.items()},
        constants={final[k]: v for k, v in program.constants.items()},
        results=tuple(final[r] for r in program.results),
        writes={final[target]: final[value] for target, value in program.writes.items()},
    )


def _last_uses(program: Program) -> dict[str, int]:
    """The line in which each variable is read last; beyond them all for what is returned."""
    last = {n: i for i, line in enumerate(program.lines) for n in used(line.code)}
    return {line.name: last.get(line.name, i) for i, line in enumerate(program.lines) if line.name} | dict.fromkeys(
        program.results, len(program.lines)
    )


def identifier(label: str) -> str:
    """A name that Python takes: `W[1]` as W1, `0.weight` as p0_weight."""
    if not label.isidentifier():
        label = re.sub(r"\W+", "_", re.sub(r"\[(\d+)\]", r"\1", label))
    label = label.strip("_")
    return f"p{label}" if label[:1].isdigit() else label


def compiled(program: Program, title: str = "program") -> tuple[Callable[..., Any], str]:
    """The function that the source of a program defines, and that source."""
    source = text(program, title)
    space: dict[str, Any] = {}
    exec(compile(source, f"<{title}>", "exec"), space)  # noqa: S102  what is printed is what is run
    return space[title], source


# --- a graph that is there already


def source(loss: Tensor, names: Mapping[str, Any] | None = None) -> str:
    """The NumPy code of a graph and of its derivatives: a function of its leaves, which returns the loss and them.

    It stands in three blocks, forward, loss and backward, in your names; it needs NumPy alone, and run on the same
    arrays it gives what `backward` gives, to the last bit. The derivative of what is called Z is called dZ.

    Args:
        loss: a scalar that has been computed of Tensors.
        names: {name: Tensor or array}, as `locals()`; Tensors with a name need none.

    Returns:
        Python source. The function `program` takes the leaves of the graph, and arrays in it, and returns the tuple of
        the loss and the derivative of each leaf that requires one. Arrays without a name are written out if they are
        small, and are called k0, k1, ... else.

    Raises:
        ValueError: no scalar, or one that requires no gradient.

    Example:
        >>> import tinygraph as tg
        >>> w, x = tg.Tensor(2.0, name="w"), tg.Tensor(3.0, name="x")
        >>> u = w * x
        >>> print(source(np.sin(u), {"u": u}))
        import numpy as np
        <BLANKLINE>
        <BLANKLINE>
        def program(w, x):
            # forward
            u = w * x                                                     # ()
        <BLANKLINE>
            # loss
            loss = np.sin(u)                                              # ()
        <BLANKLINE>
            # backward
            du = np.cos(u)                                                # ()
            dx = (du * w)[...]                                            # ()
            dw = (du * x)[...]                                            # ()
        <BLANKLINE>
            return (loss, dw, dx)
        <BLANKLINE>
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"source: a Tensor is needed, not a {type(loss).__name__}; of a function, compile(f).source")
    if loss.size != 1 or not loss.requires_grad:
        raise ValueError(
            f"source: a scalar that requires a gradient is needed, got shape {loss.shape}, requires_grad="
            f"{loss.requires_grad}; reduce it with .sum() or .mean()"
        )
    return text(trimmed(applied(of_graph(loss, names or {}))))


def of_graph(loss: Tensor, names: Mapping[str, Any]) -> Program:
    """The program of a graph: its operations done again, on variables, and differentiated."""
    tracer = Tracer()
    known = dict(_labels(names.items()))
    made: dict[Node, Tensor] = {}
    arrays: dict[int, Any] = {}

    def argument(x: Node | None, a: Any) -> Any:
        if x is not None:
            return made[x]
        if not isinstance(a, np.ndarray) or id(a) not in known:
            return a
        if id(a) not in arrays:
            arrays[id(a)] = tracer.input(a, known.get(id(a)))
        return arrays[id(a)]

    nodes = _ancestors(loss._node)
    with tracing(tracer), recording():
        for node in nodes:
            tracer.place = node.tag.where.rpartition("/")[2] if node.tag is not None and node.tag.where else ""
            if node.op is None:
                variable = tracer.input(node.value, known.get(node))
                made[node] = handle(leaf(variable, node.requires_grad))
            else:
                args = [argument(x, a) for x, a in zip(node.inputs or (), node.args or (), strict=True)]
                made[node] = _first_tensor(args)._record(node.op, args, node.params)
            if type(made[node]._data) is Variable:
                tracer.met[node] = made[node], made[node]._data  # for loops that close over it
            label = known.get(node) or (node.tag.name if node.tag is not None else None)
            if label:
                tracer.label(made[node], identifier(label))
        root, tracer.place = made[loss._node], ""
        leaves = [made[n]._node for n in nodes if n.op is None and n.requires_grad]
        if not isinstance(root._data, Variable):
            raise TypeError(
                "source: an operation of this graph turns arrays into plain ones, which no program can follow"
            )
        found = pullback(root._node, one_like(root._node.value), leaves, watch=watcher())
    tracer.name_gradients()
    return _written_out(tracer.program([root._data.name, *(found[x].name for x in leaves)]))


def _written_out(program: Program) -> Program:
    """Small arrays without a name as part of the source."""
    small = {n: a for n, a in program.constants.items() if isinstance(a, np.ndarray) and a.size <= WRITTEN_OUT}
    rest = {n: a for n, a in program.constants.items() if n not in small}
    lines = [Line(n, _array(a), a, "", "constants") for n, a in small.items()]
    return program.with_lines([*lines, *program.lines], constants=rest)


def _array(a: np.ndarray[Any, Any]) -> ast.expr:
    dtype = literal(a.dtype, name)
    if not a.size:
        return call(attribute(name("np"), "zeros"), [literal(a.shape, name), dtype], {})
    return call(attribute(name("np"), "array"), [literal(a.tolist(), name), dtype], {})


def _first_tensor(args: Iterable[Any]) -> Tensor:
    return next(a for a in args if isinstance(a, Tensor))


def _ancestors(root: Node) -> list[Node]:
    """All nodes behind a node, in the order of recording."""
    seen, stack = {root}, [root]
    while stack:
        node = stack.pop()
        if node.inputs is None:
            raise RuntimeError("source: backward has released this graph's arrays (retain_graph=False)")
        fresh = [x for x in node.inputs if x is not None and x not in seen]
        seen.update(fresh)
        stack += fresh
    return sorted(seen, key=serial)


def _labels(items: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, str]]:
    """Names by node and by identity of arrays; of what stands in a list or a dict as well."""
    for label, value in items:
        if isinstance(value, Tensor):
            yield value._node, str(label)
        elif isinstance(value, np.ndarray):
            yield id(value), str(label)
        elif isinstance(value, dict):
            yield from _labels(value.items())
        elif isinstance(value, list | tuple):
            yield from _labels((f"{label}{i}", v) for i, v in enumerate(value))
