"""The command line: what it prints, draws and says, and its exit codes."""

import os
import subprocess
import sys

import pytest

from tinygraph.cli import main
from tinygraph.render import layout
from tinygraph.render.layout import available

COURSE = ["graph", "u = b*c; v = a + u; J = 3*v", "a=5", "b=3", "c=2"]
needs_graphviz = pytest.mark.skipif(not available(), reason="nothing to draw with is installed")


def table(text):
    """The rows by their labels: value, exact, two-sided, difference and perhaps a verdict."""
    rows = [line.split("  ") for line in text.splitlines()]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows if len(row) > 1}


def test_the_course_is_printed_with_exact_and_two_sided_derivatives(capsys):
    assert main(COURSE) == 0
    out, err = capsys.readouterr()
    assert out.startswith("J = 33\n")
    rows = table(out)
    expected = {"a": "5 3", "b": "3 6", "c": "2 9", "u = b*c": "6 3", "v = a + u": "11 3", "J = 3*v": "33 1"}
    for label, numbers in expected.items():
        value, exact = numbers.split()
        assert rows[label][:3] == [value, exact, exact]
        assert float(rows[label][3]) < 1e-9
    assert not err


def test_an_expression_without_names_shows_each_part(capsys):
    assert main(["graph", "3*(a + b*c)", "a=5", "b=3", "c=2"]) == 0
    assert list(table(capsys.readouterr().out)) == ["", "a", "b", "c", "b*c", "a + b*c", "3*(a + b*c)"]


@needs_graphviz
def test_the_picture_has_the_formulas_names(tmp_path, capsys):
    assert main([*COURSE, "-o", str(tmp_path / "J.svg")]) == 0
    drawn = (tmp_path / "J.svg").read_text(encoding="utf-8")
    for said in ("dJ/du = 3", "dJ/dv = 3", "dJ/da = 3", "dJ/db = 6", "dJ/dc = 9", "= 11", "= 33"):
        assert said in drawn


def test_the_result_of_an_expression_is_called_j_in_the_picture(tmp_path):
    assert main(["graph", "3*(a + b*c)", "a=5", "b=3", "c=2", "-o", str(tmp_path / "J.dot")]) == 0
    assert "dJ/d(b × c) = 3" in (tmp_path / "J.dot").read_text(encoding="utf-8")


def test_arrays_are_shown_whole_or_by_shape(capsys):
    assert main(["graph", "sum((W @ x)**2)", "W=[[1,2],[3,4]]", "x=[1,-1]"]) == 0
    assert table(capsys.readouterr().out)["x"][:2] == ["[1, -1]", "[-8, -12]"]
    assert main(["graph", "sum(x*2)", "x=[1,2,3,4,5,6,7]"]) == 0
    assert "(7,) ‖·‖ 5.292" in capsys.readouterr().out


def test_an_array_result_is_summed_and_says_so(capsys):
    assert main(["graph", "x*2", "x=[1,2]"]) == 0
    assert "derivatives are those of the sum" in capsys.readouterr().out


def test_a_kink_is_named_and_no_failure(capsys):
    assert main(["graph", "abs(x)", "x=0"]) == 0
    out = capsys.readouterr().out
    assert table(out)["x"][-1] == "kink"
    assert "note: kink: the slopes from the left" in out


def test_what_is_not_finite_is_shown_with_a_note(capsys):
    assert main(["graph", "log(x)*y", "x=-1", "y=2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("J = nan\n")
    assert "note: log(x) is not finite" in out
    assert not err
    assert main(["graph", "10**10**10*a", "a=2"]) == 0
    assert capsys.readouterr().out.startswith("J = inf\n")


def test_a_wrong_rule_is_found_and_fails_the_command(capsys, monkeypatch):
    import tinygraph as tg

    monkeypatch.setattr(tg.sin, "vjps", [lambda g, ans, x: g])
    assert main(["graph", "sin(x)", "x=1"]) == 1
    out = capsys.readouterr().out
    assert table(out)["x"][-1] == "wrong"
    assert "outside the two-sided one's error bound" in out


def test_a_formula_of_constants_has_a_value_alone(capsys):
    assert main(["graph", "2*pi"]) == 0
    assert capsys.readouterr().out == "J = 6.283185307\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["3*sine(a)", "a=1"], "unknown function sine, did you mean sin?\n  3*sine(a)\n    ^\n"),
        (["3*(a + b", "a=1", "b=1"], "never closed\n  3*(a + b\n    ^\n"),
        (["a + b", "a=1"], "b has no value, add one: b=1\n  a + b\n      ^\n"),
        (["a", "a=1", "d=2"], "d is given, but the formula does not ask for it"),
        (["a", "a=1", "a=2"], "a is given twice"),
        (["a", "5"], "'5' is no value: write NAME=VALUE"),
        (["a", "2a=5"], "'2a=5' is no value"),
        (["a", "a="], "there is no formula"),
        (["a", "a=b"], "the value of a must be a number or a list"),
        (["a", "a=[1,[2]]"], "a list that is no array of numbers"),
        (["x @ y", "x=[1,2]", "y=[1,2,3]"], "matmul of shape (2,), shape (3,)"),
        (["a*2", "a=1", "-o", "J.jpg"], "'J.jpg' ends in none of .svg, .png"),
        (["2*3", "-o", "J.svg"], "nothing to draw"),
        (["__import__('os').system('true')"], "a dot is not allowed"),
        ([], "required"),
    ],
)
def test_bad_use_is_explained_with_exit_code_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["graph", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_written_is_exit_code_1(tmp_path, capsys):
    assert main([*COURSE, "-o", str(tmp_path / "no" / "J.dot")]) == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "there is no folder" in err
    assert not out


def test_without_graphviz_the_source_is_written_and_exit_code_1(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(layout, "available", lambda: ())
    assert main([*COURSE, "-o", str(tmp_path / "J.svg")]) == 1
    assert "the DOT source is in" in capsys.readouterr().err
    assert (tmp_path / "J.dot").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["graph", "--help"], ["--version"]])
def test_help_and_version_are_no_failure(arguments, capsys):
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "--version" in arguments or "examples:" in out


def test_a_command_is_required(capsys):
    assert main([]) == 2
    assert "COMMAND" in capsys.readouterr().err


def run(*arguments, **environment):
    command = [sys.executable, "-m", "tinygraph", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


def test_as_a_module_it_prints_no_control_characters_and_its_exit_code():
    done = run("graph", "参数*2", "参数=4")
    assert done.returncode == 0
    assert not done.stderr
    assert all(c.isprintable() or c == "\n" for c in done.stdout.decode())
    assert run("graph", "x +").returncode == 2


def test_a_terminal_without_the_signs_gets_others():
    done = run("graph", "sum(x)", "x=[1,2,3,4,5,6,7]", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"(7,) ??? 11.83" in done.stdout


def test_a_reader_that_closes_early_is_no_error():
    program = f"{sys.executable} -m tinygraph graph 'sum(x)' 'x=[1,2]' | true"
    done = subprocess.run(["sh", "-c", program], capture_output=True, check=False)
    assert not done.stderr
