"""Modules: what they hold and by which names, saving, modes, copies, and how parameters begin."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.nn import init


class Block(nn.Module):
    """Parameters, buffers and parts of every kind, set in an order that is not the alphabet's."""

    def __init__(self) -> None:
        self.scale = tg.Tensor(np.array([2.0, 3.0]))
        self.inner = nn.Linear(2, 2, rng=0)
        self.classes = np.array([1, 2, 3])
        self.fixed = tg.Tensor(np.array(0.5), requires_grad=False)
        self.layers = [nn.Linear(2, 2, bias=False, rng=1), {"last": nn.BatchNorm1d(2)}]
        self.size = (2, 2)
        self._private = np.zeros(9)

    def forward(self, x: Any) -> Any:
        return self.layers[1]["last"](self.layers[0](self.inner(x * self.scale + self.fixed)))


X = np.random.default_rng(0).normal(size=(5, 2))
NAMES = ["scale", "inner.weight", "inner.bias", "layers.0.weight", "layers.1.last.weight", "layers.1.last.bias"]


def test_parameters_and_buffers_have_the_names_of_their_attributes_in_order() -> None:
    block = Block()
    assert [name for name, _ in block.named_parameters()] == NAMES
    assert [name for name, _ in block.named_buffers()] == [
        *("classes", "fixed", "layers.1.last.running_mean", "layers.1.last.running_var"),
        "layers.1.last.num_batches_tracked",
    ]
    assert [name for name, _ in block.named_modules()] == ["", "inner", "layers.0", "layers.1.last"]
    assert [p.name for p in block.parameters()] == ["scale", "weight", "bias", "weight", "weight", "bias"]
    assert block(X).scope == "Block/layers.1.last"


def test_what_is_appended_later_is_held_and_named() -> None:
    block = Block()
    block.layers.append(nn.Linear(2, 3))
    block.layers.append(tg.Tensor(np.ones(4)))
    found = dict(block.named_parameters())
    assert list(found)[-3:] == ["layers.2.weight", "layers.2.bias", "layers.3"]
    assert found["layers.3"].name == "layers.3"
    assert block.layers[2](np.ones((1, 2))).scope == "layers.2"
    model = nn.Sequential(nn.Linear(2, 3)).append(nn.Linear(3, 1))
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_what_is_shared_is_one_parameter_and_saved_under_each_name() -> None:
    model = nn.Sequential(nn.Linear(2, 2, rng=0), nn.Linear(2, 2, rng=1))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    state = model.state_dict()
    assert list(state) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    del state["1.weight"]
    state["0.weight"] = np.ones((2, 2))
    model.load_state_dict(state)
    np.testing.assert_array_equal(model[1].weight.data, np.ones((2, 2)))
    assert model.astype(np.float32)[0].weight is model[1].weight
    both = copy.deepcopy(model)
    assert both[0].weight is both[1].weight


def test_results_of_computations_are_not_parameters() -> None:
    block = Block()
    block.seen = block(X)
    assert [name for name, _ in block.named_parameters()] == NAMES


# --- saving


def test_state_goes_round_and_is_a_copy() -> None:
    one, other = Block(), Block()
    one(X)
    for p in one.parameters():
        p.data += 1.0
    state = one.state_dict()
    other.load_state_dict(state)
    assert all(np.array_equal(a, state[name]) for name, a in other.state_dict().items())
    np.testing.assert_array_equal(one.eval()(X).data, other.eval()(X).data)
    state["scale"][...] = 0.0
    assert np.all(one.scale.data > 0)
    assert np.all(other.scale.data > 0)


def test_loading_writes_where_the_parameters_lie() -> None:
    block = Block()
    held = [p.data for p in block.parameters()]
    block.load_state_dict({name: a * 0 for name, a in block.state_dict().items()})
    assert all(p.data is a for p, a in zip(block.parameters(), held, strict=True))
    assert all(not a.any() for a in held)


