"""Each law of derivatives holds for right functions and is seen to be broken by one that was made to break it."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check.laws import LAWS, check_laws, compare_laws
from tinygraph.check.outcome import BROKEN, HELD, SILENT, LawError
from tinygraph.op import bare

RNG = np.random.default_rng(3)
X = RNG.uniform(0.5, 2.0, (4, 3)) * RNG.choice([-1.0, 1.0], (4, 3))
B, W = RNG.uniform(0.5, 2.0, 3), RNG.normal(size=(3, 2))
LABELS = np.array([0, 2, 1, 1])
RIGHT = {
    "layer": (lambda x, w: np.tanh(x @ w), (X, W), (0, None)),
    "bias": (lambda x, b: np.exp(x * b), (X, B), (0, None)),
    "softmax": (lambda x: tg.softmax(x, axis=1), (X,), 0),
    "loss": (tg.cross_entropy, (X, LABELS), (0, 0)),
    "mean over the batch": (lambda x: ((x - x.mean(axis=0)) ** 2).mean(), (X,), 0),
    "batch norm": (lambda x: (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), (X,), 0),
    "sorted": (lambda x: np.max(x, axis=1), (X,), 0),
    "tree": (lambda p: {"y": p["x"] @ p["w"], "z": p["x"][0]}, ({"x": X, "w": W},), None),
    "linear": (lambda x: np.cumsum(x, axis=1), (X,), 0),
    "number": (lambda x: x**3, (1.5,), None),
    "constant": (lambda x: np.sin(x) * 0.0 + 1.0, (X,), None),
    "one sample": (lambda x: np.sin(x).sum(axis=0), (X[:1],), 0),
}


@pytest.mark.parametrize("name", RIGHT)
def test_every_law_holds_for_a_right_function(name: str) -> None:
    f, args, batch = RIGHT[name]
    report = compare_laws(f, *args, batch=batch)
    assert not report.of(BROKEN), report
    assert report.ok
    silent = {o.law for o in report.of(SILENT)}
    assert silent <= {
        "broadcasting equals explicit copies",
        "permuting a batch permutes its gradients",
        "at a kink the gradient lies between the slopes",
    }
    assert ("permuting a batch permutes its gradients" in silent) == (batch is None)


def drawn(x):
    return x * np.random.default_rng().random(x.shape)


class Stateful:
    """A rule that remembers how often it was called."""

    calls = 0

    def __call__(self, g, ans, x):
        self.calls += 1
        return g * x * (2 if self.calls % 2 else 3)


def in_place(g, ans, x):
    if isinstance(g, np.ndarray):
        g *= 2.0
    return g * x


SHARED = np.zeros_like(X)


def one_buffer(g, ans, x):
    if isinstance(g, tg.Tensor):
        return 2.0 * g * x
    np.multiply(2.0 * g, x, out=SHARED)
    return SHARED


def writes(x):
    x += 1.0
    return x * 2.0


def narrow(g, ans, x):
    return 2.0 * g * x * (1.01 if bare(x).dtype == np.float32 else 1.0)


def square(rule, **fields):
    return tg.op(lambda x: x**2, vjps=[rule], name="square_of_a_student", **fields)


def product(first, second, **fields):
    return tg.op(lambda x, y: x * y**2, vjps=[first, second], name="product_of_a_student", **fields)


def kinked(rule):
    return tg.op(lambda x: np.maximum(x, 0.0), vjps=[rule], name="relu_of_a_student")


RAGGED = np.array([-1.0, 0.0, 2.0, 0.0])


def detached(x):
    return x.detach() if isinstance(x, tg.Tensor) else x


blind = product(lambda g, ans, x, y: g * detached(y) ** 2, lambda g, ans, x, y: g * 2 * x * y, kind="elementwise")
one_row = product(
    lambda g, ans, x, y: g * y**2, lambda g, ans, x, y: (g * 2 * x * y)[0] if y.ndim < 2 else g * 2 * x * y
)
by_place = square(lambda g, ans, x: 2 * g * x * np.arange(1.0, 5.0)[:, None])
ahead = square(lambda g, ans, x: 2 * g * x, jvp=lambda ts, ans, x: 2.001 * ts[0] * x)

BREAKING = {
    "the same input twice gives the same gradient": [
        ("values at random", drawn, (X,), None),
        ("a rule with a memory", square(Stateful()), (X,), None),
    ],
    "inputs are not written to, gradients share no memory": [
        ("an op that writes to its input", tg.op(writes, vjps=[lambda g, ans, x: 2 * g], name="writes"), (X,), None),
        ("a rule that writes to the cotangent", square(in_place), (X,), None),
    ],
    "forward and reverse mode are transposes": [("another rule ahead", ahead, (X,), None)],
    "the pullback is linear": [
        ("the cotangent squared", square(lambda g, ans, x: 2 * g * g * x), (X,), None),
        ("the cotangent forgotten", square(lambda g, ans, x: 2 * x), (X,), None),
        ("the size of the cotangent", square(lambda g, ans, x: 2 * np.abs(g) * x), (X,), None),
        ("clipped", square(lambda g, ans, x: np.clip(g, -1.0, 1.0) * 2 * x), (X,), None),
    ],
    "the gradient of a sum is the sum of the gradients": [("one buffer for all", square(one_buffer), (X,), None)],
    "second derivatives are symmetric": [("blind to its arguments", blind, (X, X + 0.5), None)],
    "broadcasting equals explicit copies": [("one row of the copies", one_row, (X, B), None)],
    "permuting a batch permutes its gradients": [
        ("by the place of a sample", by_place, (X,), 0),
        ("values by the place", lambda x: x * np.arange(4.0)[:, None], (X,), 0),
    ],
    "at a kink the gradient lies between the slopes": [
        (
            "twice the larger slope",
            kinked(lambda g, ans, x: g * np.where(x >= 0, 1.0 + (x == 0), 0.0)),
            (RAGGED,),
            None,
        ),
        ("less than none", kinked(lambda g, ans, x: g * np.where(x == 0, -0.01, x > 0)), (RAGGED,), None),
    ],
    "float32 agrees with float64": [("another rule for float32", square(narrow), (X,), None)],
}
PLANTED = [(law, *fault) for law, faults in BREAKING.items() for fault in faults]


@pytest.mark.parametrize(("law", "words", "f", "args", "batch"), PLANTED, ids=[w for _, w, *_ in PLANTED])
def test_a_law_that_is_broken_is_named(law, words, f, args, batch) -> None:
    report = compare_laws(f, *[np.array(a) for a in args], batch=batch)
    assert law in {o.law for o in report.of(BROKEN)}, report
    assert f"broken: {law}" in str(report)


def test_each_law_has_a_fault_that_breaks_it() -> None:
    assert set(BREAKING) == set(LAWS)


def test_the_error_names_the_law_and_the_numbers() -> None:
    with pytest.raises(LawError, match=r"broken: forward and reverse mode are transposes: <u, Jt>.*against") as error:
        check_laws(ahead, X)
    assert len(error.value.report.of(HELD)) == 6  # of nine: no batch, no kink, nothing broadcast


def test_where_nothing_is_finite_no_law_holds() -> None:
    assert not compare_laws(np.log, -np.abs(X)).of(BROKEN)  # 1/x is finite
    report = compare_laws(lambda x: np.sqrt(-np.abs(x)), X)
    assert not report.of(BROKEN)
    assert "leave nothing to compare" in str(report)


def test_rounding_is_no_fault() -> None:
    for f in (lambda x: (x + 1e12) - 1e12, lambda x: np.exp(30 * x).sum(), lambda x: np.sin(1e6 * x)):
        assert not compare_laws(f, X).of(BROKEN)


def test_bad_batches_and_a_function_that_fails_raise() -> None:
    with pytest.raises(ValueError, match="1 axes for 2 arguments"):
        check_laws(np.multiply, X, X, batch=(0,))
    with pytest.raises(ValueError, match="counted differently"):
        check_laws(lambda x, w: x @ w, X, W, batch=(0, 0))
    with pytest.raises(TypeError, match="no argument is a real array"):
        check_laws(lambda i: i, LABELS)
    with pytest.raises(TypeError, match="the function returned int64: no real number"):
        check_laws(np.argmax, X)


def test_a_notebook_shows_a_table() -> None:
    html = compare_laws(np.sin, X)._repr_html_()
    assert html.count("<tr>") == len(LAWS) + 1
    assert "&lt;" not in html


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.abs, RAGGED),
        (tg.relu, RAGGED),
        (lambda x: np.max(x) - np.min(x), np.array([-1.0, 2.0, -1.0, 2.0])),
        (np.floor, RAGGED),
        (lambda x: np.maximum(x, x[::-1]).sum(), np.array([1.0, 0.0, 0.0, 1.0])),
        (lambda x: np.hypot(x, x * 0.5), RAGGED),
    ],
    ids=["abs", "relu", "extent of a box", "jump", "tie", "hypot"],
)
def test_at_a_kink_the_laws_hold_for_right_functions(f, x) -> None:
    report = compare_laws(f, x)
    assert not report.of(BROKEN), report
    assert "at a kink the gradient lies between the slopes" in {o.law for o in report.of(HELD)}


STEEP = {
    "steep": lambda x: np.sin(1e6 * x),
    "several kinks": lambda x: (np.abs(x) * np.abs(x - 1)).sum(),
    "jumps": lambda x: np.floor(x * 3) * x,
    "remainders": lambda x: np.mod(x, 0.37) * x,
    "extent": lambda x: np.max(x, axis=0) - np.min(x, axis=0),
    "saturated": lambda x: tg.softmax(30 * x, axis=-1),
    "cancelling": lambda x: (x + 1e10) - 1e10,
    "overflowing": lambda x: np.exp(5 * x).sum(),
}


@pytest.mark.parametrize("name", STEEP)
def test_no_law_is_called_broken_that_holds(name: str) -> None:
    for seed in range(9):
        x = np.random.default_rng(seed).normal(size=(3, 2))
        x = [x, np.round(x), np.round(x * 2) / 2 * 10.0 ** (seed - 4)][seed % 3]
        report = compare_laws(STEEP[name], x, batch=0, seed=seed)
        assert not report.of(BROKEN), report


def test_a_rule_for_one_shape_of_an_argument_breaks_no_law_of_broadcasting() -> None:
    """b + c of NumPy takes any b that fits, the rule of this layer a row alone."""
    layer = tg.op(
        lambda x, w, b: x @ w + b,
        vjps=[
            lambda g, ans, x, w, b: g @ w.T,
            lambda g, ans, x, w, b: x.T @ g,
            lambda g, ans, x, w, b: g.sum(axis=0),
        ],
        name="layer",
    )
    report = compare_laws(layer, X[:3, :3], X[:3, :3] + 1.0, X[0, :3])
    assert report.ok
    silent = {o.law: o.why for o in report.of("not applicable")}
    assert silent["broadcasting equals explicit copies"] == "the rules take the arguments in their own shapes alone"
