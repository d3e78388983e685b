"""The pytest plugin: the fixture `gradcheck`, the mark `gradcheck`, profiles, and no mode of recording left behind.

It is registered with pytest wherever tinygraph is installed, and does nothing for tests that ask for nothing::

    @pytest.mark.gradcheck(ops=[cube, hinge], order=2)
    def test_my_operations(op, args, gradcheck):
        gradcheck(op, *args)

    def test_my_loss(gradcheck):
        gradcheck(lambda w: np.tanh(w).sum(), np.array([0.5, -1.0]), order=2)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import pytest

MARK = (
    "gradcheck(ops=(), examples=3, **options): give the test each operation as `op` and arguments inside its domain "
    "as `args`; options (order, modes, directions, power, seed) are defaults of the fixture gradcheck"
)
_OWN = ("ops", "examples")
_OPTIONS = ("order", "modes", "directions", "power", "seed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The profile, on the command line or in the configuration."""
    help_ = "Hypothesis looks for as long as this profile of tinygraph's says: dev, ci or deep"
    parser.getgroup("tinygraph").addoption("--gradcheck-profile", metavar="NAME", help=help_)
    parser.addini("gradcheck_profile", help_)


def pytest_configure(config: pytest.Config) -> None:
    """Tell the mark; load a profile if one is asked for."""
    config.addinivalue_line("markers", MARK)
    name = config.getoption("--gradcheck-profile") or config.getini("gradcheck_profile")
    if not name:
        return
    from tinygraph.check import profiles

    try:
        profiles.load(name)
    except ImportError:
        raise pytest.UsageError('--gradcheck-profile needs Hypothesis: pip install "tinygraph[check]"') from None
    except ValueError as error:
        raise pytest.UsageError(f"--gradcheck-profile: {error}") from None


class Gradcheck:
    """What the fixture `gradcheck` gives: `tinygraph.check.check_grads`, with the options of the test's mark."""

    def __init__(self) -> None:
        self.options: Mapping[str, Any] = {}

    def __call__(self, f: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Fail the test if the derivatives of f at args, up to `order`, are not what its values say.

        Raises:
            GradientError: with the report: which argument, which element, exact and numeric derivative.
        """
        __tracebackhide__ = True
        from tinygraph.check import GradientError, check_grads

        try:
            check_grads(f, *args, **{**self.options, **options})
        except GradientError as error:
            name = getattr(f, "__name__", type(f).__name__)
            error.args = (f"{name}({', '.join(map(_shown, args))})\n{error}",)
            raise error.with_traceback(None) from None


_GRADCHECK = pytest.StashKey[Gradcheck]()


@pytest.fixture(scope="session")
def gradcheck(request: pytest.FixtureRequest) -> Gradcheck:
    """Check gradients: `gradcheck(f, *args, order=1)` is `tinygraph.check.check_grads`; also within `@given`."""
    return _checker(request.config)


def _checker(config: pytest.Config) -> Gradcheck:
    return config.stash.setdefault(_GRADCHECK, Gradcheck())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a marked test each operation, and arguments for it."""
    marks = list(metafunc.definition.iter_markers("gradcheck"))
    for mark in marks:
        _understood(mark)
    given = _merged(marks)
    if not given.get("ops"):
        return
    names = [name for name in ("op", "args") if name in metafunc.fixturenames]
    if not names:
        pytest.fail("a test marked gradcheck(ops=...) takes `op`, and `args` if it wants them", pytrace=False)
    examples = int(given.get("examples", 3)) if "args" in names else 1
    made = [case for entry in given["ops"] for case in _cases(entry, examples, "args" in names)]
    values = [[{"op": op, "args": args}[name] for name in names] for _, op, args in made]
    metafunc.parametrize(names, values, ids=[label for label, _, _ in made])


def _understood(mark: pytest.Mark) -> None:
    """A misspelt option must not pass as no option."""
    unknown = sorted(set(mark.kwargs) - {*_OWN, *_OPTIONS})
    if mark.args or unknown:
        what = ", ".join(unknown) or "positional arguments"
        pytest.fail(f"gradcheck does not take {what}; it takes {', '.join((*_OWN, *_OPTIONS))}", pytrace=False)


def _merged(marks: Sequence[pytest.Mark]) -> dict[str, Any]:
    """The options of all marks of a test, those nearest to it first."""
    merged: dict[str, Any] = {}
    for mark in marks:
        merged = {**mark.kwargs, **merged}
    return merged


def _cases(entry: Any, examples: int, wanted: bool) -> list[tuple[str, Any, Any]]:
    """Name, operation and arguments; an entry is an Op, or NumPy's function, or any other and its arguments."""
    if isinstance(entry, tuple):
        f, args = entry
        return [(getattr(f, "__name__", type(f).__name__), f, tuple(args))]
    name = getattr(entry, "__name__", type(entry).__name__)
    if not wanted:
        return [(name, entry, ())]
    from tinygraph.check.choose import seeded
    from tinygraph.check.operands import arguments, known

    try:
        op = known(entry)
    except TypeError as error:
        pytest.fail(f"gradcheck: {error}; give ({name}, arguments)", pytrace=False)
    made = []
    for seed in range(examples):
        try:
            args = arguments(seeded(seed), op, {})
        except ValueError as error:
            pytest.fail(f"gradcheck: {error}", pytrace=False)
        if args is None:
            pytest.fail(
                f"gradcheck: no arguments of {name} away from its kinks; give ({name}, arguments)", pytrace=False
            )
        made.append((f"{name}-{seed}", entry, args))
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Options of the mark for the fixture; a test that leaves a mode switched on fails, and the next starts without."""
    from tinygraph.mode import MODE

    options = _merged(list(item.iter_markers("gradcheck")))
    checker = _checker(item.config)
    checker.options = {name: value for name, value in options.items() if name in _OPTIONS}
    before = MODE.get()
    try:
        result = yield
    finally:
        checker.options = {}
        after = MODE.get()
        if after is not before:
            MODE.set(before)
    if after is not before:
        pytest.fail(_left(before, after), pytrace=False)
    return result


def _left(before: Any, after: Any) -> str:
    """Which modes a test has changed, and what to do."""
    if after is None:
        return "the test ended a mode of tinygraph's that it did not begin; leave each block where you entered it"
    left = [name for name, on in (("no_grad", not after.recording), ("debug", after.debugging)) if on]
    return (
        f"the test left tinygraph's {' and '.join(left) or 'recording'} switched on, which would change the tests "
        f"after it; use `with tinygraph.{(left or ['no_grad'])[0]}():`, or leave the context in a fixture's teardown"
    )


def _shown(arg: Any) -> str:
    """An argument in the first line of a failure."""
    shape = getattr(arg, "shape", None)
    if shape is None or getattr(arg, "size", 99) <= 4:
        return " ".join(repr(arg).split())[:80]
    return f"array of shape {tuple(shape)}"
