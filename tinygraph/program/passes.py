"""Passes: functions from program to program, each of which leaves every result the same to the last bit."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.program.code import Line, Pass, Program, attribute, call, literal, name, substitute, used
from tinygraph.program.notation import text_of

LONGEST = 88  # characters of an expression that others are written into


def dead_code(program: Program) -> Program:
    """Leave out what no result needs."""
    needed, kept = set(program.wanted), []
    generators = program.generators
    for line in reversed(program.lines):
        writes = line.name is None and not line.check
        draws = generators and not generators.isdisjoint(used(line.code))
        if line.name in needed or line.check or draws or (writes and needed & program.unstable):
            kept.append(line)
            needed.update(used(line.code))
    return program.with_lines(kept[::-1])


def _movable(line: Line, program: Program) -> bool:
    """Whether an expression has the same value wherever it stands."""
    unstable = program.unstable
    return line.name is not None and (
        not unstable or (line.name not in unstable and unstable.isdisjoint(used(line.code)))
    )


def _renamed(program: Program, lines: Sequence[Line], same: Mapping[str, ast.Name]) -> Program:
    if not same:
        return program.with_lines(lines)
    final = {old: new.id for old, new in same.items()}
    labels = dict(program.labels)
    for old, new in final.items():
        if old in labels:
            labels.setdefault(new, labels[old])
    results = tuple(final.get(r, r) for r in program.results)
    writes = {final.get(target, target): final.get(value, value) for target, value in program.writes.items()}
    return program.with_lines(lines, labels=labels, results=results, writes=writes)


def common_subexpressions(program: Program) -> Program:
    """Compute once what is written twice; copies stay, for each has an owner of its own."""
    seen: dict[Any, str] = {}
    same: dict[str, ast.Name] = {}
    wanted = set(program.wanted)
    lines, checks = [], set()
    for line in program.lines:
        code = substitute(line.code, same)
        written = text_of(code)
        if line.check:
            if written not in checks:
                lines.append(line.of(code))
            checks.add(written)
            continue
        if _movable(line, program) and not _copies(code):
            if written in seen and line.name is not None and line.name not in wanted:
                same[line.name] = name(seen[written])
                continue
            seen.setdefault(written, line.name or "")
        lines.append(line.of(code))
    return _renamed(program, lines, same)


def _copies(code: ast.AST) -> bool:
    return isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr == "copy"


def constants(program: Program) -> Program:
    """Compute what depends on nothing that is given before the function, once."""
    known: set[str] = {"np", "scipy", "slice", "range", "bool", "int", "float", "complex", "abs"}
    numbers: dict[str, ast.expr] = {}
    wanted = set(program.wanted)
    lines = []
    for line in program.lines:
        code = substitute(line.code, numbers)
        fixed = known.issuperset(used(code)) and line.name not in wanted and _movable(line, program)
        if fixed and line.name is not None:
            known.add(line.name)
            if isinstance(line.value, np.floating):
                numbers[line.name] = literal(line.value, _no_capture)
                continue
            line = line._replace(code=_uniform(line.value) or code, block="constants")
        lines.append(line if fixed else line.of(code))
    return program.with_lines(sorted(lines, key=lambda line: line.block != "constants"))


def _uniform(value: Any) -> ast.expr | None:
    """np.full(shape, s), where all elements are the number s."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or not value.size or not value.flags.c_contiguous:
        return None
    first = value.flat[0]
    if not ((value == first) & (np.signbit(value) == np.signbit(first))).all():
        return None
    return call(attribute(name("np"), "full"), [literal(value.shape, _no_capture), literal(first, _no_capture)], {})


def _no_capture(value: Any) -> ast.expr:
    raise TypeError(f"{value!r} is no number")


