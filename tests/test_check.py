"""The checker tells right from wrong, and from what cannot be told, without ever using a derivative rule."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import GradientError, check_grads, compare_grads, numeric_grad, numeric_jacobian
from tinygraph.op import bare

RNG = np.random.default_rng(7)
X = RNG.uniform(0.5, 2.0, (3, 4)) * np.where(RNG.random((3, 4)) < 0.5, -1, 1)
POSITIVE = np.abs(X)
W = RNG.normal(size=(4, 2))
SMOOTH = {
    "sin": (np.sin, np.cos, X),
    "exp": (np.exp, np.exp, X),
    "log": (np.log, lambda x: 1 / x, POSITIVE),
    "log, tiny": (np.log, lambda x: 1 / x, POSITIVE * 1e-12),
    "log, all sizes": (np.log, lambda x: 1 / x, np.array([1e-8, 1e-3, 1.0, 1e6])),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), POSITIVE),
    "fourth power at 0": (lambda x: x**4, lambda x: 4 * x**3, np.array([0.0, 1e-3, 1.0])),
    "square of large numbers": (np.square, lambda x: 2 * x, X * 1e8),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, X),
    "steep": (lambda x: np.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), X),
    "wide range": (np.exp, np.exp, np.linspace(-10, 30, 9)),
    "constant": (lambda x: x * 0.0 + 3.0, lambda x: 0 * x, X),
    "just beside a kink": (np.abs, np.sign, np.array([1e-3, -1e-5, 1.0, 2.0])),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_true_derivative_lies_within_the_bound(name: str) -> None:
    f, df, x = SMOOTH[name]
    c = RNG.uniform(0.5, 1.5, x.shape)
    found = numeric_grad(f, x, cotangent=c)
    assert np.all(np.abs(found.value - c * df(x)) <= found.bound)
    assert not found.kink.any()


@pytest.mark.parametrize("name", SMOOTH)
def test_a_correct_gradient_is_right_everywhere(name: str) -> None:
    f, df, x = SMOOTH[name]
    report = compare_grads(lambda x: f(x).sum(), x, gradient=df)
    assert (report.right, report.wrong) == (x.size, 0), report


MUTANTS = {
    "zeroed": lambda g: 0 * g,
    "sign flipped": lambda g: -g,
    "twice": lambda g: 2 * g,
    "scaled by 1.001": lambda g: 1.001 * g,
    "mean instead of sum": lambda g: g / g.size,
    "exchanged": lambda g: g[::-1],
    "shifted": lambda g: np.roll(g, 1, axis=-1),
    "not a number": lambda g: g * np.nan,
}


@pytest.mark.parametrize("fault", MUTANTS)
@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "constant"])
def test_every_planted_fault_is_caught(name: str, fault: str) -> None:
    f, df, x = SMOOTH[name]
    mutant = MUTANTS[fault]
    report = compare_grads(lambda x: f(x).sum(), x, gradient=lambda x: mutant(df(x)))
    assert report.wrong, report
    assert not report.ok


def test_a_gradient_of_another_shape_is_wrong() -> None:
    report = compare_grads(lambda x: (x**3).sum(), X, gradient=lambda x: 3 * x.T**2)
    assert not report.ok
    assert report.wrong == X.size
    assert "shape (4, 3)" in str(report)


def test_a_transposed_gradient_is_wrong() -> None:
    a = RNG.normal(size=(3, 3))
    assert compare_grads(lambda x: (x**3).sum(), a, gradient=lambda x: 3 * x.T**2).wrong == 6


RULES = {
    "right": lambda g, ans, x: g * 3 * x**2,
    "zeroed": lambda g, ans, x: g * 0.0 * x,
    "sign flipped": lambda g, ans, x: -g * 3 * x**2,
    "scaled": lambda g, ans, x: g * 3.003 * x**2,
    "ans for x": lambda g, ans, x: g * 3 * ans**2,
    "cotangent forgotten": lambda g, ans, x: 3 * x**2,
    "wrong for negative numbers": lambda g, ans, x: g * 3 * x * np.abs(x),
}


@pytest.mark.parametrize("mode", ["rev", "fwd"])
@pytest.mark.parametrize("rule", RULES)
def test_a_wrong_rule_of_an_op_is_caught(rule: str, mode: str) -> None:
    cube = tg.op(lambda x: x**3, vjps=[RULES[rule]], kind="elementwise", name="cube")
    if rule == "right":
        check_grads(cube, X, order=2, modes=[mode])
        return
    with pytest.raises(GradientError, match=f"mode {mode}") as error:
        check_grads(cube, X, modes=[mode])
    assert error.value.report.wrong


def test_a_fault_in_the_second_order_alone_is_caught() -> None:
    frozen = tg.op(
        lambda x: x**3,
        vjps=[lambda g, ans, x: g * 3 * (x.numpy() if isinstance(x, tg.Tensor) else x) ** 2],
        name="frozen",
    )
    check_grads(frozen, X, order=1)
    with pytest.raises(GradientError, match="order 2, mode rev"):
        check_grads(frozen, X, order=2, modes=["rev"])


def test_matrices_trees_and_several_outputs() -> None:
    def network(p, x):
        h = np.tanh(x @ p["W"] + p["b"])
        return {"h": h, "loss": (h * h).mean()}, h.sum(axis=0)

    p = {"W": RNG.normal(size=(4, 2)), "b": RNG.normal(size=2)}
    check_grads(network, p, X, order=2)
    report = compare_grads(network, p, X)
    assert [c.name for c in report.comparisons] == ["x0['W']", "x0['b']", "x1"]
    assert report.right == report.size == 8 + 2 + 12


def test_the_report_names_the_argument_the_element_and_the_numbers() -> None:
    def spoilt(p):
        g = {"w": 2 * p["w"], "v": [np.ones(2)]}
        g["w"][1, 0] *= 3
        return g

    p = {"w": np.arange(1.0, 7.0).reshape(3, 2), "v": [np.zeros(2)]}
    report = compare_grads(lambda p: (p["w"] ** 2).sum() + p["v"][0].sum(), p, gradient=spoilt)
    assert (report.right, report.wrong, report.inconclusive) == (7, 1, 0)
    assert "wrong: x0['w'][1, 0]: exact 18, numeric 6" in str(report)
    assert "±" in str(report)


@pytest.mark.parametrize(
    ("name", "f", "x"), [("relu", tg.relu, 0.0), ("abs", np.abs, 0.0), ("max", np.max, np.ones(3))]
)
def test_at_a_kink_the_verdict_is_inconclusive_and_shows_the_slopes(name, f, x) -> None:
    report = compare_grads(lambda x: f(x) * 2.0, x)
    assert report.wrong == report.right == 0
    assert set(report.comparisons[0].verdicts.ravel()) == {"kink"}
    assert "slopes" in str(report)
    with pytest.raises(GradientError, match="no element could be verified"):
        check_grads(f, x)


def test_a_kink_in_one_element_leaves_the_others_right() -> None:
    report = compare_grads(lambda x: tg.relu(x).sum(), np.array([-1.0, 0.0, 2.0, 1e-9, -1e-4]))
    assert list(report.comparisons[0].verdicts) == ["right", "kink", "right", "kink", "right"]
    assert report.ok


@pytest.mark.parametrize("change", [1.0, 1e-3, 1e-9, 1e-10, 3e-11, 1e-11, 1e-12])
def test_a_kink_between_the_steps_is_never_a_false_alarm_however_slight(change: float) -> None:
    for distance in np.linspace(-2.2, 2.2, 89) * 2.0**-13:
        corner = 1.0 + distance
        report = compare_grads(
            lambda x, corner=corner: np.sin(x) + change * np.abs(x - corner),
            1.0,
            gradient=lambda x, corner=corner: np.cos(x) + change * np.sign(x - corner),
        )
        assert report.wrong == 0


def test_outside_the_domain_is_inconclusive() -> None:
    report = compare_grads(lambda x: np.log(x).sum(), np.array([-1.0]))
    assert list(report.comparisons[0].verdicts) == ["outside the domain"]


def test_jumps_closer_together_than_the_steps_are_no_false_alarm() -> None:
    x, y = np.array([-7.76504369, -6.77584366]), np.array([1.19097383e-05, 9.29907524e-04])
    assert compare_grads(np.mod, x, y).wrong == 0


def test_noise_is_inconclusive_never_wrong() -> None:
    report = compare_grads(lambda x: (x + 1e20).sum(), X)
    assert set(report.comparisons[0].verdicts.ravel()) == {"noise"}
    report = compare_grads(lambda x: (x * x + 1e9).sum(), X, gradient=lambda x: 2 * x)
    assert report.wrong == 0


def test_a_function_that_differs_from_call_to_call_is_said_to() -> None:
    rng = np.random.default_rng(0)
    report = compare_grads(lambda x: (x * rng.random(x.shape)).sum(), X)
    assert set(report.comparisons[0].verdicts.ravel()) == {"not deterministic"}
    assert "dropout" in str(report)


def test_single_precision_arguments_are_checked_in_double_and_it_is_said() -> None:
    x = X.astype(np.float32)
    report = compare_grads(lambda x: np.exp(x).sum(), x)
    assert report.right == x.size
    assert "float32 arguments were checked in float64" in str(report)
    assert compare_grads(lambda x: np.exp(x).sum(), x, gradient=lambda x: np.exp(x) * np.float32(1.001)).wrong


def test_a_function_that_rounds_to_single_precision_gets_wider_steps_and_no_false_alarm() -> None:
    found = numeric_grad(lambda x: np.sin(x.astype(np.float32)).astype(np.float64).sum(), X)
    assert np.all(np.abs(found.value - np.cos(X)) <= found.bound)
    assert np.all(found.bound < 1e-2)
    assert np.all(np.abs(numeric_grad(lambda x: np.sin(x.astype(np.float32)), POSITIVE[0]).value) > 0)


def test_directions_stand_for_many_parameters() -> None:
    w = RNG.normal(size=(100, 30))
    x = RNG.normal(size=(5, 100))
    report = compare_grads(lambda w: (np.tanh(x @ w) ** 2).mean(), w, directions=8)
    assert (report.right, report.size) == (8, 8)
    assert report.evaluations < 60

    def wrong(w):
        h = np.tanh(x @ w)
        g = x.T @ (2 * h * (1 - h**2) / h.size)
        g[3, 4] += 1e-2
        return g

    assert compare_grads(lambda w: (np.tanh(x @ w) ** 2).mean(), w, gradient=wrong, directions=8).wrong == 8


def test_inputs_are_left_as_they_were_even_by_a_function_that_writes_to_them() -> None:
    x = X.copy()
    x.flags.writeable = False

    def doubled(x):
        x += 1
        return (x * x).sum()

    check_grads(doubled, x)
    numeric_grad(doubled, x)
    assert np.array_equal(x, X)


def test_the_number_of_evaluations() -> None:
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return np.sum(np.exp(x) * np.sin(x))

    x = np.linspace(-3.0, 3.0, 25)
    assert numeric_grad(f, x).bound.max() < 1e-4
    assert calls <= 4 * x.size + 20


def test_integer_arguments_are_constants_and_integer_outputs_are_left_out() -> None:
    labels = np.array([0, 2, 1])
    check_grads(lambda z, labels: (tg.cross_entropy(z, labels), labels), X, labels)
    check_grads(lambda i: np.ones(0) * i, np.ones(0))
    with pytest.raises(TypeError, match="no argument is a real array"):
        check_grads(lambda i: i, labels)
    for f, found in [(np.argmax, "int64"), (lambda x: None, "None"), (lambda x: ("a", labels), "ndarray, str")]:
        with pytest.raises(TypeError, match=f"the function returned {found}: no real number"):
            check_grads(f, X)


def test_a_cost_that_is_the_whole_number_0_in_places() -> None:
    def hinge(w):
        return max(0, 1.0 - w)

    def slope(w):
        return -1.0 if w < 1.0 else 0.0

    assert [compare_grads(hinge, w, gradient=slope).right for w in (0.5, 1.0, 1.5)] == [1, 0, 1]


def test_a_derivative_of_zero_is_right_beside_the_slopes_nearby() -> None:
    for f, order in [(tg.sigmoid, 2), (lambda x: x**4, 2), (lambda x: x - np.tanh(x), 1)]:
        check_grads(f, np.zeros(3), order=order)
    wrong = compare_grads(lambda x: np.sum(x - np.tanh(x)), np.zeros(3), gradient=lambda x: x + 1e-9)
    assert wrong.wrong == 3


def test_a_gradient_near_the_largest_number_raises_no_warning() -> None:
    report = compare_grads(np.exp, np.array([1.0, 709.7]))
    assert report.wrong == 0
    assert "overflow" in report.comparisons[0].verdicts


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match="mode 'back'"):
        compare_grads(np.sin, X, mode="back")
    with pytest.raises(ValueError, match="one scalar"):
        compare_grads(np.sin, X, gradient=np.cos)
    with pytest.raises(ValueError, match="cotangent of 2 elements"):
        numeric_grad(np.sin, X, cotangent=np.ones(2))
    for call in (check_grads, numeric_grad, numeric_jacobian):
        with pytest.raises(TypeError, match="ndarray is no function: the function comes first"):
            call(X, np.sin)
    with pytest.raises(TypeError, match="there are no arguments"):
        check_grads(np.sin)
    for options in ({"order": 0}, {"order": 3}, {"modes": ()}, {"modes": "back"}, {"directions": 0}):
        with pytest.raises(ValueError, match=r"orders 1 and 2|one at least"):
            check_grads(np.sin, X, **options)
    check_grads(np.sin, X, modes="rev")
    with pytest.raises(TypeError) as error:
        check_grads(lambda x, y: x * y, (X, X))
    assert error.value.__notes__ == [
        "the arguments come one by one, as in check_grads(f, x, y); a tuple is one argument"
    ]


@pytest.mark.parametrize(
    ("f", "df", "x"),
    [
        (np.log, lambda x: 1 / x, [1e-20, 1e-12, 1.0, 1e6]),
        (np.reciprocal, lambda x: -1 / x**2, [1e-9, 1e-4, 1.0]),
        (lambda x: np.log(1 + x), lambda x: 1 / (1 + x), [1e-20]),
        (np.expm1, np.exp, [1e-200, 1e-12, 1.0]),
    ],
    ids=["log", "reciprocal", "rounded away", "expm1"],
)
def test_elements_far_smaller_than_their_array_are_right_all_the_same(f, df, x) -> None:
    report = compare_grads(lambda x: f(x).sum(), np.array(x), gradient=df)
    assert report.right == len(x), report


@pytest.mark.parametrize(
    ("f", "x", "reason"),
    [
        (np.log, -1.0, "outside the domain"),
        (np.log, 0.0, "outside the domain"),
        (np.sqrt, 0.0, "outside the domain"),
        (np.exp, 1000.0, "overflow"),
        (lambda x: np.exp(x) / np.exp(x), 1000.0, "overflow"),
        (lambda x: x**200, 34.2, "overflow"),
        (np.arcsin, 1.0, "outside the domain"),
    ],
    ids=["log", "pole", "edge", "exp", "inf over inf", "power", "arcsin"],
)
def test_a_missing_value_is_told_from_one_that_is_too_large(f, x, reason) -> None:
    report = compare_grads(lambda x: f(x).sum(), np.array([x]), gradient=lambda x: x)
    assert list(report.comparisons[0].verdicts) == [reason]
    assert reason in str(report)


def test_a_function_that_raises_beside_the_point_has_no_value_there() -> None:
    found = numeric_grad(lambda x: np.float64(math.sqrt(x)), 0.0)
    assert found.fault == "outside the domain"
    with pytest.raises(ValueError, match="domain"):
        numeric_grad(lambda x: np.float64(math.sqrt(x)), -1.0)


def test_a_function_that_returns_more_elements_beside_the_point_has_no_value_there() -> None:
    report = compare_grads(lambda x: x[x > 0.0], np.array([0.0, 1.0]))
    assert report.wrong == 0
    assert "outside the domain" in report.comparisons[0].verdicts


def test_several_outputs_of_which_some_have_no_derivative() -> None:
    def f(x):
        order = np.argsort(bare(x).ravel())
        return {"y": np.tanh(x), "order": order, "positive": bare(x) > 0, "name": "net", "count": 3}

    check_grads(f, X, order=2)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda x: (x, x),
        lambda x: [x.T, x[::-1], x[:2, 1:]],
        lambda x: (x.reshape(-1), x[0], np.sin(x)),
    ],
    ids=["itself", "itself twice", "views", "views and more"],
)
def test_a_function_that_returns_its_input_or_views_of_it(f) -> None:
    check_grads(f, X, order=2)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2)])
def test_arrays_of_no_elements(shape) -> None:
    check_grads(lambda x, w: (np.sin(x).sum(), w * 2.0), np.zeros(shape), X)
    assert numeric_grad(lambda x: x, np.zeros(shape)).value.shape == shape
    assert numeric_jacobian(lambda x: x * 2.0, np.zeros(shape)).value.shape == shape * 2


@pytest.mark.parametrize(
    "f", [np.sin, lambda x: x @ W, lambda x: np.tanh(x @ W).sum(axis=0)], ids=["sin", "matmul", "net"]
)
def test_the_numeric_jacobian_is_the_exact_one_within_its_bound(f) -> None:
    found, exact = numeric_jacobian(f, X), tg.jacobian(f)(X)
    assert found.value.shape == exact.shape
    assert np.all(np.abs(found.value - exact) <= found.bound)
    assert found.bound.max() < 1e-6


def test_the_numeric_jacobian_shows_kinks_and_counts_calls() -> None:
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return np.sin(x) * np.ones((7, 1, 1))

    numeric_jacobian(f, X)
    assert calls <= 4 * X.size + 20
    found = numeric_jacobian(np.abs, np.array([1.0, 0.0]))
    assert found.kink.tolist() == [[False, False], [False, True]]
    with pytest.raises(ValueError, match="one real array, not 2"):
        numeric_jacobian(lambda x: (x, x), X)
    with pytest.raises(ValueError, match="takes one array"):
        numeric_jacobian(lambda x: x[0], [X, X])


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in ("just beside a kink", "constant")])
def test_the_complex_step_is_right_to_the_last_digits(name: str) -> None:
    f, df, x = SMOOTH[name]
    found = numeric_grad(lambda x: f(x).sum(), x, method="complex")
    np.testing.assert_allclose(found.value, df(x), rtol=1e-13)
    assert np.all(np.abs(found.value - df(x)) <= found.bound)
    assert np.all(found.bound <= 1e-13 * np.abs(df(x)) + 1e-300)


def test_the_complex_step_is_refused_where_it_says_something_else() -> None:
    with pytest.raises(ValueError, match="not analytic"):
        numeric_grad(lambda x: (np.abs(x) * x).sum(), X, method="complex")
    with pytest.raises(ValueError, match="takes complex numbers"):
        numeric_grad(lambda x: tg.sigmoid(tg.Tensor(x)).sum(), X, method="complex")
    with pytest.raises(ValueError, match="method 'forward'"):
        numeric_grad(np.sin, X, method="forward")


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_two_directions_take_twenty_calls_whatever_n(n: int) -> None:
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return np.sin(x).sum()

    x = np.random.default_rng(n).normal(size=n)
    x[1:2] = np.pi / 2  # among others, a derivative of nearly zero needs no smaller step
    report = compare_grads(f, x, gradient=np.cos, directions=2)
    assert report.right == 2
    assert calls <= 20
    assert compare_grads(f, x, gradient=lambda x: 1.001 * np.cos(x), directions=2).wrong == 2
    calls = 0
    assert compare_grads(f, x, gradient=np.cos).right == n
    assert calls <= 4 * n + 20


def test_the_extent_of_a_box_whose_vertices_tie_is_a_kink_and_shows_the_slopes() -> None:
    box = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
    report = compare_grads(lambda v: np.max(v, axis=0) - np.min(v, axis=0), box)
    assert report.wrong == 0
    assert set(report.comparisons[0].verdicts.ravel()) == {"kink"}
    assert "slopes" in str(report)


def test_cotangents_are_uneven_so_that_a_fault_in_a_batch_norm_shows() -> None:
    def norm(x):
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)

    def rule(g, ans, x):  # the part through the variance is missing; of a plain sum all of it would be zero
        return (g - g.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)

    student = tg.op(norm, vjps=[rule], name="batch_norm_of_a_student")
    check_grads(norm, X)
    report = compare_grads(student, X)
    assert report.wrong == X.size
    assert report.culprit is not None
    assert compare_grads(lambda x: student(x).sum(), X).wrong == 0


@pytest.mark.parametrize("order", [1, 2])
def test_a_function_may_close_over_parameters(order: int) -> None:
    w = tg.Tensor(W)
    check_grads(lambda x: np.tanh(x @ w), X, order=order)


def test_noise_of_single_precision_is_no_kink() -> None:
    found = numeric_grad(lambda x: np.tanh(x.astype(np.float32)).sum(), X)
    assert not found.kink.any()
    assert np.all(np.abs(found.value - (1 - np.tanh(X) ** 2)) <= found.bound)


@pytest.mark.parametrize(
    "f", [np.linalg.cholesky, np.linalg.eigvalsh, lambda a: np.linalg.eigvalsh(a, UPLO="U")], ids=["L", "λ", "λ, upper"]
)
def test_a_function_that_reads_one_triangle_is_told_how_to_check_it(f):
    a = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
    (note,) = compare_grads(f, a).notes
    assert "by symmetric matrices, while one triangle is read: check f of (x + xᵀ) / 2" in note
    check_grads(lambda x: f((x + x.T) / 2.0), a)
    assert not any("triangle" in note for note in compare_grads(np.linalg.inv, a, gradient=None).notes)
    halved = compare_grads(lambda x: (x * x).sum(), a, gradient=lambda x: x)
    assert not any("triangle" in note for note in halved.notes)
