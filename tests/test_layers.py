"""Layers: gradients through the kit at both orders, training and evaluation, dtypes, nothing at all, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.check import check_grads, compare_grads
from tinygraph.graph import differentiable
from tinygraph.op import Each, Op, bare


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Distinct multiples of 1/64, none at a kink, none equal in size."""
    n = int(np.prod(shape))
    order = np.random.default_rng(seed).permutation(n) - n // 2
    return (order * (4.0 / max(n, 1)) + 1 / 128).reshape(shape)


Made = Callable[[], nn.Module]

LAYERS: dict[str, tuple[Made, np.ndarray]] = {
    "Linear": (lambda: nn.Linear(4, 3, rng=0), numbers(2, 4)),
    "Identity": (nn.Identity, numbers(2, 3)),
    "Embedding": (lambda: nn.Embedding(5, 2, rng=0), np.array([[1, 2, 1], [4, 0, 1]])),
    "Conv1d": (lambda: nn.Conv1d(2, 4, 3, stride=2, padding=1, groups=2, rng=0), numbers(2, 2, 6)),
    "Conv2d": (lambda: nn.Conv2d(2, 3, (2, 3), padding="same", dilation=2, rng=0), numbers(1, 2, 4, 5)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 4, 3, stride=2, groups=2, rng=0), numbers(2, 2, 4)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 2, stride=2, padding=1, rng=0), numbers(1, 2, 3, 3)),
    "MaxPool1d": (lambda: nn.MaxPool1d(3, 2, padding=1), numbers(2, 2, 6)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2, 1), numbers(1, 2, 4, 3)),
    "AvgPool1d": (lambda: nn.AvgPool1d(2, 1, padding=1, count_include_pad=False), numbers(2, 2, 5)),
    "AvgPool2d": (lambda: nn.AvgPool2d((2, 3), ceil_mode=True), numbers(1, 2, 5, 4)),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(2), numbers(2, 2, 5)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d((2, None)), numbers(1, 2, 5, 3)),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(3), numbers(2, 2, 5)),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), numbers(1, 2, 5, 3)),
    "GlobalAvgPool": (nn.GlobalAvgPool, numbers(2, 3, 2, 2)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), numbers(4, 3)),
    "BatchNorm1d of sequences": (lambda: nn.BatchNorm1d(2), numbers(3, 2, 4)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), numbers(2, 2, 3, 2)),
    "BatchNorm2d without parameters": (lambda: nn.BatchNorm2d(2, affine=False), numbers(2, 2, 3, 2)),
    "LayerNorm": (lambda: nn.LayerNorm(4), numbers(3, 4)),
    "LayerNorm of two axes": (lambda: nn.LayerNorm((2, 3), bias=False), numbers(2, 2, 3)),
    "RMSNorm": (lambda: nn.RMSNorm(4), numbers(3, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), numbers(1, 4, 2)),
    "Dropout": (lambda: nn.Dropout(rng=0).eval(), numbers(2, 3)),
    "Dropout2d": (lambda: nn.Dropout2d(rng=0).eval(), numbers(2, 3, 2, 2)),
    "Flatten": (nn.Flatten, numbers(2, 3, 2)),
    "Unflatten": (lambda: nn.Unflatten(-1, (2, -1)), numbers(2, 6)),
    "ReLU": (nn.ReLU, numbers(3, 4)),
    "ReLU6": (nn.ReLU6, 4.0 * numbers(3, 4)),
    "LeakyReLU": (nn.LeakyReLU, numbers(3, 4)),
    "PReLU": (nn.PReLU, numbers(3, 4)),
    "PReLU of channels": (lambda: nn.PReLU(3), numbers(2, 3, 4)),
    "ELU": (lambda: nn.ELU(0.5), numbers(3, 4)),
    "SELU": (nn.SELU, numbers(3, 4)),
    "GELU": (nn.GELU, numbers(3, 4)),
    "GELU by tanh": (lambda: nn.GELU("tanh"), numbers(3, 4)),
    "SiLU": (nn.SiLU, numbers(3, 4)),
    "Mish": (nn.Mish, numbers(3, 4)),
    "Sigmoid": (nn.Sigmoid, numbers(3, 4)),
    "Tanh": (nn.Tanh, numbers(3, 4)),
    "Softplus": (lambda: nn.Softplus(2.0), numbers(3, 4)),
    "Softsign": (nn.Softsign, numbers(3, 4)),
    "Hardtanh": (nn.Hardtanh, numbers(3, 4)),
    "Hardsigmoid": (nn.Hardsigmoid, 3.0 * numbers(3, 4)),
    "Hardswish": (nn.Hardswish, 3.0 * numbers(3, 4)),
    "LogSigmoid": (nn.LogSigmoid, numbers(3, 4)),
    "Softmax": (nn.Softmax, numbers(3, 4)),
    "LogSoftmax": (lambda: nn.LogSoftmax(0), numbers(3, 4)),
}
each = pytest.mark.parametrize("name", LAYERS)