def plain_numbers(program: Program) -> Program:
    """NumPy's numbers beside arrays of their dtype as Python's, and a number in place of an array full of it."""
    values = {**program.inputs, **program.constants, **{line.name: line.value for line in program.lines if line.name}}
    full: dict[str, ast.expr] = {}
    for line in program.lines:
        number = _spread(line.code, full)
        if line.name and number is not None and _movable(line, program) and _number(number):
            full[line.name] = number
    lines = []
    for line in program.lines:
        code = line.code
        if isinstance(code, ast.BinOp) and isinstance(code.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
            left, right = (
                _plain(a, b, line.value, values, full) for a, b in ((code.left, code.right), (code.right, code.left))
            )
            right = right if left is code.left else code.right
            if left is not code.left or right is not code.right:
                code = ast.BinOp(left, code.op, right)
        lines.append(line.of(code))
    return program.with_lines(lines)


def _plain(x: ast.expr, other: ast.expr, value: Any, values: dict[str, Any], full: dict[str, ast.expr]) -> ast.expr:
    """One operand of a sum or product, as a plain number where that changes nothing."""
    if isinstance(x, ast.Name) and x.id not in full:
        return x
    beside = values.get(other.id) if isinstance(other, ast.Name) and other.id not in full else None
    if isinstance(x, ast.Name) and _equal_to(beside, value):
        x = full[x.id]
    number = _number(x)
    if number is None or beside is None or getattr(beside, "dtype", None) != number.dtype:
        return x
    return literal(float(number), _no_capture)


def _spread(code: ast.AST, full: dict[str, ast.expr]) -> ast.expr | None:
    """The number s in np.full(shape, s), or in an array that is broadcast from such a one."""
    if not (isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute)):
        return None
    if code.func.attr == "full":
        return code.args[1]
    source = code.args[0] if code.func.attr == "broadcast_to" and code.args else None
    return full.get(source.id) if isinstance(source, ast.Name) else None


def _number(code: ast.AST | None) -> Any:
    """The value of np.float64(s), None of anything else."""
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr.startswith("float"):
        of = code.args[0]
        return None if any(True for _ in used(of)) else getattr(np, code.func.attr)(ast.literal_eval(of))
    return None


def exact_algebra(program: Program) -> Program:
    """x * 1, x / 1, the transpose of a transpose, a shape that is there already: x itself."""
    values = {**program.inputs, **program.constants}
    codes: dict[str, ast.AST] = {}
    same: dict[str, ast.Name] = {}
    lines = []
    for line in program.lines:
        code = substitute(line.code, same)
        code = _axis_from_front(code, values)
        code = _kept_dimensions(code, codes, values, line.value) if _movable(line, program) else code
        other = _plainly(code, codes) if _movable(line, program) else None
        if other and line.name and other not in program.unstable and _equal_to(values.get(other), line.value):
            same[line.name] = name(other)
            continue
        if line.name:
            values[line.name], codes[line.name] = line.value, code
        lines.append(line.of(code))
    return _renamed(program, lines, same)


def _equal_to(x: Any, y: Any) -> bool:
    """Whether they are alike in all but their numbers; numbers in memory lie in the same order."""
    alike = type(x) is type(y) and np.shape(x) == np.shape(y) and getattr(x, "dtype", None) == getattr(y, "dtype", None)
    return alike and getattr(x, "strides", None) == getattr(y, "strides", None)


def _plainly(code: ast.AST, codes: dict[str, ast.AST]) -> str | None:
    """The variable that an expression is no other than."""
    if isinstance(code, ast.BinOp) and isinstance(code.op, ast.Mult | ast.Div | ast.Pow):
        if isinstance(code.left, ast.Name) and _is_one(code.right):
            return code.left.id
        if isinstance(code.op, ast.Mult) and _is_one(code.left) and isinstance(code.right, ast.Name):
            return code.right.id
    if isinstance(code, ast.Attribute) and code.attr == "T" and isinstance(code.value, ast.Name):
        inner = codes.get(code.value.id)
        if isinstance(inner, ast.Attribute) and inner.attr == "T" and isinstance(inner.value, ast.Name):
            return inner.value.id
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr == "reshape":
        return code.func.value.id if isinstance(code.func.value, ast.Name) else None
    return None


