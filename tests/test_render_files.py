"""What is drawn, and what it is written as: functions, files of every ending, and bad input."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor, nn
from tinygraph.render import Picture, diff, export, render
from tinygraph.render.layout import available
from tinygraph.render.text import ems

SVG = "{http://www.w3.org/2000/svg}"
needs_graphviz = pytest.mark.skipif(not available(), reason="nothing to draw with is installed")


def J(a, b, c):  # noqa: N802  the course's name
    u = b * c
    v = a + u
    return 3 * v


def course(**options):
    return render(J, inputs=(5.0, 3.0, 2.0), **options)


def test_a_function_is_drawn_with_the_names_that_it_uses_itself():
    text = course().text
    assert "u = b × c = 3 × 2 = 6" in text
    assert "dJ/dc = dJ/du · du/dc = dJ/du · b = 3 · 3 = 9" in text


def test_complex_inputs_have_derivatives():
    text = render(lambda c: np.abs(c * c), inputs=(1 + 2j,)).text
    assert "c = (1+2j)" in text
    assert render(lambda z: np.sum(np.abs(z)), inputs=(np.array([3 + 4j]),)).text.endswith("= [(0.6−0.8j)]")


def test_inputs_by_name_and_nested():
    def f(params, x):
        return (params["W"] @ x + params["b"]).sum()

    picture = render(f, inputs={"params": {"W": np.eye(2), "b": np.zeros(2)}, "x": np.ones(2)})
    assert "f = Σ(W x + b) = 2" in picture.text

    def deep(layers, p):
        for layer in layers:
            p = np.tanh(layer["W"] @ p)
        return p.sum() + layers[0]["end"]["b"]

    layers = [{"W": np.eye(2), "end": {"b": 1.0}}]
    said = render(deep, inputs={"layers": layers, "p": np.ones(2)}).text
    assert "p = tanh(layers[0].W @ " in said
    assert "deep = Σ(p) + layers[0].end.b = " in said
    W, around = Tensor(np.eye(2)), [1, None]
    around[1] = {"itself": around, "W": W}
    assert "around[1].W @ around[1].W" in render(W @ W, names={"around": around}).text


def test_a_tensor_without_gradient_is_data_and_its_arithmetic_is_shown():
    y = Tensor(1.0, requires_grad=False)
    picture = render(lambda a, y: y * a + (1 - y), inputs=(0.5, y))
    assert "y × a + (1 − y)" in picture.dot
    assert "/dy" not in picture.text
    assert y._node.inputs == ()


def test_the_callers_tensors_are_left_alone():
    w = Tensor(2.0)
    render(lambda w: w * w, inputs=(w,))
    assert w.grad is None
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        render(lambda w: 1 / 0, inputs=(w,))
    assert sys.getprofile() is before


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: render(np.ones(3)), TypeError, "not a ndarray, which records nothing: make a Tensor of it"),
        (lambda: render([]), TypeError, "no Tensor to draw"),
        (lambda: render(J, inputs=(1.0,)), TypeError, "inputs= do not fit J: missing a required argument: 'b'"),
        (lambda: render(J, inputs=2.0), TypeError, r"write inputs=\(x,\)"),
        (lambda: render(lambda x: 3.0, inputs=(1.0,)), TypeError, "returned no Tensor, but a float"),
        (lambda: render(Tensor(1.0), inputs=(1.0,)), TypeError, "arguments of a function"),
        (lambda: course(view="pretty"), ValueError, "view 'pretty' is not one of auto, course, boxes"),
        (lambda: course(theme="pink"), ValueError, "theme 'pink'"),
        (
            lambda: render(Tensor(np.ones(2)) * 2, backward=True),
            ValueError,
            "a number that something learned is behind",
        ),
    ],
)
def test_bad_input_is_named(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_names_in_a_list_are_an_error_that_says_what_names_are():
    x = Tensor(2.0)
    with pytest.raises(TypeError, match=r"names= maps names to Tensors, as names=locals\(\) does, and is a list"):
        render(3 * x, names=["x"])
    with pytest.raises(TypeError, match="names= maps names to Tensors"):
        render(J, inputs=(5.0, 3.0, 2.0), names=["a"])


@needs_graphviz
@pytest.mark.parametrize("ending", export.ENDINGS)
def test_every_ending_is_written_and_twice_the_same(ending, tmp_path):
    if ending in (".png", ".pdf"):
        pytest.importorskip("vl_convert")
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    course(path=first)
    course(path=second)
    starts = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<svg", ".html": b"<!DOCTYPE html>", ".json": b"{"}
    content = first.read_bytes()
    assert content.startswith(starts.get(ending, b"digraph"))
    if ending != ".pdf":  # which names the moment of its making
        assert content == second.read_bytes()


@needs_graphviz
def test_in_png_small_digits_do_not_change_the_font_of_their_line(monkeypatch):
    converter = pytest.importorskip("vl_convert", reason="vl_convert is not installed")
    seen = []
    monkeypatch.setattr(converter, "svg_to_png", lambda svg, scale: seen.append(svg) or b"")
    x = tg.Tensor(2.0, name="x1")
    picture = render(x * x)
    assert "x₁" in picture.svg
    export._converted(picture.svg, ".png", "auto")
    drawn = re.sub("<(title|desc)>.*?</", "", seen[0], flags=re.DOTALL)
    assert "₁" not in drawn
    assert '<tspan dy="2.3" font-size="9.4">1</tspan>' in drawn


@needs_graphviz
@pytest.mark.parametrize("name", ["y_hat", "x_hat", "theta_hat", "权重", "नाम"])
def test_png_has_all_letters_of_a_formula_that_ends_in_one_with_a_sign_above(name, monkeypatch):
    converter = pytest.importorskip("vl_convert", reason="vl_convert is not installed")
    seen, convert = [], converter.svg_to_png
    monkeypatch.setattr(converter, "svg_to_png", lambda svg, scale: seen.append(svg) or convert(svg, scale=scale))
    a, b = Tensor(2.0, name="a"), Tensor(3.0, name=name)
    loss = a * b
    picture = render(loss * 2, names={"J": loss})
    assert export._converted(picture.svg, ".png", "auto")[:4] == b"\x89PNG"
    texts = re.findall("<text .*?</text>", seen[0], re.DOTALL)
    assert not [text for text in texts if re.search("[\u0300-\u036f]", text)]
    assert all("PingFang" in text for text in texts if "权" in text)
    assert name != "theta_hat" or any('θ<tspan dx="-0.430em" dy="-0.2em">ˆ</tspan>' in text for text in texts)


@needs_graphviz
def test_a_long_title_has_lines_that_all_fit():
    said = "the cost of a small example from the third lecture, its values and its derivatives, as in the course"
    model = nn.Linear(3, 2, rng=0)
    for picture in (
        render(lambda x: x**2, inputs=(2.0,), title=said),
        render(lambda x: x**2, inputs=(2.0,), title="一个非常小的例子" * 6),
        render(model, inputs=(np.ones((1, 3)),), title=said),
        diff(lambda x: x, lambda x: x + 1, inputs=(2.0,), title=said),
    ):
        root = ET.fromstring(picture.svg)
        left, _, width, _ = map(float, root.get("viewBox").split())
        lines = [text for text in root.iter(f"{SVG}text") if text.get("font-weight") == "bold" and text.text]
        assert len(lines) > 1
        assert re.sub(r"\s", "", "".join(line.text for line in lines)) == re.sub(r"\s", "", root[0].text)
        for line in lines:
            wide, middle = ems(line.text) * float(line.get("font-size")), float(line.get("x"))
            assert left <= middle - wide / 2
            assert middle + wide / 2 <= left + width


def test_without_a_converter_png_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setattr(Picture, "svg", "<svg/>")
    for ending in (".png", ".pdf"):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "tinygraph\[png\]"'):
            course(path=tmp_path / f"J{ending}")
    assert not list(tmp_path.iterdir())


def test_json_holds_the_whole_graph(tmp_path):
    course(path=tmp_path / "J.json")
    found = json.loads((tmp_path / "J.json").read_text())
    assert found["tinygraph"] == 1
    nodes = {node["name"]: node for node in found["nodes"]}
    assert {name: node["gradient"] for name, node in nodes.items()} == {
        "a": 3.0,
        "b": 6.0,
        "c": 9.0,
        "u": 3.0,
        "v": 3.0,
        "J": 1.0,
    }
    assert (nodes["u"]["op"], nodes["u"]["formula"], nodes["u"]["value"]) == ("multiply", "b × c", 6.0)
    edge = next(e for e in found["edges"] if e["from"] == nodes["c"]["id"])
    assert edge == {"from": nodes["c"]["id"], "to": nodes["u"]["id"], "argument": 1, "share": 9.0}


def test_json_says_what_it_has_no_number_for():
    x = Tensor(np.array([1.0, np.nan, np.inf, -np.inf]), name="x")
    picture = render([x, Tensor(np.full(200, np.nan), name="y")])
    assert picture.data["nodes"][0]["value"] == [1.0, "nan", "inf", "-inf"]
    assert picture.data["nodes"][1]["value"] == {"min": "nan", "mean": "nan", "max": "nan", "nan": 200, "inf": 0}
    assert json.loads(export.as_json(picture.data))


@needs_graphviz
def test_nan_and_infinity_are_said_in_the_picture():
    x = Tensor(np.array([[np.nan, np.inf, 1.0, 2.0, 3.0]]), name="x")
    y = Tensor(np.nan, name="y")
    with np.errstate(all="ignore"):
        picture = render((x * y).sum() * y, names={})
    assert "1 nan, 1 ∞" in picture.dot
    assert "y = nan" in picture.dot
    ET.fromstring(picture.svg)


@needs_graphviz
def test_small_arrays_are_numbers_and_large_ones_their_spread():
    small, large = Tensor(np.array([[1.0, -2.5], [1 / 3, 100.0]]), name="A"), Tensor(np.arange(40.0), name="B")
    dot = render([small * 2, large * 2]).dot.translate({0x2007: "_", 0x2008: "_", 0x2003: "  "})
    assert r"A\n[1_____  _−2.5]\n[0.3333  100__]\n(2, 2) float64" in dot
    assert "min 0, mean 19.5, max 39" in dot


@needs_graphviz
def test_a_name_of_ten_thousand_characters_is_cut_and_one_of_markup_is_text():
    x = Tensor(2.0, name="x" * 10_000)
    assert len(render(x * x).svg) < 20_000
    fields = Tensor(2.0, name="{a|b}<c>\\")  # signs of Graphviz's records
    picture = render(fields * 2, rankdir="TB", view="course")
    assert r"<way>|d/d\{a\|b\}\<c\>\\ = 2" in picture.dot
    assert "d/d{a|b}&lt;c&gt;\\ = 2" in picture.svg
    evil = Tensor(2.0, name="<script>alert(1)</script>")
    svg = render(evil * evil, title="<b>").svg
    assert "<script" not in svg
    assert "&lt;script&gt;alert(1)&lt;/script&gt; = 2" in svg


@needs_graphviz
def test_the_picture_tells_whoever_cannot_see_it():
    picture = course(title="the course")
    root = ET.fromstring(picture.svg)
    svg = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.findtext(f"{svg}title") == "the course"
    assert root.findtext(f"{svg}desc") == picture.text
    assert not list(root.iter(f"{svg}script"))
    bundle = picture._repr_mimebundle_()
    assert bundle == {"image/svg+xml": picture.svg, "text/plain": picture.text}
    assert "<iframe" in course(steps=True)._repr_mimebundle_()["text/html"]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("theme", "ground"), [("light", "#ffffff"), ("dark", "#15181c")])
def test_words_are_read_on_every_fill(theme, ground):
    from tinygraph.render import colour

    palette = colour.palette(theme)
    fills = [getattr(palette, kind)[0] for kind in ("data", "parameter", "operation", "output", "derivative")]
    for fill in [ground, *fills]:
        assert contrast(palette.ink, fill) > 7
        assert contrast(palette.gradient, fill) > 4
        assert contrast(palette.quiet, fill) > 3.9


def test_the_plus_and_minus_of_a_comparison_need_no_colour():
    picture = diff(lambda x: tg.exp(x) * 2, lambda x: tg.exp(x) * 3 + x, inputs=(1.0,))
    assert picture.text.splitlines() == [
        "1 added, 0 removed, 1 changed",
        "≠ exp(x) × 3 was exp(x) × 2",
        "+ exp(x) × 3 + x",
    ]


def test_an_operation_put_between_is_the_only_difference():
    def with_dropout(X, W):
        Z = X @ W
        A = tg.relu(Z)
        D = A * 0.5
        return (D**2).sum()

    def without(X, W):
        Z = X @ W
        A = tg.relu(Z)
        return (A**2).sum()

    X, W = np.ones((2, 3)), np.ones((3, 2))
    assert diff(without, with_dropout, inputs=(X, W)).text.splitlines()[:2] == [
        "1 added, 0 removed, 0 changed",
        "+ D = A × 0.5 (2, 2) float64",
    ]
    assert diff(with_dropout, without, inputs=(X, W)).text.splitlines()[0] == "0 added, 1 removed, 0 changed"
    assert diff(without, without, inputs=(X, W)).text == "0 added, 0 removed, 0 changed"
    wider = diff(lambda X, W: X @ W, lambda X, W: X @ np.concatenate([W, W], 1), inputs=(X, W), title="wider")
    assert "≠ X @ … (2, 4) float64 was (2, 2) float64" in wider.text


def test_the_backward_graph_holds_the_derivatives_as_operations():
    picture = course(backward=True)
    assert "dJ/dv = dJ/dJ × 3 = 1 × 3 = 3" in picture.text
    assert "dJ/dc = dJ/dv × b = 3 × 3 = 9" in picture.text
    assert picture.dot.count("class=derivative") == 4
    assert "subgraph cluster_backward" in picture.dot
    assert "subgraph cluster_forward" in picture.dot


def test_hash_seeds_do_not_change_the_bytes(tmp_path):
    program = (
        "import sys; from tinygraph.render import render\n"
        "def J(a, b, c):\n    u = b * c\n    return 3 * (a + u) * u\n"
        "p = render(J, inputs=(5.0, 3.0, 2.0)); sys.stdout.write(p.dot + p.text)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1


@needs_graphviz
def test_a_parameter_that_each_of_many_steps_uses_is_drawn_beside_them():
    """Arrows from one box to all of a long chain keep Graphviz busy for minutes."""

    def chain(w):
        h = w * 0.1
        for _ in range(100):
            h = tg.tanh(h * w)
        return h

    picture = render(chain, inputs=(0.5,))
    assert sum(box.key.startswith("n0x") for box in picture.drawing.boxes) == 100
    assert picture.svg.count('class="edge gradient"') == len(picture.drawing.arrows)
