"""`tinygraph check`: the gradient of a function in a module, verified with two-sided differences of its values."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygraph.check import Report, compare_grads, compare_pair
from tinygraph.check.gradients import MODES
from tinygraph.check.pairs import named
from tinygraph.cli.errors import CommandError, FormulaError, UsageError
from tinygraph.cli.formula import CONSTANTS, Formula
from tinygraph.cli.progress import say

DESCRIPTION = """Verify the gradient of a function: tinygraph's own, of a function that is written in NumPy, or with
--gradient somebody else's, which may be any other function. Two-sided differences tell; each comes with an error bound,
so that a verdict is right, wrong or inconclusive, and there is no tolerance to choose."""
EXAMPLES = """examples:
  tinygraph check mymodel:loss w=[0.5,-1,2]
  tinygraph check mymodel.py:loss "w=random(64,10)" "x=random(20,64)" labels=[1,0,3] --constant x labels --directions 3
  tinygraph check mymodel:cost w=2 --gradient mymodel:dcost
  tinygraph check mymodel:energy "x=positive(3)" --order 2

A value is a number, a list, or an array of a shape: random(3,4) is standard normal, positive(3,4) lies between 0.5 and
1.5; --seed chooses them. Arguments of the function that have a default may be left out.
Exit codes: 0 right; 1 wrong, nothing verified, or the function fails; 2 a bad name or value."""
_SHAPE = re.compile(r"(random|positive)\(\s*(\d+(?:\s*,\s*\d+)*)?\s*,?\s*\)")


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="verify the gradient of a function in a module",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("function", metavar="MODULE:FUNCTION", help="such as mymodel:loss, or a file, mymodel.py:loss")
    parser.add_argument("values", nargs="*", metavar="NAME=VALUE", help="the arguments: w=[1,2,3], x=random(3,4)")
    parser.add_argument("--gradient", metavar="MODULE:FUNCTION", help="the gradient to verify, of the same arguments")
    parser.add_argument("--constant", nargs="+", action="extend", default=[], metavar="NAME",
                        help="arguments without a gradient; whole numbers stay so")  # fmt: skip
    parser.add_argument("--order", type=int, choices=(1, 2), default=1, help="up to which order (default: 1)")
    parser.add_argument("--mode", choices=MODES, help="how tinygraph's own is taken (default: both)")
    parser.add_argument("--directions", type=_positive, metavar="N", help="along N random directions, not each element")
    parser.add_argument("--seed", type=_natural, default=0, metavar="N", help="of everything random (default: 0)")
    parser.set_defaults(run=run)


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Do what the command line asks; 1 if a gradient is wrong, or none could be verified.

    Raises:
        CommandError: a function that is not there, or fails; a value that is no good.
    """
    f = _found(args.function)
    gradient = None if args.gradient is None else _found(args.gradient)
    if gradient is not None and (args.order == 2 or args.mode):
        raise UsageError("--order 2 and --mode are about tinygraph's own gradient, not about the one of --gradient")
    values = _values(args.values, args.seed)
    _fitting(args.function, f, values, args.constant)
    free = {name: value for name, value in values.items() if name not in args.constant}
    if not free:
        raise UsageError("nothing to differentiate by: give an argument, such as x=[1,2,3], that is not --constant")
    ok = True
    for report in _reports(args, f, gradient, values, free):
        say(str(named(report, list(free))))
        ok = ok and report.ok
    return int(not ok)


def _reports(
    args: argparse.Namespace,
    f: Callable[..., Any],
    gradient: Callable[..., Any] | None,
    values: dict[str, Any],
    free: dict[str, Any],
) -> list[Report]:
    """One report for each order and mode."""

    def closed(g: Callable[..., Any]) -> Callable[..., Any]:
        order = _by_position(g, values)

        def of_free(*xs: Any) -> Any:
            named = {**values, **dict(zip(free, xs, strict=True))}
            first = [named.pop(name) for name in order]
            return g(*first, **named)

        return of_free

    common = {"directions": args.directions, "seed": args.seed}
    try:
        if gradient is not None:
            return [compare_pair(closed(f), closed(gradient), *free.values(), **common)]
        modes = [args.mode] if args.mode else MODES
        return [
            compare_grads(closed(f), *free.values(), order=order, mode=mode, **common)
            for order in range(1, args.order + 1)
            for mode in modes
        ]
    except Exception as error:  # somebody's function may fail in any way
        text = " ".join(str(error).split())
        raise CommandError(f"{args.function} cannot be checked: {type(error).__name__}: {text}") from error