def _axis_from_front(code: Any, values: dict[str, Any]) -> Any:
    """x.max(axis=-1) of a matrix as x.max(axis=1), so that both are one expression."""
    if not (
        isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and isinstance(code.func.value, ast.Name)
    ):
        return code
    x = values.get(code.func.value.id)
    if code.func.attr not in ("sum", "max", "min", "mean", "prod") or not isinstance(x, np.ndarray):
        return code
    keywords = {str(k.arg): k.value for k in code.keywords}
    axis = keywords.get("axis")
    if not (isinstance(axis, ast.UnaryOp) and isinstance(axis.operand, ast.Constant) and isinstance(axis.op, ast.USub)):
        return code
    keywords["axis"] = ast.Constant(x.ndim - int(axis.operand.value))  # type: ignore[arg-type]
    return call(code.func, code.args, keywords)


def _kept_dimensions(code: Any, codes: dict[str, ast.AST], values: dict[str, Any], value: Any) -> Any:
    """x.sum(axis=(1,)).reshape((n, 1)) as x.sum(axis=1, keepdims=True)."""
    if not (isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr == "reshape"):
        return code
    inner: Any = codes.get(code.func.value.id) if isinstance(code.func.value, ast.Name) else None
    if not (isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "sum"):
        return code
    given: dict[str | None, ast.expr] = {k.arg: k.value for k in inner.keywords}
    x = values.get(inner.func.value.id) if isinstance(inner.func.value, ast.Name) else None
    if set(given) != {"axis"} or inner.args or not isinstance(x, np.ndarray) or any(True for _ in used(given["axis"])):
        return code
    axis = ast.literal_eval(given["axis"])
    axes = axis if isinstance(axis, tuple) else (axis,)
    if np.shape(value) != tuple(1 if i in axes else n for i, n in enumerate(x.shape)):
        return code
    one = ast.Constant(axes[0]) if len(axes) == 1 else given["axis"]
    return call(attribute(inner.func.value, "sum"), [], {"axis": one, "keepdims": ast.Constant(True)})


def _is_one(code: ast.AST) -> bool:
    return isinstance(code, ast.Constant) and type(code.value) in (int, float) and code.value == 1


def copies(program: Program) -> Program:
    """No copy of an array that is nobody else's: the last use of what the program itself has made."""
    values = {line.name: line.value for line in program.lines if line.name}
    others = [*program.inputs.values(), *program.constants.values(), *(values.get(r) for r in program.wanted)]
    taken = set(program.wanted)
    same: dict[str, ast.Name] = {}
    lines = []
    for line in program.lines:
        code = substitute(line.code, same)
        source = _copied(code)
        mine = source in values and source not in taken and not _seen_by(values[source], others)
        if source and mine and _movable(line, program) and line.name and _equal_to(values[source], line.value):
            taken.add(source)
            others.append(values[source])
            same[line.name] = name(source)
            continue
        lines.append(line.of(code))
    return _renamed(program, lines, same)


def _copied(code: ast.AST) -> str | None:
    if _copies(code) and isinstance(code.func.value, ast.Name):  # type: ignore[attr-defined]
        return str(code.func.value.id)  # type: ignore[attr-defined]
    return None


def _seen_by(value: Any, others: Sequence[Any]) -> bool:
    return any(np.may_share_memory(other, value) for other in others if isinstance(other, np.ndarray))


EXACT: tuple[Pass, ...] = (
    constants,
    exact_algebra,
    plain_numbers,
    common_subexpressions,
    copies,
    exact_algebra,
    dead_code,
)


def folded(program: Program, kept: Container[str] = ()) -> Program:
    """Expressions that are used once, and have no name of the user's, written where they are used.

    What is `kept` stays a line of its own.
    """
    count = Counter(n for line in program.lines for n in used(line.code))
    count.update(program.wanted)
    named = {*program.labels, *program.wanted}
    by: dict[str, ast.expr] = {}
    lines = []
    for line in program.lines:
        code = substitute(line.code, by)
        once = line.name is not None and count[line.name] == 1 and line.name not in named and line.name not in kept
        once = once and line.block != "constants" and _movable(line, program)
        if once and isinstance(code, ast.expr) and len(text_of(code)) <= LONGEST // 2:
            by[line.name or ""] = code
            continue
        lines.append(line.of(code))
    return program.with_lines(lines)


def applied(program: Program, passes: Sequence[Pass] = EXACT) -> Program:
    """A program after some passes, one after another."""
    for change in passes:
        program = change(program)
    return program
