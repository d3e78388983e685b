"""`python -m benchmarks.checkers`: the same correct functions and the same faults through four gradient checkers.

Each checks a function whose reverse rule is given: an op of tinygraph, a torch.autograd.Function, a jax.custom_vjp, a
primitive of autograd. Reverse mode and first order; all else is at its default. What is not installed is left out.
"""

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.checkers_cases import CASES, Case, faults

PASSES, WRONG, UNSURE = "passes", "wrong", "cannot tell"


class Outcome(NamedTuple):
    """What a checker says of one case, and what it took."""

    said: str
    evaluations: int
    seconds: float


class Counted:
    """A function that counts its calls."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.f(*args)


def tinygraph(case: Case, f: Counted, directions: int | None = None) -> str:
    import tinygraph as tg
    from tinygraph.check import compare_grads

    def one(i: int) -> Callable[..., Any]:
        return lambda g, ans, *xs: case.rule(np, g, *xs)[i]

    op = tg.op(lambda *xs: f(np, *xs), vjps=[one(i) for i in range(len(case.xs))], name="function")
    report = compare_grads(op, *case.xs, directions=directions)
    return PASSES if report.ok else WRONG if report.wrong or any(c.problem for c in report.comparisons) else UNSURE


def tinygraph_along_two_directions(case: Case, f: Counted) -> str:
    return tinygraph(case, f, directions=2)


def torch(case: Case, f: Counted) -> str:
    import torch
    from torch.autograd.gradcheck import gradcheck

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return torch.as_tensor(f(np, *(x.detach().numpy() for x in xs)))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            found = case.rule(np, g.numpy(), *(x.detach().numpy() for x in ctx.saved_tensors))
            return tuple(torch.as_tensor(np.array(d)) for d in found)

    inputs = [torch.tensor(x, requires_grad=True) for x in case.xs]
    return PASSES if gradcheck(Function.apply, inputs, raise_exception=False) else WRONG


def jax(case: Case, f: Counted) -> str:
    import jax
    from jax.test_util import check_grads

    function = jax.custom_vjp(lambda *xs: f(jax.numpy, *xs))
    function.defvjp(lambda *xs: (f(jax.numpy, *xs), xs), lambda xs, g: case.rule(jax.numpy, g, *xs))
    check_grads(function, tuple(jax.numpy.asarray(x) for x in case.xs), order=1, modes=("rev",))
    return PASSES


def jax_in_float64(case: Case, f: Counted) -> str:
    import jax

    with jax.enable_x64(True):
        return _jax(case, f)


_jax = jax


def autograd(case: Case, f: Counted) -> str:
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def one(i: int) -> Callable[..., Any]:
        return lambda ans, *xs: lambda g: case.rule(anp, g, *xs)[i]

    function = primitive(lambda *xs: f(np, *xs))
    defvjp(function, *(one(i) for i in range(len(case.xs))))
    check_grads(lambda xs: function(*xs), modes=["rev"], order=1)(case.xs)  # it looks at one argument only
    return PASSES


CHECKERS = {
    "tinygraph.check": ("tinygraph", tinygraph),
    "the same, along two directions": ("tinygraph", tinygraph_along_two_directions),
    "torch.autograd.gradcheck": ("torch", torch),
    "jax.test_util.check_grads": ("jax", jax),
    "JAX's, in float64": ("jax", jax_in_float64),
    "autograd.test_util.check_grads": ("autograd", autograd),
}


def checked(check: Callable[[Case, Counted], str], case: Case) -> Outcome:
    """One case; an exception of any kind is a way to say that it is wrong."""
    np.random.seed(0)  # noqa: NPY002 - JAX's and autograd's checkers draw from it
    f = Counted(case.f)
    start = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            said = check(case, f)
        except ImportError:
            raise
        except Exception:  # noqa: BLE001 - an assertion, a refusal of a shape or a dtype
            said = WRONG
    return Outcome(said, f.calls, time.perf_counter() - start)


def study(names: Iterable[str]) -> dict[str, tuple[list[Outcome], list[Outcome]]]:
    """What each checker says of the correct functions, and of the faults."""
    found = {}
    for name in names:
        package, check = CHECKERS[name]
        try:
            __import__(package)
        except ImportError:
            print(f"{name}: {package} is not installed", file=sys.stderr)
            continue
        found[name] = [checked(check, case) for case in CASES], [checked(check, case) for case in faults()]
    return found


def table(found: dict[str, tuple[list[Outcome], list[Outcome]]]) -> str:
    """The study as a table in Markdown; what one correct function costs is the median."""
    lines = [
        f"| checker | faults found, of {len(faults())} | and the right rule passed | let pass | cannot tell "
        f"| correct functions passed, of {len(CASES)} | called wrong | cannot tell | evaluations | ms |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (correct, faulty) in found.items():
        right, wrong = (Counter(outcome.said for outcome in outcomes) for outcomes in (correct, faulty))
        cost = np.median([o.evaluations for o in correct]), 1e3 * np.median([o.seconds for o in correct])
        passed = {id(case.xs) for case, outcome in zip(CASES, correct, strict=True) if outcome.said == PASSES}
        apart = sum(o.said == WRONG and id(case.xs) in passed for case, o in zip(faults(), faulty, strict=True))
        cells = wrong[WRONG], apart, wrong[PASSES], wrong[UNSURE], right[PASSES], right[WRONG], right[UNSURE]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} | {cost[0]:.0f} | {cost[1]:.1f} |")
    return "\n".join(lines)


def details(found: dict[str, tuple[list[Outcome], list[Outcome]]]) -> str:
    """Each checker's mistakes by name."""
    lines = []
    for name, (correct, faulty) in found.items():
        pairs = [*zip(CASES, correct, strict=True)], [*zip(faults(), faulty, strict=True)]
        told = {
            "calls wrong": [case.name for case, o in pairs[0] if o.said == WRONG],
            "cannot tell of": [case.name for case, o in pairs[0] + pairs[1] if o.said == UNSURE],
            "lets pass": [case.name for case, o in pairs[1] if o.said == PASSES],
        }
        lines += [f"{name} {what}: {'; '.join(which)}" for what, which in told.items() if which]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[*CHECKERS], metavar="CHECKER", default=[*CHECKERS])
    found = study(parser.parse_args(argv).only)
    print(table(found))
    print()
    print(details(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
