"""Committed pictures are what the code draws, wherever Graphviz places it. TINYGRAPH_GOLDEN=write draws them anew."""

import dataclasses
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor, nn
from tinygraph.render import Network, Picture, render
from tinygraph.render.layout import available

FOLDER = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"


def course() -> Picture:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    return render(J, names=locals())


def logistic() -> Picture:
    def loss(w1: Tensor, x1: Tensor, w2: Tensor, x2: Tensor, b: Tensor, y: Tensor) -> Tensor:
        z = w1 * x1 + w2 * x2 + b
        a = tg.sigmoid(z)
        return -(y * tg.log(a) + (1 - y) * tg.log(1 - a))

    x1, x2, y = (Tensor(v, requires_grad=False) for v in (2.0, -1.0, 1.0))
    return render(loss, inputs=(0.5, x1, -0.25, x2, 0.1, y), title="Logistic regression, one sample")


def two_layers() -> Picture:
    def cost(X, Y, W1, b1, W2, b2):
        Z1 = W1 @ X + b1
        A1 = tg.tanh(Z1)
        Z2 = W2 @ A1 + b2
        A2 = tg.sigmoid(Z2)
        return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    X = Tensor([[1.0, -1.0, 0.5], [0.0, 2.0, -0.5]], requires_grad=False)
    Y = Tensor([[1.0, 0.0, 1.0]], requires_grad=False)
    W1, W2 = np.array([[0.5, -0.25], [0.125, 1.0]]), np.array([[1.0, -2.0]])
    parameters = (W1, np.zeros((2, 1)), W2, np.zeros((1, 1)))
    return render(cost, inputs=(X, Y, *parameters), title="A shallow network in the course's notation")


def rnn() -> Picture:
    Wx, Wh, b = Tensor(np.full((5, 3), 0.25)), Tensor(np.full((5, 5), 0.125)), Tensor(np.zeros((5, 1)))
    h = Tensor(np.zeros((5, 1)), requires_grad=False, name="h[0]")
    for t in range(1, 4):
        x = Tensor(np.full((3, 1), t / 2), requires_grad=False, name=f"x[{t}]")
        h = tg.tanh(Wx @ x + Wh @ h + b)
        h.name = f"h[{t}]"
    L = tg.sum(h**2)
    return render(L, names={"W_x": Wx, "W_h": Wh, "b": b, "L": L}, title="A recurrent network, three steps of time")


def convolutional() -> Network:
    layers = [nn.Conv2d(1, 6, 5, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5, rng=1), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 120, rng=2), nn.ReLU(), nn.Linear(120, 10, rng=3)]
    x = np.zeros((8, 1, 28, 28))
    return render(nn.Sequential(*layers), inputs=(x,), title="A convolutional network", heat="flops")


def unrolled() -> Network:
    Wx, Wh = Tensor(np.full((3, 5), 0.25), name="W_x"), Tensor(np.full((5, 5), 0.125), name="W_h")
    h = Tensor(np.zeros((1, 5)), requires_grad=False, name="h[0]")
    for t in range(1, 51):
        with tg.scope(f"step {t}", "Step"):
            h = np.tanh(np.full((1, 3), t / 50) @ Wx + h @ Wh)
    return render(np.sum(h), title="A recurrent network, fifty steps of time", heat="gradient")


def structure(svg: str) -> dict[str, list[str]]:
    """All that a picture says: words, titles, colours, arrows; not where it says it."""
    root = ET.fromstring(svg)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class", "").split(" ")[0] in ("node", "edge", "cluster")]
    return {
        "text": sorted("".join(t.itertext()) for t in root.iter(f"{SVG}text")),
        "titles": sorted(t.text or "" for t in root.iter(f"{SVG}title")),
        "words": [d.text or "" for d in root.iter(f"{SVG}desc")],
        "groups": sorted(f"{g.get('class')} {g.get('data-key') or g.get('data-edge')}" for g in groups),
        "colours": sorted({e.get(k, "") for e in root.iter() for k in ("fill", "stroke")}),
        "style": [s.text or "" for s in root.iter(f"{SVG}style")],
    }


@pytest.mark.skipif(not available(), reason="nothing to draw with is installed")
@pytest.mark.parametrize("draw", [course, logistic, two_layers, rnn, convolutional, unrolled])
def test_picture_is_the_committed_one(draw: Callable[[], Picture | Network]) -> None:
    path = FOLDER / f"{draw.__name__}.svg"
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        path.write_text(draw().svg, encoding="utf-8", newline="\n")
    assert structure(draw().svg) == structure(path.read_text(encoding="utf-8")), "make golden, and look at the picture"


@pytest.mark.skipif(not available(), reason="nothing to draw with is installed")
def test_the_page_of_steps_is_the_committed_one() -> None:
    path = FOLDER / "steps.html"
    page = dataclasses.replace(course(), steps=True).html
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        path.write_text(page, encoding="utf-8", newline="\n")
    (drawn, around), (picture, frame) = (
        (re.findall("<svg.*</svg>", text, re.DOTALL), re.sub("<svg.*</svg>", "", text, flags=re.DOTALL))
        for text in (page, path.read_text(encoding="utf-8"))
    )
    assert around == frame, "make golden, and look at the page"
    assert structure(drawn[0]) == structure(picture[0])


def test_the_comparison_sees_a_word_and_a_colour_that_differ() -> None:
    committed = (FOLDER / "course.svg").read_text(encoding="utf-8")
    for old, new in (("dJ/du = 3", "dJ/du = 4"), ("#cf2a2a", "#cf2a2b"), ('data-edge="n0 n4"', 'data-edge="n1 n4"')):
        assert old in committed
        assert structure(committed.replace(old, new)) != structure(committed)
    assert structure(committed.replace(' x="', ' x="1')) == structure(committed)