def made(name: str) -> tuple[nn.Module, np.ndarray]:
    make, x = LAYERS[name]
    x = x.copy()
    x.flags.writeable = False
    return make(), x


def as_function(layer: nn.Module) -> tuple[Any, dict[str, np.ndarray]]:
    """A layer as a function of its parameters and its input, and parameters that are neither ones nor zeros."""
    rng = np.random.default_rng(0)
    parameters = {name: p.data + 0.25 * rng.random(p.shape) for name, p in layer.named_parameters()}
    return lambda p, x: nn.functional_call(layer, p, x), parameters


@each
def test_gradients_of_both_orders_are_right(name: str) -> None:
    layer, x = made(name)
    f, parameters = as_function(layer)
    if not parameters and x.dtype.kind != "f":
        pytest.skip("nothing to differentiate by")
    check_grads(f, parameters, x)
    assert compare_grads(f, parameters, x, order=2).wrong == 0


@each
def test_gradients_in_evaluation_are_right(name: str) -> None:
    layer, x = made(name)
    f, parameters = as_function(layer)
    layer(x)  # running averages that are not where they began
    layer.eval()
    check_grads(f, parameters, x, modes=["rev"])


# --- a check that can fail


def behind(layer: nn.Module, x: np.ndarray) -> list[tuple[Op, int]]:
    """The rules that the gradient of a layer runs."""
    y = layer(tg.Tensor(x))
    found = {}
    for node in differentiable([y._node]):
        for i, source in enumerate(node.inputs or ()):
            if source is not None and source.requires_grad:
                found[node.op, i] = None
    return list(found)


def scaled(op: Op, i: int) -> Any:
    right = op.vjps
    if isinstance(right, Each):
        return Each(lambda j, *args, **params: right[j](*args, **params) * (1.001 if j == i else 1.0))
    return [
        (lambda *args, rule=rule, **params: rule(*args, **params) * 1.001) if j == i else rule
        for j, rule in enumerate(right)
    ]


@each
def test_every_wrong_rule_behind_a_layer_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = made(name)
    f, parameters = as_function(layer)
    directions = None if x.size <= 24 else 4  # a fault in one of many numbers is seen along a few directions too
    rules = behind(layer, x) if x.dtype.kind == "f" else [(tg.getitem, 0)]
    for op, i in rules:
        with monkeypatch.context() as patch:
            patch.setattr(op, "vjps", scaled(op, i))
            assert not compare_grads(f, parameters, x, directions=directions).ok, (
                f"rule {i} of {op.name}, scaled by 1.001, is not noticed"
            )


# --- dtypes, no gradients, no samples


@each
def test_single_precision_stays(name: str) -> None:
    layer, x = made(name)
    layer.astype(np.float32)
    x = tg.Tensor(x.astype(np.float32)) if x.dtype.kind == "f" else x
    y = layer(x)
    assert y.dtype == np.float32
    if y.requires_grad:
        y.sum().backward()
        assert all(p.grad.dtype == np.float32 for p in layer.parameters())
        assert not isinstance(x, tg.Tensor) or x.grad.dtype == np.float32
    assert all(b.dtype.kind != "f" or b.dtype == np.float32 for b in layer.buffers())
    layer.eval()
    assert layer(x).dtype == np.float32


@each
def test_arrays_give_what_tensors_do(name: str) -> None:
    layer, x = made(name)
    if x.dtype.kind != "f":
        return
    layer.eval()
    with tg.no_grad():
        np.testing.assert_array_equal(bare(layer(x)), layer(tg.Tensor(x)).data)
        np.testing.assert_array_equal(bare(layer(x.tolist())), bare(layer(x)))


