"""Random programs: functions of arrays with reuse, branches, loops and indexing, printed as the Python that is run."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any
from zlib import crc32

import numpy as np

import tinygraph
from tinygraph.check.choose import Array, Choose, array, pick, seeded, shape
from tinygraph.check.vocabulary import SMOOTH, Maker, kinked
from tinygraph.op import Op

LARGEST, LEAST, MOST = 8.0, 1e-9, 24  # numbers, but for 0, and sizes of what a step makes: less is round-off alone
_SAFE = "np.tanh({0})"
_BOUNDED = (
    "np.arctan({})"  # no tanh: where it is all but 1, digits of its derivative are lost, and differences with them
)


@dataclass(frozen=True)
class Step:
    """One variable of a program: its phrase, and the numbers of the variables that it is made of."""

    phrase: str
    uses: tuple[int, ...]

    def lines(self, names: Sequence[str], target: str) -> list[str]:
        """The step as lines of Python."""
        phrase = self.phrase if "{t}" in self.phrase else "{t} = " + self.phrase
        return phrase.format(*(names[i] for i in self.uses), t=target).split("\n")


@dataclass(frozen=True, repr=False)
class Program:
    """A function of arrays or Tensors, made of steps; `str(program)` defines it in Python.

    `args` are arrays at which its values are of moderate size; `ops` the user's operations that it may call. Variables
    are counted from the arguments on; the last one is what it returns.

    Example:
        >>> program = random_program(10)
        >>> print(program)  # doctest: +ELLIPSIS
        def program(x0...):
            ...
            return ...
        >>> bool(np.all(np.abs(program(*program.args)) < 10))
        True
    """

    args: tuple[Array, ...]
    steps: tuple[Step, ...]
    ops: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    @property
    def __name__(self) -> str:
        return "program"

    @cached_property
    def source(self) -> str:
        """The definition of the function, which needs `np`, `tg` and the user's operations by their names."""
        names = [*(f"x{i}" for i in range(len(self.args))), *(_letters(i) for i in range(len(self.steps)))]
        n = len(self.args)
        lines = [line for i, step in enumerate(self.steps) for line in step.lines(names, names[n + i])]
        body = [*lines, f"return {names[-1]}"]
        return f"def program({', '.join(names[:n])}):\n" + "".join(f"    {line}\n" for line in body)

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return _defined(self.source, self.ops)

    def __str__(self) -> str:
        return self.source.rstrip("\n")

    def __repr__(self) -> str:
        """The definition, and a call at `args`, for a failing test to show."""
        given = ", ".join(f"np.array({a.tolist()!r})" for a in self.args)
        return f"\n{self.source}\nprogram({given})\n"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would take it apart


def random_program(seed: int, *, steps: int = 8, kinks: bool = False, ops: Sequence[Op] = ()) -> Program:
    """The random program of a seed, the same in every process.

    Args:
        seed: any whole number.
        steps: the largest number of steps.
        kinks: whether it may have kinks (abs, maximum, a condition on values, ...).
        ops: operations of one's own, on one or two arrays of any size, that it is to use beside NumPy's.

    Example:
        >>> str(random_program(3)) == str(random_program(3))
        True
    """
    return build(seeded(seed), steps=steps, kinks=kinks, ops=ops)


def build(
    choose: Choose,
    *,
    steps: int = 8,
    kinks: bool = False,
    ops: Sequence[Op] = (),
    within: Callable[[Callable[[Choose], Any]], Any] | None = None,
) -> Program:
    """A program from choices. `within` runs a part of them, so that a search can leave that part out as a whole."""
    own = {op.name: op for op in ops}
    makers = (*SMOOTH, *((kinked,) * 5 if kinks else ()), *((_calls(ops),) * 4 if ops else ()))
    args = _arguments(choose)
    values: list[Any] = list(args)
    taken: list[Step] = []

    def another(choose: Choose) -> bool:
        if taken and choose(6) == 0:
            return False
        made, value = _step(choose, values, makers, own)
        taken.append(made)
        values.append(value)
        return True

    within = within or (lambda part: part(choose))
    while len(taken) < steps and within(another):
        pass
    return _pruned(args, taken, own)


