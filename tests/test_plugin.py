"""The pytest plugin, seen from a project that uses it: each test runs pytest on a small file of tests."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

OPS = """
import numpy as np
import pytest
import tinygraph as tg
from tinygraph import Kink

@tg.op(vjps=[lambda g, ans, x: g * 3 * x**2], kind="elementwise")
def cube(x):
    return x**3

@tg.op(vjps=[lambda g, ans, x: g * 2 * x**2], kind="elementwise")
def bad_cube(x):
    return x**3

@tg.op(vjps=[lambda g, ans, x: g * (x > 1.0)], kind="elementwise", domain=[(-1.0, 4.0)],
       kinks=[Kink("x = 1", lambda x: x - 1.0, "0")])
def hinge(x):
    return np.maximum(x, 1.0)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run tests in a new process, with this plugin alone, and any warning an error."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))

    def given(tests: str, *options: str, plugins: tuple[str, ...] = ("tinygraph.check.plugin",)):
        pytester.makepyfile(OPS + tests)
        flags = [flag for name in plugins for flag in ("-p", name)]
        return pytester.runpytest_subprocess(*flags, "-W", "error", "--strict-markers", *options)

    return given


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    (target,) = project["entry-points"]["pytest11"].values()
    assert callable(import_module(target).pytest_configure)


def test_the_fixture_passes_what_is_right_and_reports_what_is_wrong(run) -> None:
    result = run(
        """
def test_right(gradcheck):
    gradcheck(lambda w: np.tanh(w).sum(), np.array([0.5, -1.0]), order=2)

def test_wrong(gradcheck):
    gradcheck(bad_cube, np.array([0.5, -1.0]))

def test_wrong_without_the_fixture():
    tg.check.check_grads(bad_cube, np.array([0.5, -1.0]))
"""
    )
    result.assert_outcomes(passed=1, failed=2)
    said = result.stdout.str()
    assert "bad_cube(array([ 0.5, -1. ]))" in said
    assert "x0[1]: exact" in said
    assert "GradientError" in said
    assert "gradients.py" not in said  # the traceback ends at the user's line
    assert "gradcheck(bad_cube, np.array([0.5, -1.0]))" in said


def test_the_mark_gives_each_operation_and_arguments_inside_its_domain(run) -> None:
    result = run(
        """
@pytest.mark.gradcheck(ops=[cube, hinge, np.log, bad_cube, (np.tanh, (np.ones(2),))], order=2, examples=2)
def test_my_operations(op, args, gradcheck):
    if op is hinge:
        assert np.all(np.abs(args[0] - 1.0) >= 1 / 16) and np.all(args[0] > -1.0)
    gradcheck(op, *args)
""",
        "-v",
    )
    result.assert_outcomes(passed=7, failed=2)
    result.stdout.fnmatch_lines(
        ["*[[]cube-0[]] PASSED*", "*[[]hinge-1[]] PASSED*", "*[[]bad_cube-0[]] FAILED*", "*[[]tanh[]] PASSED*"]
    )


def test_a_test_that_takes_the_operation_alone_runs_once_for_each(run) -> None:
    run("""
@pytest.mark.gradcheck(ops=[cube, hinge])
def test_named(op):
    assert op.name in ("cube", "hinge")
""").assert_outcomes(passed=2)


def test_the_marks_options_are_the_fixtures_defaults_and_end_with_the_test(run) -> None:
    result = run(
        """
first_only = tg.op(lambda x: x**2, kind="elementwise", name="first_only",
                   vjps=[lambda g, ans, x: g * 2 * tg.op(lambda y: y, vjps=[lambda g, ans, y: 0.5 * g])(x)])

@pytest.mark.gradcheck(order=2)
def test_second_order_is_wrong(gradcheck):
    gradcheck(first_only, 1.5)

def test_first_order_is_right(gradcheck):
    gradcheck(first_only, 1.5)

@pytest.mark.gradcheck(order=2)
class TestAll:
    @pytest.mark.gradcheck(order=1)
    def test_the_nearest_mark_counts(self, gradcheck):
        gradcheck(first_only, 1.5)
"""
    )
    result.assert_outcomes(passed=2, failed=1)
    assert "order 2" in result.stdout.str()


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("ops=[cube], ordr=2", "gradcheck does not take ordr"),
        ("[cube]", "positional arguments"),
        ("ops=[np.gradient]", "gradient is no Op"),
        ("ops=[tg.ops.shape.concatenate]", "gradcheck: concatenate"),
    ],
)
def test_a_mark_that_makes_no_sense_is_an_error_in_a_line(run, mark: str, said: str) -> None:
    result = run(f"@pytest.mark.gradcheck({mark})\ndef test_it(op, args): pass\n")
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()