@each
def test_no_samples_are_no_error(name: str) -> None:
    """Batch normalisation cannot train on them."""
    layer, x = made(name)
    layer.eval()
    first = "Flatten" in name
    none = x[:0]
    want = (0, *np.shape(bare(layer(x)))[1:])
    y = layer(tg.Tensor(none) if none.dtype.kind == "f" else none)
    assert y.shape == want or first
    if y.requires_grad:
        y.backward(np.zeros(y.shape))
        assert all(np.array_equal(p.grad, np.zeros(p.shape)) for p in layer.parameters())


# --- batch normalisation


def test_batch_normalisation_trains_on_the_batch_and_evaluates_by_running_averages() -> None:
    layer, x = nn.BatchNorm1d(3, eps=0.0), numbers(5, 3)
    y = layer(x).data
    np.testing.assert_allclose(y.mean(axis=0), 0.0, atol=1e-15)
    np.testing.assert_allclose(y.std(axis=0), 1.0, rtol=1e-14)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axis=0))
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(axis=0, ddof=1))
    assert layer.num_batches_tracked == 1
    before = layer.state_dict()
    layer.eval()
    np.testing.assert_allclose(layer(x).data, (x - layer.running_mean) / np.sqrt(layer.running_var))
    assert all(np.array_equal(a, before[name]) for name, a in layer.state_dict().items())


def test_batch_normalisation_can_average_over_all_batches() -> None:
    layer = nn.BatchNorm1d(2, momentum=None)
    batches = [numbers(4, 2, seed=s) + s for s in range(3)]
    for x in batches:
        layer(x)
    np.testing.assert_allclose(layer.running_mean, np.mean([x.mean(axis=0) for x in batches], axis=0))
    np.testing.assert_allclose(layer.running_var, np.mean([x.var(axis=0, ddof=1) for x in batches], axis=0))


