"""A picture says what the graph holds, however odd the names, and is written whole or not at all."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor
from tinygraph.render import Picture, layout, render
from tinygraph.render.colour import LIGHT
from tinygraph.render.layout import LayoutError, available

needs_graphviz = pytest.mark.skipif(not available(), reason="nothing to draw with is installed")


def course() -> dict[str, Tensor]:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    return locals()


def words(picture: Picture) -> list[str]:
    """All lines of text in an SVG picture, each joined from its parts."""
    root = ET.fromstring(picture.svg)
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def titles(picture: Picture) -> list[str]:
    return [t.text or "" for t in ET.fromstring(picture.svg).iter("{http://www.w3.org/2000/svg}title")]


def labels(picture: Picture) -> list[str]:
    return re.findall(r'\[label="?(.*?)"? (?:class|color)=', picture.dot)


@needs_graphviz
def test_the_courses_picture_has_every_name_value_and_derivative():
    tensors = course()
    said = words(render(tensors["J"], names=tensors))
    assert {"a = 5", "b = 3", "c = 2", "u = b × c", "6", "v = a + u", "11", "J = 3 × v", "= 33"} <= set(said)
    assert {"dJ/da = 3", "dJ/db = 6", "dJ/dc = 9", "dJ/du = 3", "dJ/dv = 3"} <= set(said)
    assert len(said) == 14


@needs_graphviz
def test_derivatives_are_red_and_nothing_else_is():
    red = "#cf2a2a"
    picture = render((t := course())["J"], names=t)
    root = ET.fromstring(picture.svg)
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        assert (text.get("fill") == red) == "".join(text.itertext()).startswith("dJ/d")
    assert picture.svg.count(f'stroke="{red}" stroke-width="1.3" stroke-dasharray') == 5


@needs_graphviz
def test_values_flow_forward_and_derivatives_back():
    tensors = course()
    svg = render(tensors["J"], names=tensors).svg
    forward = set(re.findall(r'class="edge flow" data-edge="(.*?)"', svg))
    assert forward == set(re.findall(r'class="edge gradient" data-edge="(.*?)"', svg))
    assert len(forward) == 5
    for kind, sign in (("flow", 1), ("gradient", -1)):
        for points in re.findall(rf'class="edge {kind}".*?stroke-width="1.3"[^>]* d="M(.*?)"', svg, re.DOTALL):
            x = [float(point.split(",")[0]) for point in re.split("[C ]", points)]
            assert (x[-1] - x[0]) * sign > 20, f"{kind} runs the wrong way"


@needs_graphviz
def test_the_value_stands_above_its_arrow_and_the_derivative_below():
    tensors = course()
    svg = render(tensors["J"], names=tensors).svg
    places = {}
    for y, said in re.findall(r'<text [^>]* y="(-?[\d.]+)"[^>]*>([^<]*)</text>', svg):
        places[said] = float(y)
    assert places["6"] < places["dJ/du = 3"]
    assert places["11"] < places["dJ/dv = 3"]


@needs_graphviz
def test_a_pointer_on_a_red_arrow_reads_the_chain_rule():
    tensors = course()
    said = titles(render(tensors["J"], names=tensors))
    assert "dJ/dv = 3" in said
    assert "dJ/du = dJ/dv · dv/du = 3 · 1 = 3" in said
    assert "dJ/db = dJ/du · du/db = dJ/du · c = 3 · 2 = 6" in said


def test_no_derivative_flows_back_to_data():
    x, w = Tensor(2.0, requires_grad=False), Tensor(3.0)
    dot = render(w * x, names=locals()).dot
    assert dot.count("dir=back") == 1
    assert "d(w × x)/dw = 2" not in dot
    assert "d/dw = 2" in dot
    assert "d/dx" not in dot


def test_rendering_leaves_gradients_alone():
    tensors = course()
    render(tensors["J"], names=tensors)
    assert tensors["a"].grad is None
    tensors["J"].backward()
    render(tensors["J"])
    assert tensors["b"].grad == 6.0


def test_names_come_from_the_mapping_first_and_then_from_the_tensor():
    x = Tensor(2.0, name="own")
    _hidden = x
    given = alias = x
    dot = render(x * x, names=locals()).dot
    assert given is alias
    assert "x = 2" in dot
    assert "own" not in dot
    assert "own = 2" in render(x * x, names={"_hidden": x, "number": 2.0, "text": "x"}).dot


def test_a_parameter_keeps_its_name_when_its_array_was_replaced():
    w = Tensor(2.0)
    y = 3 * w
    w.data = 1.0
    assert "w = 2" in render(y, names={"w": w}).dot


def test_bare_arrays_are_named_too_and_drawn_once():
    X, w = np.ones((4, 2)), Tensor(np.ones(2), name="w")
    loss = ((X @ w) * (X @ w)).sum()
    dot = render(loss, names=locals()).dot
    assert dot.count(r'label="X\n(4, 2) float64\nmin 1, mean 1, max 1"') == 1
    assert "dloss/dw = [16\u200316]" in dot


def test_a_value_used_twice_has_one_arrow_and_both_parts_of_its_derivative():
    x = Tensor(3.0, name="x")
    dot = render(x * x, names={}).dot
    assert dot.count("n0:e -> m0:w") == 1
    assert dot.count("n0:e") == 1
    assert "d/dx = 6" in dot
    assert "2 × x = 6" in render(x * x).text


def test_parts_of_a_derivative_stand_at_their_arrows():
    x = Tensor(2.0, name="x")
    y = x**2 + 5 * x
    dot = render(y).dot
    assert r'label=" \n \n4"' in dot
    assert r'label=" \n \n5"' in dot
    assert "d/dx = 4 + 5 = 9" in dot


def test_several_outputs_are_drawn_together_without_derivatives():
    x = Tensor(2.0, name="x")
    y, z = x + 1, x * 4
    dot = render([y, z], names=locals()).dot
    assert dot.count("class=output") == 2
    assert "dir=back" not in dot
    (y + z).backward()
    assert r"x = 2\ngradient = 5" in render([y, z], names=locals()).dot


def test_an_array_output_has_shapes_and_no_derivatives():
    x = Tensor(np.zeros((2, 5), np.float32), name="x")
    assert labels(render(tg.exp(x), names={})) == [
        r"x\n(2, 5) float32, 10 parameters\nmin 0, mean 0, max 0",
        r"exp(x)\n(2, 5) float32\nmin 1, mean 1, max 1",
    ]


def test_a_leaf_alone_and_a_constant_can_be_drawn():
    assert labels(render(Tensor(1.5, name="x"))) == ["x = 1.5"]
    assert "class=data" in render(Tensor(1.5, requires_grad=False)).dot


def test_colours_tell_data_parameters_operations_and_the_output():
    w, x = Tensor(1.0), Tensor(2.0, requires_grad=False, name="x")
    classes = re.findall(r"class=(\w+)", render(3 + w * x).dot)
    assert sorted(set(classes)) == ["data", "label", "operation", "output", "parameter"]


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (lambda x, y: (x + y) * x, "(x + y) × x"),
        (lambda x, y: x - (y - x), "x − (y − x)"),
        (lambda x, y: -x + y, "−x + y"),
        (lambda x, y: (-x) ** 2, "(−x)²"),
        (lambda x, y: x**-0.5, "x ^ (−0.5)"),
        (lambda x, y: tg.square(x + y), "(x + y)²"),
        (lambda x, y: tg.abs(x + y), "|x + y|"),
        (lambda x, y: tg.reciprocal(x), "1/x"),
        (tg.maximum, "max(x, y)"),
        (lambda x, y: x * -2.0, "x × (−2)"),
    ],
)
def test_formulas_are_written_as_by_hand(formula, text):
    x, y = Tensor(2.0, name="x"), Tensor(3.0, name="y")
    assert text in {label.split("\\n")[0] for label in labels(render(formula(x, y)))}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1 / 3, "0.3333"), (-1e-7, "−1e−07"), (-0.0, "0"), (np.nan, "nan"), (np.inf, "∞"), (123456.0, "1.235e+05")],
)
def test_numbers_have_four_digits(value, text):
    assert labels(render(Tensor(value, name="x"))) == [f"x = {text}"]


ODD = [
    '<b>&"q"</b>',
    "it's",
    "back\\slash\\N",
    "参数",
    "a\nb",
    "x" * 200,
    "{rec|ord}",
    "\ud800",
    "<>",
    "%s",
    "&lt;",
    "J</title>",
]


@needs_graphviz
@pytest.mark.parametrize("backend", available())
@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_shown_as_they_are(name, backend):
    x = Tensor(2.0, name=name)
    picture = render(tg.exp(x) * x, title=name, backend=backend)
    shown = " ".join(name.split()) if "\ud800" not in name else ""
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    said = words(picture)
    assert f"{shown} = 2" in said if shown else "2" in said
    assert any(f"exp({shown})" in title for title in titles(picture)) or len(shown) == 40 or not shown


@needs_graphviz
def test_the_same_graph_gives_the_same_text():
    first, second = (render(t["J"], names=t) for t in (course(), course()))
    assert first.dot == second.dot
    assert first.svg == second.svg


@needs_graphviz
def test_a_dark_screen_has_its_colours_and_print_has_not():
    J = course()["J"]
    assert "@media screen and (prefers-color-scheme:dark)" in render(J).svg
    assert "prefers-color-scheme" not in render(J, theme="light").svg
    assert render(J, theme="dark").svg != render(J, theme="light").svg
    with pytest.raises(ValueError, match="theme 'pink' is not one of auto, light, dark"):
        render(J, theme="pink")


@needs_graphviz
def test_files_are_written_and_notebooks_show_the_same(tmp_path):
    tensors = course()
    picture = render(tensors["J"], tmp_path / "J.svg", names=tensors)
    assert (tmp_path / "J.svg").read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    render(tensors["J"], str(tmp_path / "J.gv"), names=tensors)
    assert (tmp_path / "J.gv").read_text(encoding="utf-8") == picture.dot
    assert sorted(p.name for p in tmp_path.iterdir()) == ["J.gv", "J.svg"]


def test_an_unknown_suffix_is_refused_before_anything_is_drawn(tmp_path):
    with pytest.raises(ValueError, match=r"ends in none of \.svg, \.png, \.pdf, \.html, \.json"):
        render(course()["J"], tmp_path / "J.jpeg")
    assert not list(tmp_path.iterdir())


def test_without_graphviz_the_source_is_written_and_the_remedy_named(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "available", lambda: ())
    with pytest.raises(LayoutError, match=r'pip install "tinygraph\[draw\]".*the DOT source is in .*J\.dot'):
        render(course()["J"], tmp_path / "J.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["J.dot"]
    assert (tmp_path / "J.dot").read_text(encoding="utf-8").startswith("digraph")


@needs_graphviz
def test_what_takes_too_long_has_a_simpler_layout_that_says_so(monkeypatch):
    monkeypatch.setattr(layout, "SOON", 1)  # also WebAssembly can be ended
    tensors = course()
    slow = replace(render(tensors["J"], names=tensors), seconds=1e-3)
    assert "a simpler layout, since Graphviz found no places in 0.001 s" in slow.svg
    boxes = [*drawn_boxes(slow.svg)]
    assert len(boxes) == 6
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert all(right < a or c < left or bottom < b or d < top for a, b, c, d in boxes[:i])
    assert {"dJ/dc = 9", "dJ/du = 3"} <= set(words(slow))


def drawn_boxes(svg):
    """Left, top, right and bottom of each box."""
    for points in re.findall(r'class="node (?!label)[^>]*>.*?<path [^>]*d="([^"]*)"', svg, re.DOTALL):
        x, y = np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", points), dtype=float).T
        yield x.min(), y.min(), x.max(), y.max()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write .*J\.dot: there is no folder .*missing$"):
        render(course()["J"], tmp_path / "missing" / "J.dot")


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"cannot write .*J\.dot: there is no folder .*file$"):
        render(course()["J"], tmp_path / "file" / "J.dot")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_folder_that_forbids_writing_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"cannot write .*J\.dot"):
        render(course()["J"], tmp_path / "J.dot")


def test_tinygraph_render_draws_before_and_after_it_is_loaded():
    program = "import tinygraph as tg; x = tg.Tensor(2.0); print(tg.render(x * x) == tg.render(x * x))"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path):
    (tmp_path / "J.dot").mkdir()
    with pytest.raises(OSError, match=r"cannot write .*J\.dot"):
        render(course()["J"], tmp_path / "J.dot")
    assert [p.name for p in tmp_path.iterdir()] == ["J.dot"]


def test_writing_that_fails_half_way_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "J.dot"
    path.write_text("old", encoding="utf-8")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        render(course()["J"], path)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_too_large_a_graph_for_its_values_is_refused_at_once():
    x = Tensor(1.0)
    for _ in range(100_000):
        x = x + 1.0
    with pytest.raises(ValueError, match=r"100,001 nodes and a picture of values holds 400: view='network' folds them"):
        render(x, view="boxes")


def test_a_released_graph_says_so():
    J = course()["J"]
    J.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="retain_graph"):
        render(J)


@pytest.mark.parametrize("x", [3.0, "J", [], None, [1.0]])
def test_only_tensors_are_drawn(x):
    with pytest.raises(TypeError, match="Tensor"):
        render(x)


def test_importing_render_does_not_load_graphviz():
    program = "import sys, tinygraph.render; sys.exit('graphviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_marked_node_is_framed_in_red_and_says_why() -> None:
    x = tg.Tensor(3.0, name="x")
    y = x * x
    dot = render(y + 1.0, mark={y: "not right"}).dot
    (line,) = [line for line in dot.splitlines() if "not right" in line]
    assert f'color="{LIGHT.gradient}"' in line
    assert "penwidth=3" in line
    assert "penwidth=3" not in render(y + 1.0).dot


def test_a_compiled_function_is_drawn_as_the_function() -> None:
    def J(a: Any, b: Any) -> Any:  # noqa: N802  the course's name
        u = a * b
        return 3.0 * u

    assert render(tg.compile(J), inputs=(2.0, 5.0)).dot == render(J, inputs=(2.0, 5.0)).dot


@needs_graphviz
def test_values_flow_down_where_asked_and_derivatives_up():
    tensors = course()
    picture = render(tensors["J"], names=tensors, rankdir="TB")
    boxes = dict(zip(["a", "b", "c", "u", "v", "J"], drawn_boxes(picture.svg), strict=True))
    for x, y in ("bu", "cu", "uv", "av", "vJ"):
        assert boxes[x][3] < boxes[y][1]
    for kind, sign in (("flow", 1), ("gradient", -1)):
        ways = re.findall(rf'class="edge {kind}".*?stroke-width="1.3"[^>]* d="M(.*?)"', picture.svg, re.DOTALL)
        assert len(ways) == 5
        for points in ways:
            y = [float(point.split(",")[1]) for point in re.split("[C ]", points)]
            assert (y[-1] - y[0]) * sign > 20
    assert {"6", "11", "dJ/du = 3", "dJ/dc = 9"} <= set(words(picture))
    for text in re.findall(r'<text class="value"[^>]*>(?:6|11)<', picture.svg):
        assert 'text-anchor="end"' in text, "the value stands on the left of its arrow"


@needs_graphviz
def test_an_array_stands_between_brackets_with_its_numbers_below_each_other():
    svg = render(Tensor(np.array([[0.5, -0.25], [12.0, 1.0]]), name="W")).svg
    rows = [re.findall(r'x="([^"]*)" text-anchor="end"> ([^<]*)<', text) for text in re.findall("<text.*", svg)]
    (first, second) = filter(None, rows)
    assert [x for x, _ in first] == [x for x, _ in second]
    assert [cell for _, cell in first + second] == ["0.5", "−0.25", "12\u2008\u2007", "1\u2008\u2007\u2007"]
    assert svg.count("<polyline") == 2


@needs_graphviz
def test_in_the_view_of_the_course_arrays_are_their_shapes():
    def J(X, W):  # noqa: N802  the course's name
        Z = W @ X
        A = tg.tanh(Z)
        return tg.sum(A)

    picture = render(J, inputs=(Tensor(np.ones((3, 5)), requires_grad=False), np.ones((2, 3))), view="course")
    assert {"W", "(2, 3)", "(2, 5)", "dJ/dZ", "dJ/dA", "dJ/dW"} <= set(words(picture))
    assert "min" not in picture.dot


def test_a_wide_row_goes_down_the_page():
    a = Tensor(np.ones((3, 3)), name="A")
    short, long = a @ a, a
    for _ in range(12):
        long = np.tanh(a @ long)
    assert "rankdir=LR" in render(short).dot
    assert "rankdir=TB" in render(long, fold=False).dot
    assert "rankdir=LR" in render(long, fold=False, rankdir="LR").dot
    numbers = Tensor(0.5, name="x")
    for k in range(6):
        numbers = np.tanh(numbers)
        numbers.name = f"step_{k}"
    assert "rankdir=TB" in render(numbers).dot
    with pytest.raises(ValueError, match="rankdir 'up' is not one of LR, TB"):
        render(a, rankdir="up")


@pytest.mark.parametrize("options", [{"steps": True}, {"backward": True}, {"rankdir": "TB"}])
def test_what_a_network_has_not_is_refused(options):
    (name,) = options
    for network in ({"view": "network"}, {"heat": "flops"}):
        with pytest.raises(ValueError, match=f"{name}= is for a picture of values"):
            render(course()["J"], **network, **options)


def test_steps_are_written_as_a_page_alone(tmp_path):
    with pytest.raises(ValueError, match=r"steps= are a page, which is written as .html, not '.*J.svg'"):
        render(course()["J"], tmp_path / "J.svg", steps=True)


def test_the_nameless_have_names_in_words():
    W, b = Tensor(np.ones((2, 2))), Tensor(np.zeros(2))
    said = render(np.sum(np.tanh(W @ W + b))).text
    assert "t[3] = t[1] t[1] = [[2, 2], [2, 2]]" in said
    assert "dt₆/dt[4] = dt₆/dt[5] * (1 − (t[5])²)" in said
    assert "…" not in said
    x = Tensor(3.0, name="x")
    assert render(x * x * 2).text.startswith("x = 3\nx × x = 3 × 3 = 9\n"), "what reads well stays as it is"
