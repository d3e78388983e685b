"""The gallery's pictures are what the code of its page draws."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from test_golden import structure

from tinygraph.render.layout import available

DOCS = Path(__file__).parents[1] / "docs"
SVG = re.compile("<svg.*</svg>", re.DOTALL)


@pytest.mark.skipif(not available(), reason="nothing to draw with is installed")
def test_the_pictures_are_what_the_page_draws(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        gallery.draw(DOCS / "pictures")
    names = gallery.draw(tmp_path)
    assert names
    for name in names:
        drawn, kept = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, DOCS / "pictures"))
        assert SVG.sub("", drawn) == SVG.sub("", kept), "make golden, and look at the page"
        assert list(map(structure, SVG.findall(drawn))) == list(map(structure, SVG.findall(kept))), "make golden"


def test_every_picture_is_on_the_page() -> None:
    page = (DOCS / "pictures.md").read_text(encoding="utf-8")
    for path in sorted((DOCS / "pictures").iterdir()):
        assert f"(pictures/{path.name})" in page
