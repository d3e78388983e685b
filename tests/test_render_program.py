"""Compiled programs drawn: their lines, and what has become of those that were recorded."""

import json

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.render import diff, render
from tinygraph.render.layout import available


def cost(X, W, b, Y):
    A = np.tanh(X @ W + b)
    return np.mean((A - Y) ** 2)


@pytest.fixture
def compiled():
    made = tg.compile(tg.value_and_grad(cost, argnums=(1, 2)))
    made(np.ones((4, 3)), np.full((3, 2), 0.5), np.zeros(2), np.ones((4, 2)))
    return made


def test_a_program_is_drawn_line_by_line(compiled):
    picture = render(compiled, view="program")
    drawn = [line.split(" (")[0] for line in picture.text.splitlines()]
    assert {"X", "W", "b", "Y", "t_5 = X @ W", "t_6 = t_5 + b", "A = np.tanh(t_6)"} <= set(drawn)
    nodes = {node["name"]: node for node in picture.data["nodes"]}
    assert [name for name, node in nodes.items() if node["kind"] == "output"] == ["loss", "db", "dW"]
    assert nodes["dW"]["shape"] == [3, 2]
    reads = {(e["from"], e["to"]) for e in picture.data["edges"]}
    assert (nodes["X"]["id"], nodes["t_5"]["id"]) in reads
    assert len(nodes) == len(compiled._last().program.lines) + 4


def test_the_difference_says_what_the_passes_have_left_out_and_why(compiled):
    picture = diff(compiled.f, compiled)
    recorded, program = compiled._last().recorded, compiled._last().program
    first, *lines = picture.text.splitlines()
    assert first == f"{len(recorded.lines)} operations were recorded, {len(program.lines)} are left"
    gone = [line for line in lines if line.startswith("− ")]
    assert len(gone) == len(recorded.lines) - len(program.lines) > 0
    assert any(line.startswith("− ") and "** 1" in line and line.endswith("changes nothing") for line in lines)
    changed = [line for line in lines if line.startswith("≠ ")]
    assert any(" was " in line for line in changed)
    assert len(gone) + len(changed) == len(lines), "what stayed as it was is not told"
    marked = {node["change"] for node in picture.data["nodes"]}
    assert marked == {None, "removed", "changed"}


def test_what_is_written_twice_is_removed_once_and_its_reader_changed():
    twice = tg.compile(lambda x: np.sin(x) + np.sin(x))
    said = diff(twice, twice, inputs=(2.0,)).text.splitlines()
    assert said[0] == "3 operations were recorded, 2 are left"
    assert said[1].startswith("− t_3 = np.sin(x) written twice")
    assert said[2].startswith("≠ t_4 = t_2 + t_2 was t_2 + t_3")


def test_what_has_been_called_is_drawn_without_inputs(compiled):
    assert render(compiled).text == render(compiled, view="program").text
    fresh = tg.compile(lambda x: np.sin(x) * 2.0)
    with pytest.raises(TypeError, match="inputs="):
        render(fresh)
    graph = render(fresh, inputs=(2.0,)).text
    fresh(np.array(2.0))
    assert "np.sin(x)" in render(fresh).text
    assert render(fresh, inputs=(2.0,)).text == graph, "with inputs it is the graph of values"


@pytest.mark.skipif(not available(), reason="nothing to draw with is installed")
def test_programs_are_written_as_files(compiled, tmp_path):
    diff(compiled.f, compiled, tmp_path / "diff.svg", theme="dark")
    render(compiled, tmp_path / "program.json", view="program")
    assert "need not be copied" in (tmp_path / "diff.svg").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "program.json").read_text(encoding="utf-8"))["nodes"]


def test_what_is_no_program_is_refused(compiled):
    with pytest.raises(ValueError, match=r"view='program' draws what tinygraph.compile made, not a function"):
        render(cost, view="program")
    with pytest.raises(ValueError, match="cost has no program yet: call it first"):
        render(tg.compile(cost), view="program")
    with pytest.raises(ValueError, match=r"the program has \d+ lines and a picture holds 3; raise max_nodes"):
        render(compiled, view="program", max_nodes=3)


def test_two_functions_are_compared_though_one_is_compiled():
    assert diff(lambda x: 3 * x, tg.compile(lambda x: 4 * x), inputs=(2.0,)).text.splitlines()[0].endswith("1 changed")


def test_a_program_without_lines_says_why_there_is_nothing_to_draw():
    compiled = tg.compile(lambda a, b: a * b)
    compiled(2.0, 3.0)
    with pytest.raises(ValueError, match="no lines: it was recorded on plain numbers; give arrays"):
        render(compiled)
