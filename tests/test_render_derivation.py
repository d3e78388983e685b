"""The derivation is what a student writes, and its numbers are those of the reverse pass."""

import re

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor
from tinygraph.graph import pullback
from tinygraph.render import chain, derivation, latex, names, render, text
from tinygraph.render.content import gather
from tinygraph.render.expression import Expr, simplify
from tinygraph.render.subject import named


def loss(w1, x1, w2, x2, b, y):
    z = w1 * x1 + w2 * x2 + b
    a = tg.sigmoid(z)
    return -(y * tg.log(a) + (1 - y) * tg.log(1 - a))


def network(X, Y, W1, b1, W2, b2):
    Z1 = W1 @ X + b1
    A1 = tg.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = tg.sigmoid(Z2)
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / 3


def arguments():
    rng = np.random.default_rng(0)
    X, Y = (Tensor(rng.random(shape), requires_grad=False) for shape in ((2, 3), (1, 3)))
    return X, Y, rng.normal(size=(4, 2)), np.zeros((4, 1)), rng.normal(size=(1, 4)), np.zeros((1, 1))


def test_logistic_regression_has_the_courses_formulas():
    lines = str(derivation(loss, inputs=(0.5, 2.0, -0.25, -1.0, 0.1, 1.0), numbers=False)).splitlines()
    assert "loss = −(y × log(a) + (1 − y) × log(1 − a))" in lines
    assert "dloss/da = (1 − y) ÷ (1 − a) − y ÷ a" in lines
    assert "dloss/dz = dloss/da · da/dz = dloss/da · (a × (1 − a))" in lines
    assert "dloss/dw₁ = dloss/dz · dz/dw₁ = dloss/dz · x₁" in lines


def test_the_six_backward_equations_of_a_shallow_network_are_read_off():
    lines = str(derivation(network, inputs=arguments(), numbers=False)).splitlines()
    for equation in (
        "dW[2] = dZ[2] A[1]ᵀ",
        "db[2] = Σ(dZ[2])",
        "dA[1] = W[2]ᵀ dZ[2]",
        "dZ[1] = dA[1] * (1 − (A[1])²)",
        "dW[1] = dZ[1] Xᵀ",
        "db[1] = Σ(dZ[1], axis=1)",
    ):
        assert equation in lines
    assert not any(line.startswith(("dX", "dY")) for line in lines), "data has no derivative"


def test_each_term_is_what_the_reverse_pass_adds():
    x = Tensor(0.7, name="x")
    y = tg.sin(x)
    z = y * x + tg.exp(y)
    J = z * z - x / y
    graph = gather([J._node], named({"y": y, "z": z, "J": J}), 100, fold=True)
    slopes = pullback(J._node, np.ones(()), graph.boxes)
    for node in graph.boxes[:-1]:
        found = [t for box in graph.boxes for t in chain.terms(graph, box) if t.x is node]
        total = sum(t.local.value * (1.0 if t.box is J._node else slopes[t.box]) for t in found)
        assert np.isclose(total, slopes[node], rtol=1e-14)
        assert np.isclose(sum(t.share for t in found), slopes[node], rtol=1e-14)


def test_a_value_used_twice_has_a_sum_of_chain_rules():
    x = Tensor(2.0, name="x")
    y = x**2
    J = y + 5 * x
    assert "dJ/dx = dJ/dy · ∂y/∂x + ∂J/∂x = dJ/dy · (2 × x) + ∂J/∂x = 1 · 4 + 5 = 4 + 5 = 9" in str(
        derivation(J, names={"y": y, "J": J})
    )


def test_long_formulas_get_steps_of_their_own():
    x = Tensor(0.5, name="x")
    J = x
    for _ in range(30):
        J = tg.sin(J) * 2.0
    lines = str(derivation(J)).splitlines()
    assert any(line.startswith("t₁ = ") for line in lines)
    assert max(len(line) for line in lines if not line.startswith("d")) < 200


def test_a_deep_chain_is_written_without_recursion():
    x = Tensor(1.0, name="x")
    J = x
    for _ in range(3000):
        J = J + 1.0
    assert "dt₁/dx" in str(derivation(J, max_nodes=10_000))


SPELLED = [
    (lambda x, y: x * y, r"x \cdot y"),
    (lambda x, y: (x + y) / (x * y), r"\frac{x + y}{x \cdot y}"),
    (lambda x, y: tg.exp(-x), "e^{-x}"),
    (lambda x, y: tg.log(x) * y, r"\ln x \cdot y"),
    (lambda x, y: tg.log(x + y), r"\ln \left(x + y\right)"),
    (lambda x, y: tg.sqrt(x) ** 2, r"\left(\sqrt{x}\right)^{2}"),
    (lambda x, y: tg.maximum(x, y - 1), r"\max(x, y - 1)"),
    (lambda x, y: x - (y - x), r"x - \left(y - x\right)"),
    (lambda x, y: tg.abs(x - y), r"\left|x - y\right|"),
]


@pytest.mark.parametrize(("f", "written"), SPELLED)
def test_formulas_in_latex(f, written):
    x, y = Tensor(2.0, name="x"), Tensor(3.0, name="y")
    graph = gather([f(x, y)._node], {}, 100, fold=True)
    said = latex.spell(graph.formulas[graph.roots[0]])[0]
    assert said == written or said == written.replace(r"\left(\sqrt{x}\right)^{2}", r"\sqrt{x}^{2}")