def test_loading_what_does_not_fit_tells_all_and_changes_nothing() -> None:
    block = Block()
    before = block.state_dict()
    state = {**before, "extra": np.ones(2), "inner.bias": np.ones(3), "scale": np.zeros(2)}
    del state["fixed"]
    with pytest.raises(ValueError, match="load_state_dict of Block, nothing is changed") as caught:
        block.load_state_dict(state)
    for part in ["fixed is missing", "extra is unexpected", r"inner.bias is of shape (3,) and must be (2,)"]:
        assert part in str(caught.value)
    with pytest.raises(ValueError, match=r"inner\.bias is of shape"):
        block.load_state_dict(state, strict=False)
    with pytest.raises(ValueError, match="classes is float64 and must be int64"):
        block.load_state_dict({**before, "classes": np.ones(3), "scale": np.zeros(2)})
    assert all(np.array_equal(a, before[name]) for name, a in block.state_dict().items())
    del state["inner.bias"]
    block.load_state_dict(state, strict=False)
    np.testing.assert_array_equal(block.scale.data, np.zeros(2))


def test_loading_keeps_the_dtype_of_the_model() -> None:
    block = Block().astype(np.float32)
    block.load_state_dict(Block().state_dict())
    assert {p.dtype for p in block.parameters()} == {np.dtype(np.float32)}


# --- copies


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_equal_and_shares_nothing(copied: Any) -> None:
    model = nn.Sequential({"body": Block(), "head": nn.Sequential(np.tanh, nn.Linear(2, 1), nn.Dropout(rng=0))})
    model.eval()
    other = copied(model)
    assert repr(other) == repr(model)
    assert [name for name, _ in other.named_parameters()] == [name for name, _ in model.named_parameters()]
    assert [p.name for p in other.parameters()] == [p.name for p in model.parameters()]
    np.testing.assert_array_equal(other(X).data, model(X).data)
    assert not any(m.training for m in other.modules())
    for p in other.parameters():
        p.data += 1.0
    other[0].layers[1]["last"].running_mean += 1.0
    assert np.any(other(X).data != model(X).data)
    assert all(
        not np.shares_memory(a.data, b.data) for a, b in zip(model.parameters(), other.parameters(), strict=True)
    )


def test_a_copy_of_dropout_draws_what_the_original_does_and_the_common_generator_stays_common() -> None:
    layer = nn.Dropout(rng=0)
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer(np.ones(50)), other(np.ones(50)))
    common = copy.deepcopy(nn.Dropout())
    nn.manual_seed(5)
    first = common(np.ones(50))
    nn.manual_seed(5)
    np.testing.assert_array_equal(nn.Dropout()(np.ones(50)), first)


# --- modes, conversion, visits


def test_modes_reach_every_part() -> None:
    block = Block()
    assert all(m.training for m in block.modules())
    assert block.eval() is block
    assert not any(m.training for m in block.modules())
    assert all(m.training for m in block.train().modules())


def test_apply_visits_parts_before_what_they_are_part_of() -> None:
    seen: list[str] = []
    block = Block()
    assert block.apply(lambda m: seen.append(type(m).__name__)) is block
    assert seen == ["BatchNorm1d", "Linear", "Linear", "Block"]


def test_conversion_takes_real_numbers_alone() -> None:
    block = Block().astype(np.float32)
    assert {a.dtype.name for a in block.state_dict().values()} == {"float32", "int64"}
    assert block.classes.dtype == np.int64
    assert block(X.astype(np.float32)).dtype == np.float32
    assert not block.fixed.requires_grad
    with pytest.raises(TypeError, match="int64 is not a real dtype"):
        block.astype(int)


def test_hooks_see_each_call_until_they_are_taken_away() -> None:
    layer, seen = nn.Linear(2, 1), []
    remove = layer.register_forward_hook(lambda module, args, out: seen.append((module, args, out)))
    x = np.ones((3, 2))
    y = layer(x)
    remove()
    layer(x)
    assert seen == [(layer, (x,), y)]


def test_an_error_says_in_which_layer_it_arose_once() -> None:
    model = nn.Sequential({"body": nn.Sequential(nn.Linear(2, 3), np.tanh, nn.Linear(4, 1)), "head": nn.Linear(1, 1)})
    with pytest.raises(ValueError, match=r"x of shape \(5, 3\) and weight of shape \(1, 4\)") as caught:
        model(X)
    assert caught.value.__notes__ == ["in layer Sequential/body/2, Linear(4 → 1)"]


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Empty has no forward"):
        type("Empty", (nn.Module,), {})()(X)


# --- as users write them


@dataclasses.dataclass
class Net(nn.Module):
    hidden: int
    body: nn.Module = dataclasses.field(init=False)
    slope: float = 0.5

    def __post_init__(self) -> None:
        self.body = nn.Linear(2, self.hidden, rng=0)
        self.head = nn.Linear(self.hidden, 1, rng=1)

    def forward(self, x: Any) -> Any:
        return self.head(tg.leaky_relu(self.body(x), negative_slope=self.slope))