def test_batch_normalisation_is_the_courses_formula() -> None:
    """Samples are columns there, so means are over axis 1; beta is the share of the old average."""
    z, gamma, beta = numbers(3, 5), np.array([[1.0], [2.0], [0.5]]), np.array([[0.1], [0.2], [0.3]])
    mu, var = z.mean(axis=1, keepdims=True), z.var(axis=1, keepdims=True)
    want = gamma * (z - mu) / np.sqrt(var + 1e-8) + beta
    np.testing.assert_allclose(tg.normalize(z, gamma, beta, axis=1, eps=1e-8), want, rtol=1e-14, atol=1e-15)
    layer = nn.BatchNorm1d(3, eps=1e-8)
    layer.load_state_dict({**layer.state_dict(), "weight": gamma[:, 0], "bias": beta[:, 0]})
    np.testing.assert_allclose(layer(z.T).data.T, want, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("axis", [0, (0, 2), -1])
def test_normalisation_is_its_composition(center: bool, axis: Any) -> None:
    """The one operation against what it is made of, to the second order, with the moments found before and without."""
    x, w, b = numbers(3, 4, 5), numbers(4, 1, seed=1), numbers(4, 1, seed=2)
    g, u = numbers(3, 4, 5, seed=3), numbers(3, 4, 5, seed=4)

    def composed(x: Any, w: Any, b: Any) -> Any:
        d = x - np.mean(x, axis=axis, keepdims=True) if center else x
        return w * d / np.sqrt(np.mean(d * d, axis=axis, keepdims=True) + 1e-5) + b

    def one(x: Any, w: Any, b: Any) -> Any:
        return tg.normalize(x, w, b, axis=axis, center=center)

    def derivatives(f: Any) -> list[np.ndarray]:
        def first(x: Any, w: Any) -> Any:
            return tg.grad(lambda x, w: (f(x, w, b) * g).sum(), (0, 1))(x, w)[0]

        y, pull = tg.vjp(f, x, w, b)
        return [y, *pull(g), *tg.grad(lambda x, w: (first(x, w) * u).sum(), (0, 1))(x, w)]

    for found, want in zip(derivatives(one), derivatives(composed), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-12 * (1.0 + np.abs(want).max()))


@pytest.mark.parametrize(
    ("axis", "shape", "turned"),
    [
        ((0, 2, 3), (6, 1, 1), False),
        ((0, 2, 3), (6, 1, 1), True),
        ((1, 2, 3), (6, 40, 35), False),
        ((2, 3), (6, 1, 1), True),
    ],
)
def test_normalisation_of_many_numbers_in_any_layout_is_precise(axis: Any, shape: Any, turned: bool) -> None:
    """Beside a large mean, in single precision; sums are products there, and samples may come last in memory."""
    rng = np.random.default_rng(0)
    x, g = (rng.normal(size=(6, 40, 35, 5)).astype(np.float32).transpose(3, 0, 1, 2) for _ in range(2))
    if not turned:
        x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    x = x + np.float32(100.0)
    assert x.flags.c_contiguous is not turned
    parts = [rng.normal(size=shape).astype(np.float32) for _ in range(2)]
    found, wanted = [], []
    for results, dtype in ((found, np.float32), (wanted, np.float64)):
        y, pull = tg.vjp(lambda *a: tg.normalize(*a, axis=axis), *(a.astype(dtype) for a in (x, *parts)))
        results += [y, *pull(g.astype(dtype))]
    for a, b in zip(found, wanted, strict=True):
        assert np.max(np.abs(a - b)) < 2e-5 * np.max(np.abs(b))
    assert tg.normalize(x, axis=(0, 2, 3)).strides == x.strides


@pytest.mark.parametrize("of", [tg.softmax, tg.normalize])
def test_many_rows_are_treated_as_few_are(of: Any) -> None:
    """Sums and largest elements of more than 32,768 numbers are found in another way; to the second order, compiled."""
    rng = np.random.default_rng(0)
    x, u, w = rng.normal(size=(1024, 40)), rng.normal(size=(1024, 40)), rng.normal(size=40)

    def curved(x: Any, u: Any) -> Any:
        return tg.hvp(lambda x: ((of(x) if of is tg.softmax else of(x, w)) ** 3).sum(), (x,), (u,))

    many = curved(x, u)
    np.testing.assert_allclose(many[:99], curved(x[:99], u[:99]), rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(tg.vmap(curved)(x[None], u[None])[0], many)
    compiled = tg.compile(curved, strict=True)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(x, u), many)


def test_moments_of_another_array_are_not_taken() -> None:
    from tinygraph.ops.moments import moments

    x, other = numbers(4, 3), 5.0 + 2.0 * numbers(4, 3, seed=1)
    known = moments(other, 0)
    np.testing.assert_array_equal(tg.normalize(x, axis=0, known=known), tg.normalize(x, axis=0))


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("center", [True, False])
def test_normalisation_has_the_precision_of_its_widest_argument(axis: int, center: bool) -> None:
    x, w = np.ones((4, 3), np.float32), np.ones(3)
    for weight, bias in ((w, None), (None, w), (w, w)):
        assert tg.normalize(x, weight, bias, axis=axis, center=center).dtype == np.float64
    assert tg.normalize(x, w.astype(np.float32), axis=axis, center=center).dtype == np.float32


@pytest.mark.parametrize("center", [True, False])
def test_sums_of_normalisation_do_not_overflow(center: bool) -> None:
    """The squares of a row in half precision, and many whole numbers of 32 bits."""
    x = np.rint(40.0 * np.random.default_rng(0).normal(size=(20, 2000)))
    want = tg.normalize(x, center=center)
    np.testing.assert_allclose(tg.normalize(x.astype(np.float16), center=center), want, rtol=5e-3, atol=2e-3)
    large = 2.0**20 + x if center else x
    np.testing.assert_allclose(tg.normalize(large.astype(np.int32), center=center), want, rtol=1e-9, atol=1e-10)


# --- dropout


def test_dropout_keeps_the_expectation_and_is_off_in_evaluation() -> None:
    layer, x = nn.Dropout(0.3, rng=0), np.ones((400, 500))
    y = layer(x)
    assert set(np.unique(y).tolist()) == {0.0, 1.0 / 0.7}
    assert abs(y.mean() - 1.0) < 5 * np.sqrt(0.3 / 0.7 / x.size)
    assert abs((y == 0).mean() - 0.3) < 5 * np.sqrt(0.21 / x.size)
    assert layer.eval()(x) is x


def test_dropout_of_a_seed_is_repeatable_and_every_call_drops_others() -> None:
    x = np.ones(64)
    one, other = nn.Dropout(rng=7), nn.Dropout(rng=7)
    first = one(x)
    np.testing.assert_array_equal(first, other(x))
    assert np.any(one(x) != first)
    common = nn.Dropout()
    nn.manual_seed(3)
    drawn = common(x)
    nn.manual_seed(3)
    np.testing.assert_array_equal(common(x), drawn)


def test_dropout_with_the_courses_generator_has_the_courses_masks() -> None:
    a = numbers(3, 5)
    np.random.seed(1)  # noqa: NPY002  as the exercises do
    d = np.random.rand(3, 5) < 0.7  # noqa: NPY002
    layer = nn.Dropout(keep_prob=0.7, rng=np.random.RandomState(1))
    np.testing.assert_array_equal(layer(a), a * d / 0.7)


def test_the_gradient_of_dropout_goes_where_the_numbers_went() -> None:
    x = tg.Tensor(np.ones(100))
    y = nn.Dropout(0.4, rng=0)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)


