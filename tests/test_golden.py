"""Committed pictures are what the code draws. TINYGRAPH_GOLDEN=write draws them anew: look at them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import tinygraph as tg
from tinygraph import Tensor
from tinygraph.render import Picture, render
from tinygraph.render.layout import available

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"


def course() -> Picture:
    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    return render(J, names=locals(), backend="wasi")


def logistic() -> Picture:
    w, x, b, y = Tensor(0.5), Tensor(2.0, requires_grad=False), Tensor(-1.0), Tensor(1.0, requires_grad=False)
    z = w * x + b
    a = tg.sigmoid(z)
    L = -(y * tg.log(a) + (1 - y) * tg.log(1 - a))
    return render(L, names=locals(), title="Logistic regression, one sample", backend="wasi")


@pytest.mark.skipif("wasi" not in available(), reason="only WebAssembly draws the same text on every machine")
@pytest.mark.parametrize("draw", [course, logistic])
def test_picture_is_the_committed_one(draw: Callable[[], Picture]) -> None:
    path = FOLDER / f"{draw.__name__}.svg"
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        path.write_text(draw().svg, encoding="utf-8", newline="\n")
    assert draw().svg == path.read_text(encoding="utf-8"), "make golden, and look at the picture"