def test_a_dataclass_can_be_a_module() -> None:
    net = Net(4)
    assert [name for name, _ in net.named_parameters()] == ["body.weight", "body.bias", "head.weight", "head.bias"]
    net(X).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.summary(X).layers == 2
    other = copy.deepcopy(net)
    np.testing.assert_array_equal(other.eval()(X).data, net(X).data)


def test_a_module_writes_itself_as_a_tree() -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            self.conv = nn.Conv2d(1, 2, 3, stride=2, bias=False)
            self.layers = [nn.Dropout(keep_prob=0.8), nn.Sequential(nn.ReLU(), np.tanh)]

    assert repr(Small()).split("\n") == [
        "Small(",
        "  (conv): Conv2d(1 → 2, kernel_size=(3, 3), stride=2, bias=False)",
        "  (layers.0): Dropout(keep_prob=0.8)",
        "  (layers.1): Sequential(",
        "    (0): ReLU()",
        "    (1): tanh",
        "  )",
        ")",
    ]


def test_a_summary_counts_layers_that_learn_and_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Dropout(0.5), nn.Linear(64, 10)),
    )
    state = model.state_dict()
    found = model.summary(np.zeros((2, 1, 8, 8)))
    assert [(r.kind, r.output, r.parameters) for r in found.rows] == [
        ("Conv2d", "(2, 4, 8, 8)", 40),
        ("BatchNorm2d", "(2, 4, 8, 8)", 8),
        ("ReLU", "(2, 4, 8, 8)", 0),
        ("MaxPool2d", "(2, 4, 4, 4)", 0),
        ("Flatten", "(2, 64)", 0),
        ("Dropout", "(2, 64)", 0),
        ("Linear", "(2, 10)", 650),
    ]
    assert (found.layers, found.parameters, found.bytes) == (3, 698, 8 * 698)
    assert all(np.array_equal(a, state[name]) for name, a in model.state_dict().items())
    assert all(m.training for m in model.modules())


def test_a_summary_leaves_out_weights_that_attention_does_not_return() -> None:
    rows = nn.TransformerEncoderLayer(4, 2, 8, rng=0).summary(np.ones((3, 2, 4))).rows
    assert rows[0].output == "(3, 2, 4)"


# --- the same with other parameters


def test_a_functional_call_takes_other_parameters_and_leaves_the_module() -> None:
    block = Block()
    before = block.state_dict()
    handles = list(block.parameters())
    other = {name: p.data + 1.0 for name, p in block.named_parameters()}
    found = nn.functional_call(block, other, X).data
    assert all(p is q for p, q in zip(block.parameters(), handles, strict=True))
    assert all(np.array_equal(p.data, before[name]) for name, p in block.named_parameters())
    for name, p in block.named_parameters():
        p.data[...] = other[name]
    np.testing.assert_array_equal(block(X).data, found)


def test_a_functional_call_has_derivatives_of_every_order() -> None:
    block = Block()
    parameters = {name: p.data for name, p in block.named_parameters()}
    tg.check.check_grads(
        lambda p, x: nn.functional_call(block, p, x), parameters, X, order=2, modes=["rev"], directions=3
    )


def test_a_functional_call_refuses_what_does_not_fit_and_what_fails_leaves_the_module() -> None:
    layer = nn.Linear(2, 1, rng=0)
    before = layer.state_dict()
    with pytest.raises(
        ValueError, match=r"other is none of its parameters; bias is of shape \(2,\) and must be \(1,\)"
    ):
        nn.functional_call(layer, {"other": 1.0, "bias": np.ones(2)}, X)
    with pytest.raises(ValueError, match="do not fit"):
        nn.functional_call(layer, {"weight": np.ones((1, 2))}, np.ones((2, 7)))
    assert all(np.array_equal(a, before[name]) for name, a in layer.state_dict().items())


# --- how parameters begin


@pytest.mark.parametrize("name", init.NAMED)
def test_an_initialiser_may_be_given_by_its_name(name: str) -> None:
    by_name = nn.Linear(3, 4, weight_init=name, rng=0)
    by_function = nn.Linear(3, 4, weight_init=init.NAMED[name], rng=0)
    np.testing.assert_array_equal(by_name.weight.data, by_function.weight.data)
    np.testing.assert_array_equal(by_name.bias.data, np.zeros(4))