@pytest.mark.parametrize(("p", "value"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_of_nothing_and_of_everything(p: float, value: float) -> None:
    np.testing.assert_array_equal(nn.Dropout(p)(np.ones(9)), np.full(9, value))


def test_dropout_may_be_changed_while_training() -> None:
    layer = nn.Dropout(0.5)
    layer.p = 0.0
    np.testing.assert_array_equal(layer(np.ones(9)), np.ones(9))
    with pytest.raises(ValueError, match=r"p=1\.5 is no probability"):
        layer.p = 1.5


def test_dropout2d_drops_whole_channels() -> None:
    y = nn.Dropout2d(0.5, rng=0)(np.ones((50, 8, 3, 4)))
    channels = y.reshape(400, 12)
    assert np.all(channels == channels[:, :1])
    assert 0.4 < (channels[:, 0] == 0).mean() < 0.6


# --- embedding


def test_an_embedding_adds_up_the_gradients_of_repeated_rows() -> None:
    layer = nn.Embedding(4, 2, rng=0)
    layer(np.array([1, 1, 3, 1])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[0, 0], [3, 3], [0, 0], [1, 1]])


def test_padding_is_zeros_at_first_and_learns_nothing() -> None:
    layer = nn.Embedding(4, 2, padding_idx=-1, rng=0)
    y = layer(np.array([[3, 1], [0, 3]]))
    np.testing.assert_array_equal(y.data[[0, 1], [0, 1]], np.zeros((2, 2)))
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[1, 1], [1, 1], [0, 0], [0, 0]])


# --- errors