def _pruned(args: Sequence[Array], steps: Sequence[Step], own: Mapping[str, Op]) -> Program:
    """The program without the steps and arguments that its result does not need."""
    n, last = len(args), len(args) + len(steps) - 1
    needed = {last}
    for i in range(last, n - 1, -1):
        if i in needed:
            needed.update(steps[i - n].uses)
    number = {old: new for new, old in enumerate(sorted(needed))}
    kept = (Step(s.phrase, tuple(number[u] for u in s.uses)) for i, s in enumerate(steps, n) if i in needed)
    return Program(tuple(x for i, x in enumerate(args) if i in needed), tuple(kept), own)


def _arguments(choose: Choose) -> tuple[Array, ...]:
    """One to three arrays, most of them of shapes that go together."""
    first = shape(choose, 0, 2)
    shapes = [first] + [pick(choose, (first, first[-1:], (), first[::-1])) for _ in range(choose(3))]
    return tuple(array(choose, of, (-2.0, 2.0)) for of in shapes)


def _step(choose: Choose, values: Sequence[Any], makers: Sequence[Maker], own: Mapping[str, Op]) -> tuple[Step, Any]:
    """A step whose value is defined and of moderate size, and that value."""
    maker = pick(choose, makers)
    uses = (_variable(choose, len(values)), _variable(choose, len(values)))
    phrase = maker(choose, [np.shape(values[i]) for i in uses]) or _SAFE
    made = [phrase, _SAFE if phrase == _SAFE or "\n" in phrase else _BOUNDED.format(phrase), _SAFE]
    for step in (Step(p, uses[: 2 if "{1}" in p else 1]) for p in made):
        value = _value(step, values, own)
        if value is not None:
            return step, value
    raise AssertionError("the hyperbolic tangent is defined everywhere")


def _variable(choose: Choose, count: int) -> int:
    """The number of a variable: the last one half the time, else any; the first is the simplest."""
    return count - 1 if choose(2) else choose(count)


def _value(step: Step, values: Sequence[Any], own: Mapping[str, Op]) -> Any:
    """What a step makes of values; None where that is not defined, or not of moderate size."""
    lines = "".join(f"    {line}\n" for line in Step(step.phrase, tuple(range(len(step.uses)))).lines(("a", "b"), "t"))
    source = f"def program(a, b=None):\n{lines}    return t\n"
    function = _defined(source, own)
    with np.errstate(all="ignore"):
        value = function(*(values[i] for i in step.uses))
    sizes = np.abs(value)
    moderate = bool(np.all((sizes <= LARGEST) & ((sizes >= LEAST) | (sizes == 0.0))))
    return value if moderate and 0 < sizes.size <= MOST and sizes.ndim <= 4 else None


def _calls(ops: Sequence[Op]) -> Maker:
    """Calls of the user's operations."""

    def call(choose: Choose, of: Sequence[Any]) -> str | None:
        op = pick(choose, ops)
        if op.arity not in (1, 2):
            raise ValueError(f"{op.name}: programs call operations on one or two arrays, not on {op.arity}")
        together = op.arity == 1 or of[0] == of[1] or () in of
        return f"{op.name}({', '.join(('{0}', '{1}')[: op.arity])})" if together else None

    return call


@lru_cache(maxsize=4096)
def _code(source: str) -> Any:
    name = f"<program {crc32(source.encode()) % 1024}>"  # of so many, so that the cache of lines stays small
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for tracebacks
    return compile(source, name, "exec")


def _defined(source: str, own: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The function that a source defines."""
    names: dict[str, Any] = {"np": np, "tg": tinygraph, **own}
    exec(_code(source), names)  # noqa: S102  what is printed is what is run, and it is made of our phrases alone
    return names["program"]  # type: ignore[no-any-return]


def _letters(i: int) -> str:
    """a, b, ..., z, a1, b1, ..."""
    return "abcdefghijklmnopqrstuvwxyz"[i % 26] + (str(i // 26) if i >= 26 else "")