SPREADS = {
    "he": lambda fan_in, fan_out: 2.0 / fan_in,
    "he_uniform": lambda fan_in, fan_out: 2.0 / fan_in,
    "xavier": lambda fan_in, fan_out: 1.0 / fan_in,
    "bengio": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "glorot_uniform": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "normal": lambda fan_in, fan_out: 1e-4,
}


@pytest.mark.parametrize("name", SPREADS)
@pytest.mark.parametrize(
    ("make", "fan_in", "fan_out"),
    [
        (lambda how: nn.Linear(60, 90, **how), 60, 90),
        (lambda how: nn.Conv2d(10, 60, (3, 5), **how), 150, 900),
        (lambda how: nn.Conv2d(20, 120, (3, 5), groups=2, **how), 150, 900),
        (lambda how: nn.Conv1d(64, 192, 9, groups=64, **how), 9, 27),
        (lambda how: nn.ConvTranspose2d(10, 60, (3, 5), **how), 150, 900),
        (lambda how: nn.ConvTranspose2d(20, 120, (3, 5), groups=2, **how), 150, 900),
    ],
)
def test_variance_follows_what_enters_and_leaves_a_unit(name: str, make: Any, fan_in: int, fan_out: int) -> None:
    """In a transposed convolution too: what enters one output, not what stands along an axis of the weight."""
    w = make({"weight_init": name, "rng": 0}).weight.data
    want = SPREADS[name](fan_in, fan_out)
    assert abs(w.var() / want - 1.0) < 4.0 * np.sqrt(2.0 / w.size)
    assert abs(w.mean()) < 4.0 * np.sqrt(want / w.size)


def test_the_output_of_a_transposed_convolution_keeps_the_variance_that_the_initialiser_promises() -> None:
    """xavier: variance 1 in, variance 1 out, where every place of the kernel meets an input."""
    x = np.random.default_rng(0).normal(size=(4, 60, 12, 12))
    y = nn.ConvTranspose2d(60, 12, 3, bias=False, weight_init="xavier", groups=2, rng=0)(x).data
    assert 0.85 < y[:, :, 3:-3, 3:-3].var() < 1.15


def test_orthogonal_filters_keep_lengths() -> None:
    for layer in (nn.Conv2d(2, 3, 2, weight_init="orthogonal"), nn.Conv2d(4, 6, 2, groups=2, weight_init="orthogonal")):
        for part in np.split(layer.weight.data.reshape(layer.groups, 3, 8), layer.groups):
            np.testing.assert_allclose(part[0] @ part[0].T, np.eye(3), atol=1e-14)


def test_a_seed_makes_layers_repeatable() -> None:
    for make in (lambda rng: nn.Linear(3, 2, rng=rng), lambda rng: nn.Conv2d(2, 4, 3, groups=2, rng=rng)):
        one, other, third = make(0).state_dict(), make(0).state_dict(), make(1).state_dict()
        assert all(np.array_equal(one[n], other[n]) for n in one)
        assert all(np.any(one[n] != third[n]) for n in one)
    nn.manual_seed(0)
    first = nn.Embedding(3, 2).weight.data
    nn.manual_seed(0)
    np.testing.assert_array_equal(nn.Embedding(3, 2).weight.data, first)


def test_initialisers_of_ones_own_get_the_shape_of_a_group() -> None:
    shapes: list[Any] = []

    def mine(shape: Any, *, rng: Any, dtype: Any) -> np.ndarray:
        shapes.append(shape)
        return np.arange(np.prod(shape), dtype=dtype).reshape(shape)

    layer = nn.ConvTranspose1d(4, 6, 2, groups=2, weight_init=mine, bias_init=init.constant(0.25))
    assert shapes == [(3, 2, 2), (3, 2, 2)]
    assert layer.weight.shape == (4, 3, 2)
    np.testing.assert_array_equal(layer.weight.data[:2], np.arange(12.0).reshape(3, 2, 2).swapaxes(0, 1))
    np.testing.assert_array_equal(layer.bias.data, np.full(6, 0.25))


