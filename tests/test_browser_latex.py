"""LaTeX of derivations, and every operation's formula, set by KaTeX in a real browser: no error, no warning."""

import importlib
import importlib.metadata
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor, ops
from tinygraph.op import Op
from tinygraph.render import derivation, latex, names
from tinygraph.render.expression import Expr

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def katex() -> Path | None:
    """KaTeX, which a wheel for Sphinx carries; the wheel is enough, without Sphinx."""
    try:
        files = importlib.metadata.files("sphinxcontrib-katex") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == "katex.min.js"), None)


@pytest.fixture(scope="module")
def typeset() -> Iterator[Any]:
    """Sets formulas, and gives what KaTeX says of each: MathML, or the error."""
    script = katex()
    if script is None:
        pytest.skip("KaTeX is not installed: pip install --no-deps sphinxcontrib-katex")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_script_tag(content=script.read_text(encoding="utf-8"))
        yield lambda formulas: page.evaluate(
            """formulas => formulas.map(formula => {
                try {
                    return katex.renderToString(formula, {strict: "error", displayMode: true, output: "mathml"})
                } catch (error) { return `ERROR ${error.message}` }
            })""",
            formulas,
        )
        browser.close()


def refused(formulas: list[str], said: list[str]) -> list[tuple[str, str]]:
    return [(formula, s) for formula, s in zip(formulas, said, strict=True) if s.startswith("ERROR")]


def test_katex_refuses_what_is_wrong(typeset: Any) -> None:
    bad = [r"\frac{a}{", r"x^{2}^{3}", r"\nosuch x", "α_参"]
    assert len(refused(bad, typeset(bad))) == len(bad)


def course(a: Any, b: Any, c: Any) -> Any:
    u = b * c
    v = a + u
    return 3 * v


def logistic(w1: Any, x1: Any, w2: Any, x2: Any, b: Any, y: Any) -> Any:
    z = w1 * x1 + w2 * x2 + b
    a = tg.sigmoid(z)
    return -(y * tg.log(a) + (1 - y) * tg.log(1 - a))


def shallow(X: Any, Y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / 3


def odd(alpha: Any, lambda_: Any, y_hat: Any, learning_rate: Any) -> Any:
    sigma = np.sqrt(alpha) ** 2 + np.abs(lambda_ - y_hat) / 1e-9
    return np.maximum(sigma, -learning_rate) ** (1 / 3) + np.where(sigma > 0, sigma, 0 * sigma)


def arrays(X: Any, W: Any) -> Any:
    row = np.max(X, axis=1, keepdims=True) - np.mean(X[:, 1:], axis=1, keepdims=True)
    parts = np.concatenate([row, X[0:2]], axis=1) @ W.T
    return np.sum(np.exp(parts - np.log(np.sum(np.exp(parts), axis=-1, keepdims=True))) * np.linalg.norm(parts))


def derivations() -> Iterator[str]:
    rng = np.random.default_rng(0)
    shapes = ((2, 3), (1, 3), (4, 2), (4, 1), (1, 4), (1, 1))
    for numbers in (True, False):
        for f, inputs in (
            (course, (5.0, 3.0, 2.0)),
            (logistic, (0.5, 2.0, -0.25, -1.0, 0.1, 1.0)),
            (shallow, [rng.random(shape) for shape in shapes]),
            (odd, (1.0, 2.0, 3.0, 4.0)),
            (arrays, (rng.random((2, 3)), rng.random((5, 4)))),
        ):
            yield derivation(f, inputs=inputs, numbers=numbers).latex
            yield derivation(f, inputs=inputs, numbers=numbers, short=True).latex
    nan, infinite = Tensor(np.nan, name="nan"), Tensor(np.inf, name="参数")
    script = Tensor(1.0, name="<script>\\frac{%#&_^~$}")
    with np.errstate(all="ignore"):
        yield derivation(nan * infinite + script**2).latex
    nameless = Tensor([[1.0, 2.0]])
    yield derivation(np.sum(np.tanh(nameless @ nameless.T))).latex


def test_derivations_are_set(typeset: Any) -> None:
    written = list(derivations())
    said = typeset(written)
    assert refused(written, said) == []
    assert said[0].count("<mfrac>") > 10
    assert "<mtext>参数</mtext>" in "".join(said)


def formula(op: Op, value: Any) -> str:
    """An operation on names that are raised, hatted and lowered already."""
    slots = [slot for _, slot, _, _ in Formatter().parse(op.latex) if slot]
    called = dict(zip("xyzw", (names.shown(name, True) for name in ("W1", "y_hat", "z_2", "W")), strict=True))
    operands = tuple(Expr(value, name=called[slot]) for slot in dict.fromkeys(sorted(slots)))
    return latex.spell(Expr(value, op, operands, {**op.params, "index": 0}))[0]


def test_the_formula_of_every_operation_is_set(typeset: Any) -> None:
    rooms = [importlib.import_module(f"{ops.__name__}.{room.name}") for room in pkgutil.iter_modules(ops.__path__)]
    table = {op for room in rooms for op in vars(room).values() if isinstance(op, Op)}
    written = sorted({formula(op, value) for op in table for value in (np.float64(2.0), np.ones((2, 2)))})
    assert len(written) > 150
    assert refused(written, typeset(written)) == []