def test_latex_has_balanced_braces_and_no_sign_that_only_text_has():
    for found in (derivation(loss, inputs=(0.5, 2.0, -0.25, -1.0, 0.1, 1.0)), derivation(network, inputs=arguments())):
        written = found.latex
        assert written.count("{") == written.count("}")
        assert written.count(r"\left") == written.count(r"\right")
        assert written.count(r"\begin{") == written.count(r"\end{")
        assert written.isascii(), re.sub("[ -~\n]", "", written)
        assert not re.search(r"\^\{[^{}]*\}\^", written), "two superscripts on one base do not compile"
        assert found._repr_latex_() == found._repr_markdown_() == f"$$\n{written}\n$$"


def test_a_product_of_elements_stands_in_brackets_in_a_product_of_arrays():
    def f(A, B, x):
        return np.sum((A * B) @ x)

    said = derivation(f, inputs=(np.eye(2), np.eye(2), np.ones(2)), numbers=False).latex
    assert r"\left(A * B\right) x" in said

    def g(x, W, y):
        return np.sum((W @ x) * y)

    assert "axis=()" not in str(derivation(g, inputs=(np.ones(2), np.ones((3, 2)), np.ones(3)), numbers=False))
    assert r"W x * y" in derivation(g, inputs=(np.ones(2), np.eye(2), np.ones(2)), numbers=False).latex


def test_latex_on_request():
    x = Tensor(3.0, name="x")
    assert str(derivation(x * x, latex=True)).startswith(r"\begin{aligned}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda x, one: x * one, "x"),
        (lambda x, one: tg.negative(-x), "x"),
        (lambda x, one: x * (-one), "−x"),
        (lambda x, one: x + (-x) * one, "x − x"),
        (lambda x, one: x * x, "x²"),
        (lambda x, one: x + x, "2 × x"),
        (lambda x, one: (one + one) * ((one + one) * x), "4 × x"),
        (lambda x, one: x / one, "x"),
        (lambda x, one: x ** (one + one), "x²"),
    ],
)
def test_little_algebra(before, after):
    x, one = Tensor(3.0, name="x"), Tensor(1.0, requires_grad=True)
    root = before(x, one)._node
    graph = gather([root], {}, 20, fold=True)

    def leaf(node):
        known = {x._node: Expr(x.data, name="x"), one._node: Expr(one.data)}
        return known.get(node) if not isinstance(node, float | np.ndarray) else None

    from tinygraph.render.expression import read

    found = simplify(read(root, leaf))
    assert text.spell(found)[0] == after
    assert float(found.value) == float(graph.roots[0].value), "the value stays what it was"


def test_what_has_no_derivative_says_so():
    x = Tensor([1.0, 2.0], name="x")
    with pytest.raises(ValueError, match="differentiate its sum"):
        derivation(x * 2)
    with pytest.raises(TypeError, match="one result is differentiated, not 2"):
        derivation([x.sum(), x.sum() * 2])
    with pytest.raises(TypeError, match="not a ndarray, which records nothing"):
        derivation(np.ones(3))


@pytest.mark.parametrize(
    ("name", "array", "shown", "written"),
    [
        ("W1", True, "W[1]", "W^{[1]}"),
        ("W[l]", True, "W[l]", "W^{[l]}"),
        ("a[l-1]", False, "a[l-1]", "a^{[l-1]}"),
        ("x1", False, "x₁", "x_{1}"),
        ("x_i", False, "xi", "x_{i}"),
        ("alpha", False, "α", r"\alpha"),
        ("lambda_", False, "λ", r"\lambda"),
        ("theta2", True, "θ[2]", r"\theta^{[2]}"),
        ("y_hat", False, "y\u0302", r"\hat{y}"),
        ("σ", False, "σ", r"\sigma"),
        ("参数", False, "参数", r"\text{参数}"),
        ("learning_rate", False, "learning_rate", r"\mathrm{learning\_rate}"),
        ("cost", False, "cost", r"\mathrm{cost}"),
        ("100%", False, "100%", r"\mathrm{100\%}"),
    ],
)
def test_names_are_written_as_in_the_course(name, array, shown, written):
    marked = names.shown(name, array)
    assert names.unmarked(marked) == shown
    assert names.latex(marked) == written


def test_a_rule_that_knows_bare_arrays_alone_gives_its_number():
    @tg.op(vjps=[lambda g, ans, x: g * np.asarray(float(x) ** 2)])
    def cubed(x):
        return x**3 / 3

    x = Tensor(2.0, name="x")
    y = cubed(x)
    J = 5 * y
    assert "dJ/dx = dJ/dy · dy/dx = 5 · 4 = 20" in str(derivation(J, names={"y": y, "J": J}))
    assert render(J, names={"y": y}).dot


def test_under_debug_a_graph_with_nan_is_still_drawn():
    x = Tensor(-1.0, name="x")
    with np.errstate(all="ignore"):
        y = tg.log(x)
        z = y * 2
    with tg.debug():
        assert "nan" in render(z, names={"y": y}).text


def test_bare_arrays_are_told_by_their_names_and_the_nameless_get_one():
    X, W = np.array([[0.0, 1.0], [2.0, 3.0]]), Tensor(np.ones((2, 3)), name="W")
    J = np.sum(np.tanh(X @ W))
    named = str(derivation(J, names={"X": X, "J": J})).splitlines()
    assert named[0] == "X = [[0, 1], [2, 3]]"
    assert any(line.startswith("dW = Xᵀ @ (1 − tanh(X W)²) = ") for line in named)
    nameless = derivation(J, names={"J": J})
    assert str(nameless).splitlines()[0] == "c[1] = [[0, 1], [2, 3]]"
    assert r"c^{[1]} &= \begin{bmatrix} 0 & 1 \\ 2 & 3 \end{bmatrix}" in nameless.latex
    assert render(J).text.splitlines()[0] == "c[1] = [[0, 1], [2, 3]]"
    assert "…" not in render(J).text + str(nameless)