RANDOM = {
    "Dropout": lambda rng: (nn.Dropout(rng=rng), np.ones((4, 8))),
    "LSTM": lambda rng: (nn.LSTM(2, 8, num_layers=2, dropout=0.5, rng=rng), np.ones((3, 4, 2))),
    "MultiheadAttention": lambda rng: (nn.MultiheadAttention(4, 2, dropout=0.5, rng=rng), np.ones((5, 2, 4))),
    "TransformerEncoderLayer": lambda rng: (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, rng=rng), np.eye(4)[None]),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_copy_of_an_unseeded_layer_draws_from_the_common_generator_too(name: str) -> None:
    layer, x = RANDOM[name](None)
    twin = copy.deepcopy(layer)

    def drawn(by: nn.Module) -> Any:
        y = by(x)
        return (y[0] if isinstance(y, tuple) else y).data if isinstance(y, tuple) or hasattr(y, "data") else y

    nn.manual_seed(5)
    first = drawn(layer)
    nn.manual_seed(5)
    np.testing.assert_array_equal(drawn(twin), first)
    assert np.any(drawn(layer) != first)
    nn.manual_seed(5)
    assert np.any((drawn(layer), drawn(twin))[1] != first), "both draw from one generator, in turn"


@pytest.mark.parametrize("name", RANDOM)
def test_a_copy_of_a_seeded_layer_draws_what_the_layer_would(name: str) -> None:
    layer, x = RANDOM[name](7)
    twin = copy.deepcopy(layer)
    here, there = (y[0] if isinstance(y, tuple) else y for y in (layer(x), twin(x)))
    np.testing.assert_array_equal(np.asarray(getattr(here, "data", here)), np.asarray(getattr(there, "data", there)))


def test_a_sequence_of_a_list_names_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"layer 0 .* got a list; unpack it: Sequential\(\*layers\)"):
        nn.Sequential([nn.Linear(2, 3), nn.ReLU()])


def test_a_sequence_after_a_recurrent_layer_names_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"layer 1, Linear, takes one array, .* gives 2, .*lambda out: out\[0\]"):
        nn.Sequential(nn.LSTM(2, 3), nn.Linear(3, 1))(np.ones((4, 1, 2)))
    assert nn.Sequential(nn.LSTM(2, 3), lambda out: out[0], nn.Linear(3, 1))(np.ones((4, 1, 2))).shape == (4, 1, 1)


def test_a_module_of_ones_own_may_take_both_results_of_a_recurrent_layer() -> None:
    class Output(nn.Module):
        def forward(self, both: Any) -> Any:
            return both[0]

    assert nn.Sequential(nn.GRU(2, 3), Output(), nn.Linear(3, 1))(np.ones((4, 1, 2))).shape == (4, 1, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), r"Conv2d: padding 'same' needs stride 1, got \(2, 2\)"),
        (lambda: nn.Conv1d(1, 1, 3, padding="some"), "Conv1d: padding 'some' is not 'same', 'valid'"),
        (
            lambda: nn.Conv2d(1, 1, 3, dilation=0),
            "Conv2d: dilation must be a whole number, or 2 of them, none below 1; got 0",
        ),
    ],
)
def test_a_convolution_that_cannot_be_called_cannot_be_made(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_one_parameter_is_one() -> None:
    assert str(nn.Linear(1, 1, bias=False).summary()).endswith("1 layer, 1 parameter, 8 bytes")


def test_a_frozen_layer_is_no_parameter_and_is_saved() -> None:
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Linear(2, 1, rng=1))
    assert model[0].requires_grad_(False) is model[0]
    assert [name for name, _ in model.named_parameters()] == ["1.weight", "1.bias"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert str(model.summary()).endswith("1 layer, 3 parameters, 24 bytes; 8 more frozen")
    model(np.ones((4, 3))).sum().backward()
    assert model[0].weight.grad is None
    assert model[1].weight.grad is not None


def test_thawing_makes_a_parameter_of_every_tensor_of_real_numbers() -> None:
    block = Block()
    block.order = tg.Tensor(np.arange(3))
    assert list(block.requires_grad_(False).parameters()) == []
    block.requires_grad_()
    assert sorted(name for name, _ in block.named_parameters()) == sorted([*NAMES, "fixed"])


def test_a_compiled_step_sees_that_a_layer_was_frozen() -> None:
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Linear(2, 1, rng=1))
    step = tg.compile(lambda x: model(x).sum().backward())
    for _ in range(3):
        step(np.ones((4, 3)))
    seen = model[0].weight.grad.copy()
    for p in model[0].parameters():
        p.requires_grad = False
    step(np.ones((4, 3)))
    np.testing.assert_array_equal(model[0].weight.grad, seen)