def _found(written: str) -> Callable[..., Any]:
    """The function that MODULE:FUNCTION names, imported as `python -m` would from this folder."""
    module_name, colon, name = written.rpartition(":")
    if not colon or not module_name or not name:
        raise UsageError(f"{written!r} is no function: write MODULE:FUNCTION, such as mymodel:loss")
    found = _imported(module_name)
    for part in name.split("."):
        if not hasattr(found, part):
            here = [n for n, v in vars(found).items() if inspect.isroutine(v) and not n.startswith("_")]
            have = f"; it has {', '.join(sorted(here)[:12])}" if here else ""
            raise UsageError(f"{module_name} has no {part}{have}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(f"{written} is {type(found).__name__}, not a function")
    return found  # type: ignore[no-any-return]


def _imported(name: str) -> Any:
    """A module by its name, or by its file."""
    path = Path(name)
    try:
        if name.endswith(".py"):
            if not path.is_file():
                raise UsageError(f"there is no file {name}")
            _search(path.resolve().parent)
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
            sys.modules.setdefault(path.stem, module)
            spec.loader.exec_module(module)  # type: ignore[union-attr]
            return module
        _search(Path.cwd())
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise UsageError(f"there is no module {name} here, nor among those installed") from None
        raise UsageError(f"{name} cannot be imported: it needs {error.name}, which is not installed") from None
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # somebody's module may fail in any way
        text = " ".join(str(error).split())
        raise UsageError(f"{name} cannot be imported: {type(error).__name__}: {text}") from error


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _values(given: Sequence[str], seed: int) -> dict[str, Any]:
    """The arguments by name."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for text in given:
        name, equals, written = (part.strip() for part in text.partition("="))
        if not equals or not name.isidentifier():
            raise UsageError(f"{text!r} is no value: write NAME=VALUE, such as x=[1,2,3] or x=random(3,4)")
        if name in values:
            raise UsageError(f"{name} is given twice")
        values[name] = _value(name, written, rng)
    return values


def _value(name: str, written: str, rng: np.random.Generator) -> Any:
    """A number, a list of numbers, or random numbers of a shape."""
    shaped = _SHAPE.fullmatch(written)
    if shaped:
        shape = tuple(int(n) for n in (shaped[2] or "").split(",") if n.strip())
        return rng.normal(size=shape) if shaped[1] == "random" else rng.uniform(0.5, 1.5, shape)
    if written.startswith("("):
        raise UsageError(f"{name}={written}: write {name}=random{written} for that shape, brackets [] for numbers")
    value = Formula(written)
    if value.output is not None or any(n not in CONSTANTS for n in value.inputs):
        raise FormulaError(f"the value of {name} must be a number, a list or random(3,4)", written, 0)
    numbers = np.asarray(value.evaluate({}).value)
    return numbers if re.search(r"[.a-zA-Z/]", written) else numbers.astype(np.int64)


def _fitting(written: str, f: Callable[..., Any], values: dict[str, Any], constant: Sequence[str]) -> None:
    """Refuse what the function does not take; floats for all but the constants."""
    for name in constant:
        if name not in values:
            raise UsageError(f"--constant {name}: no value is given for it")
    for name, value in values.items():
        if name not in constant:
            values[name] = np.asarray(value, dtype=np.float64)
        elif not np.ndim(value):
            values[name] = value.item()
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # a function written in C may hide its arguments
        return
    parameters = signature.parameters.values()
    takes = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in values:
            if name not in takes:
                raise UsageError(f"{written} takes {', '.join(takes) or 'no arguments by name'}; there is no {name}")
    missing = [p.name for p in parameters if p.name in takes and p.default is p.empty and p.name not in values]
    if missing:
        example = " ".join(f"{name}=random(3)" for name in missing)
        raise UsageError(f"{missing[0]} has no value, add one: {example}")


def _by_position(f: Callable[..., Any], values: dict[str, Any]) -> list[str]:
    """The arguments that a function, of NumPy for example, takes by position alone."""
    if isinstance(f, np.ufunc):
        return list(values)
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return list(values)
    return [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY and p.name in values]