def test_a_mark_that_gives_operations_to_nobody_is_an_error(run) -> None:
    result = run("@pytest.mark.gradcheck(ops=[cube])\ndef test_it(gradcheck): pass\n")
    result.assert_outcomes(errors=1)
    assert "takes `op`" in result.stdout.str()


def test_a_test_that_leaves_a_mode_fails_and_the_next_starts_without(run) -> None:
    result = run(
        """
held = []

def enter(mode):
    held.append(mode)
    mode.__enter__()

def test_leaves_no_grad():
    enter(tg.no_grad())

def test_leaves_debug():
    enter(tg.debug())

def test_fails_of_itself():
    enter(tg.no_grad())
    assert "its own" == "failure"

def test_is_as_usual():
    assert (tg.Tensor(1.0) * 2).requires_grad

def test_uses_them_well():
    with tg.no_grad(), tg.debug():
        pass

@pytest.fixture
def quietly():
    with tg.no_grad():
        yield

def test_a_fixture_may_hold_a_mode(quietly):
    assert not (tg.Tensor(1.0) * 2).requires_grad
""",
        "-W",
        "ignore::pytest.PytestUnraisableExceptionWarning",  # of the contexts that are never left, at the end
    )
    result.assert_outcomes(passed=3, failed=3)
    said = result.stdout.str()
    assert "the test left tinygraph's no_grad switched on" in said
    assert "the test left tinygraph's debug switched on" in said
    assert "AssertionError: assert 'its own' == 'failure'" in said


def test_the_fixture_works_within_hypothesis(run) -> None:
    result = run(
        """
from hypothesis import given, settings
from tinygraph.check import strategies as tgst

@given(args=tgst.op_arguments(cube))
def test_right(gradcheck, args):
    gradcheck(cube, *args)
""",
        plugins=("tinygraph.check.plugin", "_hypothesis_pytestplugin"),
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(("name", "examples"), [("dev", 10), ("ci", 100), ("deep", 1000)])
def test_a_profile_is_loaded_when_asked_for(run, name: str, examples: int) -> None:
    tests = f"""
from hypothesis import settings

def test_profile():
    assert settings.default.max_examples == {examples}
"""
    run(tests, f"--gradcheck-profile={name}").assert_outcomes(passed=1)
    run(tests, "-o", f"gradcheck_profile={name}").assert_outcomes(passed=1)


def test_a_profile_that_does_not_exist_is_an_error(run) -> None:
    result = run("", "--gradcheck-profile=quick")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "'quick' is not one of dev, ci, deep" in result.stderr.str()


def test_without_hypothesis_all_but_the_profiles_work(run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys; sys.modules['hypothesis'] = None")
    tests = """
@pytest.mark.gradcheck(ops=[cube], order=2)
def test_it(op, args, gradcheck):
    gradcheck(op, *args)
"""
    run(tests).assert_outcomes(passed=3)
    result = run(tests, "-p", "conftest", "--gradcheck-profile=ci")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert 'pip install "tinygraph[check]"' in result.stderr.str()


def test_a_project_that_uses_nothing_of_it_sees_nothing_of_it(run) -> None:
    result = run(
        """
def test_it():
    import sys
    assert not {"hypothesis", "graphviz", "tinygraph.check.strategies"} & set(sys.modules)
"""
    )
    result.assert_outcomes(passed=1)
    header = result.stdout.str().partition("collected")[0]
    assert "gradcheck" not in header


def test_the_plugin_is_cheap_to_load() -> None:
    program = (
        "import sys, pytest, tinygraph.check\nbefore = set(sys.modules)\nimport tinygraph.check.plugin\n"
        "print(sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert loaded.stdout == "['tinygraph.check.plugin']\n"
