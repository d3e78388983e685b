"""Committed pictures are what the code draws. TINYGRAPH_GOLDEN=write draws them anew: look at them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.skipif("wasi" not in available(), reason="only WebAssembly draws the same text on every machine")
@pytest.mark.parametrize("draw", [course])
def test_picture_is_the_committed_one(draw: Callable[[], Picture]) -> None:
    path = FOLDER / f"{draw.__name__}.svg"
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        path.write_text(draw().svg, encoding="utf-8", newline="\n")
    assert draw().svg == path.read_text(encoding="utf-8"), "make golden, and look at the picture"