ERRORS: list[tuple[Made, Any, type[Exception], str]] = [
    (lambda: nn.Linear(3, 2), np.ones((4, 5)), ValueError, r"linear: x of shape \(4, 5\) and weight of shape \(2, 3\)"),
    (lambda: nn.Conv2d(3, 2, 3), np.ones((1, 4, 5, 5)), ValueError, r"conv2d: x of shape \(1, 4, 5, 5\)"),
    (lambda: nn.Conv2d(3, 2, 3), np.ones((1, 5, 5, 3)), ValueError, r"channels go first: np\.moveaxis\(x, -1, -3\)"),
    (lambda: nn.Conv2d(3, 2, 3), np.ones((3, 2)), ValueError, r"conv2d: takes x of shape \(N, C, H, W\)"),
    (lambda: nn.Conv2d(3, 2, 5), np.ones((1, 3, 4, 4)), ValueError, "kernel of size"),
    (lambda: nn.ConvTranspose1d(3, 2, 3), np.ones((1, 4, 5)), ValueError, r"conv_transpose1d: x of shape \(1, 4, 5\)"),
    (lambda: nn.BatchNorm1d(3), np.ones((4, 5)), ValueError, r"BatchNorm1d\(3\): takes x .* C = 3; got shape \(4, 5\)"),
    (
        lambda: nn.BatchNorm1d(3),
        np.ones((1, 3)),
        ValueError,
        r"BatchNorm1d\(3\): training needs two values per channel",
    ),
    (lambda: nn.BatchNorm1d(3), np.ones((0, 3)), ValueError, "has 0; take a larger batch"),
    (lambda: nn.BatchNorm2d(3), np.ones((4, 3, 2)), ValueError, r"takes x of shape \(N, C, H, W\), C = 3"),
    (lambda: nn.LayerNorm(3), np.ones((4, 5)), ValueError, r"LayerNorm\(3\): takes x whose last axes are \(3,\)"),
    (lambda: nn.LayerNorm((2, 3)), np.ones(3), ValueError, r"last axes are \(2, 3\), got shape \(3,\)"),
    (lambda: nn.RMSNorm(3), np.ones((4, 5)), ValueError, r"RMSNorm\(3\)"),
    (
        lambda: nn.GroupNorm(2, 4),
        np.ones((4, 5)),
        ValueError,
        r"GroupNorm\(2, 4\): takes x of shape \(N, C, ...\), C = 4",
    ),
    (lambda: nn.PReLU(3), np.ones((4, 5)), ValueError, "PReLU of 3 channels"),
    (nn.Dropout2d, np.ones((4, 5)), ValueError, "three axes or more"),
    (nn.GlobalAvgPool, np.ones((4, 5)), ValueError, "three axes or more"),
    (lambda: nn.MaxPool2d(3), np.ones((1, 1, 2, 2)), ValueError, "max_pool2d"),
    (lambda: nn.Flatten(3), np.ones((4, 5)), ValueError, "has no axis 3"),
    (lambda: nn.Flatten(1, 0), np.ones((4, 5)), ValueError, "axis 0 is before 1"),
    (lambda: nn.Unflatten(1, (2, -1)), np.ones((4, 5)), ValueError, r"shape \(4, 5\), does not divide into \(2, -1\)"),
    (lambda: nn.Embedding(3, 2), np.array([0, 3]), IndexError, r"indices must lie in 0 ... 2, got 0 ... 3"),
    (lambda: nn.Embedding(3, 2), np.array([-1]), IndexError, r"Embedding\(3, 2\)"),
    (lambda: nn.Embedding(3, 2), np.array([1.0]), TypeError, "takes whole numbers, got dtype float64"),
]


@pytest.mark.parametrize(("make", "x", "kind", "match"), ERRORS)
def test_errors_name_the_layer_the_shapes_and_the_remedy(make: Made, x: Any, kind: Any, match: str) -> None:
    layer = make()
    model = nn.Sequential({"first": nn.Identity(), "second": layer})
    with pytest.raises(kind, match=match) as caught:
        model(x)
    assert caught.value.__notes__ == [f"in layer Sequential/second, {layer!r}"]


MISMADE: list[tuple[Callable[[], Any], str]] = [
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "3 → 4 channels do not divide into 2 groups"),
    (lambda: nn.Conv2d(3, 4, 0), "kernel_size must be a whole number"),
    (lambda: nn.Conv1d(3, 4, (2, 2)), "Conv1d: kernel_size"),
    (lambda: nn.GroupNorm(3, 4), "4 channels do not divide into 3 groups"),
    (lambda: nn.Dropout(1.5), "p=1.5 is no probability"),
    (lambda: nn.Dropout(keep_prob=-0.5), "keep_prob=-0.5 is no probability"),
    (lambda: nn.Dropout(0.5, keep_prob=0.5), "not both"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx 3 is none of the 3 rows"),
    (lambda: nn.GELU("erf"), "must be 'none' or 'tanh'"),
    (lambda: nn.Linear(3, 2, weight_init="kaiming"), "initialiser 'kaiming' is not one of bengio, "),
]


@pytest.mark.parametrize(("make", "match"), MISMADE)
def test_a_layer_cannot_be_made_wrong(make: Callable[[], Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def test_every_layer_of_this_kind_is_in_the_table() -> None:
    tried = {type(make()).__name__ for make, _ in LAYERS.values()}
    modules = ("linear", "activations", "convolution", "pooling", "normalization", "dropout", "embedding", "reshaping")
    layers = {
        k
        for k, v in vars(nn).items()
        if isinstance(v, type) and issubclass(v, nn.Module) and v.__module__.rpartition(".")[2] in modules
    }
    assert layers == tried
