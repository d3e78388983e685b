"""The notebook of the docs is run from top to bottom, and shows the pictures that it is committed with."""

import os
from pathlib import Path
from typing import Any

import pytest
from test_golden import structure

from tinygraph.render.layout import available

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "pictures.ipynb"
pytestmark = [
    pytest.mark.skipif(not available(), reason="nothing to draw with is installed"),
    # the kernel's own libraries: sockets that wait for the collector, and an event loop that warns of its policy
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::RuntimeWarning"),
]


def run(path: Path) -> Any:
    book = nbformat.read(path, as_version=4)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    try:
        return nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def shown(book: Any) -> list[dict[str, Any]]:
    return [dict(output["data"]) for cell in book.cells for output in cell.get("outputs", ()) if "data" in output]


def test_the_notebook_shows_its_pictures() -> None:
    committed = shown(nbformat.read(PAGE, as_version=4))
    book = run(PAGE)
    if os.environ.get("TINYGRAPH_GOLDEN") == "write":
        for cell in book.cells:  # the moment of a run is no part of the page
            cell.metadata.pop("execution", None)
        nbformat.write(book, PAGE)
        committed = shown(book)
    found = shown(book)
    assert len(found) == len(committed) == 4
    assert [sorted(data) for data in found] == [
        ["image/svg+xml", "text/plain"],
        ["image/svg+xml", "text/html", "text/plain"],
        ["text/latex", "text/markdown", "text/plain"],
        ["image/svg+xml", "text/plain"],
    ]
    for now, then in zip(found, committed, strict=True):
        assert now["text/plain"] == then["text/plain"], "make golden, and look at the notebook"
        if "image/svg+xml" in now:
            assert structure(now["image/svg+xml"]) == structure(then["image/svg+xml"])
    assert "dJ/dc = 9" in found[0]["image/svg+xml"]
    assert r"\frac{dJ}{dc} &= \frac{dJ}{du} \cdot \frac{du}{dc}" in found[2]["text/latex"]
