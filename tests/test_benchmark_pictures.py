"""The benchmark of pictures runs, and says why a contestant has none."""

import pytest

from benchmarks import pictures
from tinygraph.render.layout import available

needs_graphviz = pytest.mark.skipif(not available(), reason="nothing to draw with is installed")


@needs_graphviz
@pytest.mark.parametrize("kind", pictures.KINDS)
def test_each_kind_of_graph_is_drawn(kind: str):
    drawn = pictures.measured("tinygraph, SVG", kind, 30)
    assert drawn.seconds >= 0
    assert drawn.boxes >= 2


@pytest.mark.parametrize("kind", ["chain", "layers", "recurrent"])
def test_a_graph_has_about_so_many_operations(kind: str):
    from tinygraph.render.content import reached

    nodes = reached([pictures.tinygraph_graph(kind, 600)._node])
    assert 500 < sum(node.op is not None for node in nodes) < 700


@needs_graphviz
def test_a_process_for_each_picture_and_a_table_of_them():
    found = pictures.study(["tinygraph, page"], ["chain"], [10], 60)
    table = pictures.table(found)
    assert "### chain" in table
    assert " boxes |" in table


def test_who_fails_is_told_why_and_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def fails(name: str, kind: str, operations: int, limit: float) -> str:
        asked.append(operations)
        return "RecursionError"

    monkeypatch.setattr(pictures, "in_a_process", fails)
    found = pictures.study(["tinygraph, SVG"], ["chain"], [10, 1000, 10_000], 1)
    assert asked == [10]
    assert pictures.table(found).count("RecursionError") == 3


def test_a_process_that_is_too_slow_is_ended():
    assert pictures.in_a_process("tinygraph, SVG", "chain", 10, 0.01) == "not in 0.01 s"
