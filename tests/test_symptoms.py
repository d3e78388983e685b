"""Faults that somebody met, each under the name of what was seen."""

import math

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import Tensor, nn, optim, train


def test_a_tensor_given_for_a_parameter_lost_its_gradient():
    with pytest.raises(TypeError, match=r"leaky_relu: negative_slope= is a parameter and takes no Tensor"):
        tg.leaky_relu(Tensor([-1.0]), Tensor(0.1))
    with pytest.raises(TypeError, match=r"var: ddof= is a parameter"):
        np.var(Tensor([1.0, 2.0]), ddof=Tensor(1.0))


def test_an_op_with_too_few_rules_gave_a_tensor_within_a_tensor():
    product = tg.op(lambda x, y: x * y, vjps=[lambda g, ans, x, y: g * y], name="product")
    with pytest.raises(TypeError, match=r"product: y= is a parameter .* one more rule"):
        product(Tensor(2.0), Tensor(3.0))


@pytest.mark.parametrize("index", [((0, 0, 1), slice(None)), ([0, 0, 1],), ((0, 0, 1),)])
def test_a_tuple_within_an_index_named_an_element_once_only(index):
    x = np.ones((3, 2))
    counted = np.zeros((3, 2))
    np.add.at(counted, index, 1.0)
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(x[index]))(x), counted)


def test_tangents_and_cotangents_in_a_dict_were_taken_by_their_place():
    _, tangent = tg.jvp(lambda p: p["a"] * 10 + p["b"], ({"a": 2.0, "b": 3.0},), ({"b": 0.0, "a": 1.0},))
    assert tangent == 10.0
    _, pull = tg.vjp(lambda x: {"a": x * 10, "b": x}, 2.0)
    assert pull({"b": 1.0, "a": 0.0}) == (1.0,)
    with pytest.raises(
        ValueError, match=r"a dict with the keys \['a', 'b'\] is needed, got a dict with the keys \['a'\]"
    ):
        pull({"a": 1.0})


def test_math_sin_detached_silently_inside_a_transform():
    with pytest.raises(TypeError, match=r"np\.sin, not math\.sin"):
        tg.grad(lambda x: math.sin(x) * x)(1.0)
    assert math.sin(Tensor(1.0)) == math.sin(1.0)
    assert tg.grad(lambda x: x * x.item())(3.0) == 3.0


def test_a_rule_by_way_of_math_lost_its_second_derivative():
    sine = tg.op(lambda x: np.sin(x), vjps=[lambda g, ans, x: g * math.cos(x)], name="sine")  # noqa: PLW0108  the ufunc itself has a rule
    assert tg.grad(sine)(0.5) == math.cos(0.5)
    with pytest.raises(TypeError, match="would lose the derivative"):
        tg.grad(tg.grad(sine))(0.5)


def test_assigning_to_a_part_of_a_part_changed_nothing():
    y = Tensor(np.ones((2, 2))) * 1.0
    with pytest.raises(ValueError, match=r"assigning to the result of getitem .* write x\[i, j\] = v in one step"):
        y[0][1] = 7.0
    with pytest.raises(ValueError, match="assigning to the result of transpose"):
        y.T[0] = 7.0
    y[0, 1] = 7.0
    assert y.tolist() == [[1.0, 7.0], [1.0, 1.0]]
    picked = y[[0, 0]]  # a copy in NumPy, too
    picked[0] = 0.0
    assert y.tolist() == [[1.0, 7.0], [1.0, 1.0]]


def test_numbers_assigned_to_an_array_of_integers_were_cut():
    t = Tensor(np.zeros(3, int))
    with pytest.raises(TypeError, match=r"an array of int64 would cut the numbers"):
        t[0] = Tensor(1.7)


def test_the_mean_in_half_precision_overflowed():
    assert np.mean(Tensor(np.full(10, 1e4, np.float16))).item() == 1e4


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning", "ignore:Degrees of freedom:RuntimeWarning")
def test_a_variance_without_freedom_was_negative_or_a_zero_division():
    x = np.array([1.0, 3.0])
    assert np.var(Tensor(x), ddof=3).item() == np.var(x, ddof=3) == np.inf
    assert np.isnan(tg.grad(lambda x: np.var(x, ddof=1))(np.ones(1))).all()


def test_axes_out_of_range_wrapped():
    x, y = Tensor(np.ones((2, 3))), np.ones((2, 3))
    for wrong in (
        lambda: np.array_split(x, 2, 5),
        lambda: np.tensordot(x, y, axes=([2], [0])),
        lambda: np.take_along_axis(x, np.zeros((2, 3), int), axis=3),
        lambda: np.take(x, 0, axis=2),
    ):
        with pytest.raises(np.exceptions.AxisError):
            wrong()


def test_nonsense_that_numpy_refuses_was_accepted():
    x = Tensor(np.ones((3, 4)))
    with pytest.raises(ValueError, match="mode 'foo'"):
        np.take(x, 0, mode="foo")
    with pytest.raises(ValueError, match="one at least"):
        np.split(x, -3)
    with pytest.raises(TypeError, match="whole numbers"):
        np.pad(x, 1.5)
    with pytest.raises(ValueError, match="axes of different lengths"):
        np.einsum("ii", x)
    with pytest.raises(ValueError, match="leaves out the ellipsis"):
        np.einsum("...i->i", x)


def test_a_mask_given_to_take_was_a_mask():
    np.testing.assert_array_equal(np.take(Tensor([5.0, 6.0]), [False, True]).data, np.take([5.0, 6.0], [False, True]))


def test_a_product_that_underflows_had_no_gradient():
    g = tg.grad(np.prod)(np.array([1e-200, 1e-200, 1e300]))
    np.testing.assert_allclose(g, [1e100, 1e100, 0.0])


def test_a_recorded_seed_lost_its_graph():
    x, seed = Tensor(3.0), Tensor(2.0)
    (x * x).backward(seed, create_graph=True)
    x.grad.backward()
    assert seed.grad == 6.0


def test_what_a_transform_returned_was_the_callers_own_array():
    x, v = np.ones(2), np.ones(2)
    assert not np.shares_memory(tg.vjp(lambda x: x, x)[0], x)
    value, tangent = tg.jvp(lambda x: np.broadcast_to(x, (3, 2)), (x,), (v,))
    tangent[0, 0] = value[0, 0] = 5.0
    assert x.tolist() == v.tolist() == [1.0, 1.0]


def test_numpy_called_by_keyword_recursed_or_was_refused():
    x = np.arange(6.0).reshape(2, 3)
    t = Tensor(x)
    for call in (
        lambda x: np.sum(a=x),
        lambda x: np.flip(m=x, axis=0),
        lambda x: np.clip(a=x, a_min=1, a_max=3),
        lambda x: np.clip(x, 1, 3, None),
        lambda x: np.take(a=x, indices=[0], axis=1),
        lambda x: np.take(x, [7], 1, None, "clip"),
        lambda x: np.cumsum(x, 1, None),
        lambda x: np.add.reduce(x, 0, None, None, True),
        lambda x: np.repeat(a=x, repeats=2),
        lambda x: np.reshape(x, (3, 2), order="C"),
        lambda x: np.pad(array=x, pad_width=1),
        lambda x: np.pad(x, {-1: (1, 2)}) if np.lib.NumpyVersion(np.__version__) >= "2.2.0" else np.pad(x, 1),
        lambda x: np.tensordot(a=x, b=x, axes=2),
        lambda x: np.tile(A=x, reps=2),
    ):
        np.testing.assert_array_equal(call(t).data, call(x))


def test_debug_did_not_look_at_the_gradients_of_transforms():
    with tg.debug(), pytest.raises(FloatingPointError, match="the reverse rule of sqrt made infinity"):
        tg.grad(np.sqrt)(0.0)


def test_debug_left_arrays_frozen_and_stopped_a_training_loop():
    base = np.ones(4)
    view = base[1:]
    with tg.debug():
        (Tensor(view) * 2.0).sum()
        (Tensor(base) * 2.0).sum()
    assert base.flags.writeable
    assert view.flags.writeable
    w = Tensor(np.ones(2))
    with tg.debug():
        for _ in range(2):
            w.zero_grad()
            (w * w).sum().backward()
            w.data -= 0.1 * w.grad
    np.testing.assert_allclose(w.data, [0.64, 0.64])


def test_the_end_of_debug_raised_after_a_transposed_leaf():
    for data in (np.ones((2, 1)), np.ones((4, 1))[:2], np.ones(2).reshape(2, 1)):
        x = Tensor(data)
        with tg.debug():
            x.T.sum()
            x.T.T[0].sum()
        x.data[0] = 2.0


def test_an_index_could_be_changed_under_debug():
    index = np.array([0, 1])
    with tg.debug():
        Tensor([1.0, 2.0])[index]
        with pytest.raises(ValueError, match="read-only"):
            index[0] = 1


def test_a_vector_had_no_gradient_through_a_triangle():
    np.testing.assert_array_equal(tg.grad(lambda x: np.sum(np.tril(x)))(np.ones(3)), [3.0, 2.0, 1.0])


def test_einsum_over_an_axis_of_length_one_had_no_gradient():
    tg.check.check_grads(lambda x, y: np.einsum("ij,jk->", x, y), np.ones((2, 3)), np.ones((1, 4)))


def test_a_named_constant_that_is_assigned_to_kept_no_gradient():
    t, w = Tensor(np.zeros(2), requires_grad=False, name="t"), Tensor(3.0)
    t[0] = w
    (t * t).sum().backward()
    assert t.grad.tolist() == [6.0, 0.0]
    assert w.grad == 6.0


def test_bad_calls_of_transforms_spoke_of_something_else():
    with pytest.raises(TypeError, match=r"jvp: .* jvp\(f, \(x,\), \(v,\)\)"):
        tg.jvp(np.sin, 1.0, 1.0)
    with pytest.raises(TypeError, match=r"hvp\(f, \(x,\), \(v,\)\)"):
        tg.hvp(np.sin, 1.0, 1.0)
    with pytest.raises(ValueError, match="argnums 0 for 0 arguments given by position"):
        tg.grad(lambda x: x)(x=1.0)
    with pytest.raises(TypeError, match="a function is needed, got 3"):
        tg.grad(3)
    assert tg.grad(lambda x, y: x * y, argnums=np.int64(1))(2.0, 3.0) == 2.0


def test_a_subclass_was_taken_for_a_foreign_array():
    with pytest.raises(TypeError, match="not made to be subclassed"):
        type("Parameter", (Tensor,), {})


def test_lists_were_refused_by_ops_that_are_not_numpys():
    np.testing.assert_allclose(tg.softmax([0.0, 0.0]), [0.5, 0.5])


def test_forward_mode_of_a_rule_without_its_cotangent_died_of_an_attribute():
    careless = tg.op(lambda x: x * x, vjps=[lambda g, ans, x: 2.0 * x], name="careless")
    assert tg.jvp(careless, (3.0,), (1.0,))[1] == 0.0


def test_accuracy_of_columns_was_zero_or_one():
    scores = np.array([[2.0, -1.0, 3.0, -2.0]])
    with pytest.raises(ValueError, match=r"accuracy: .*\(1, 4\) do not add up to 1 along axis -1.*axis=0"):
        train.accuracy(scores, np.array([[1, 0, 1, 0]]))
    assert train.accuracy(scores, np.array([[1, 0, 1, 1]]), axis=0) == 0.75
    assert train.accuracy(np.eye(2), np.array([[0.9, 0.1], [0.6, 0.4]])) == 0.5


def test_early_stopping_kept_the_weights_of_the_worst_accuracy():
    stopping = train.EarlyStopping(patience=2, monitor="val_accuracy")
    assert [stopping.observe({"val_accuracy": a}, k) for k, a in enumerate([0.5, 0.9, 0.8, 0.7], 1)][-1]
    assert stopping.best_epoch == 2
    assert train.EarlyStopping(monitor="val_accuracy", mode="min").mode == "min"
    assert train.EarlyStopping(monitor="val_error").mode == "min"


def _fitted(model, optimizer, **options):
    x, y = np.ones((4, 2)), np.ones((4, 1))
    return train.fit(model, tg.mse_loss, optimizer, (x, y), epochs=1, progress=False, **options)


def test_fit_went_on_with_an_optimizer_of_another_model():
    model = nn.Linear(2, 1, rng=0)
    with pytest.raises(ValueError, match="none of the model's parameters"):
        _fitted(model, optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1))
    early = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="after astype"):
        _fitted(model.astype(np.float32), early)
    with pytest.raises(TypeError, match="'adam' is no optimizer"):
        _fitted(model, "adam")
    assert len(_fitted(model, optim.SGD([model.bias], lr=0.1))) == 1  # the rest is frozen


def test_metrics_in_a_list_died_of_an_attribute():
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match="metrics are functions by name"):
        _fitted(model, optim.SGD(model.parameters()), metrics=[train.accuracy])


def test_a_checkpoint_that_could_not_be_written_was_told_after_the_first_epochs(tmp_path):
    model, epochs = nn.Linear(2, 1), []
    for name, error in (("run.pt", ValueError), ("none/run.npz", FileNotFoundError)):
        with pytest.raises(error, match=r"checkpoint: .*run"):
            _fitted(model, optim.SGD(model.parameters()), checkpoint=tmp_path / name, callbacks=[epochs.append])
    assert not epochs


def test_a_checkpoint_of_other_generators_was_said_to_be_of_another_run_with_the_same_parts(tmp_path):
    dropping = nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.5, rng=0))
    _fitted(dropping, optim.SGD(dropping.parameters()), checkpoint=tmp_path / "run.npz")
    plain = nn.Sequential(nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"generators common, 1\..*, and this one from common$"):
        _fitted(plain, optim.SGD(plain.parameters()), checkpoint=tmp_path / "run.npz", resume=True)


def test_a_normalizer_of_other_features_spoke_of_broadcasting():
    normalizer = tg.data.Normalizer().fit(np.array([[1.0, 2.0], [3.0, 5.0]]))
    for x in (np.ones((3, 3)), np.ones(3), np.ones((2, 1))):
        with pytest.raises(ValueError, match=r"Normalizer: x of shape .* features of shape \(2,\)"):
            normalizer.transform(x)


def test_saving_in_the_wrong_order_and_loading_what_is_no_dict_spoke_of_something_else(tmp_path):
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"save\(path, state\)"):
        tg.save(model, tmp_path / "model.npz")
    for wrong in (model, "model.npz"):
        with pytest.raises(TypeError, match=r"load_state_dict: a dict .*load\(path\)"):
            model.load_state_dict(wrong)


def test_an_array_for_an_initialiser_was_not_callable():
    with pytest.raises(TypeError, match="a name or a function of a shape, not a ndarray"):
        nn.Linear(2, 1, weight_init=np.zeros((1, 2)))


def test_a_learning_curve_after_a_confusion_matrix_died_of_its_labels():
    figure = pytest.importorskip("matplotlib.figure")
    ax = figure.Figure().subplots()
    tg.plots.confusion_matrix([0, 1, 1], [0, 1, 0], ax=ax)
    assert tg.plots.learning_curve([0.7, 0.3, 0.2], ax=ax).get_xlabel() == "epoch"


@pytest.mark.parametrize("rng", [None, 0])
def test_layers_of_an_encoder_dropped_the_same_units(rng):
    first, second = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 32, 0.5, rng=rng), 2).layers
    x = np.ones((4, 4, 32))
    assert not np.array_equal(first.dropout(x), second.dropout(x))
    if rng is None:
        dropped = []
        for layer in (first, second):
            nn.manual_seed(0)
            dropped.append(layer.dropout(x))
        assert np.array_equal(*dropped)


def test_a_resumed_run_of_recurrent_layers_dropped_other_units(tmp_path):
    class Last(nn.Module):
        def __init__(self):
            self.gru = nn.GRU(1, 3, num_layers=2, dropout=0.5, batch_first=True, rng=0)

        def forward(self, x):
            return self.gru(x)[0][:, -1]

    def weights(epochs, **options):
        model, x = Last(), np.linspace(-1.0, 1.0, 32).reshape(8, 4, 1)
        optimizer = optim.Adam(model.parameters())
        train.fit(model, tg.mse_loss, optimizer, (x, np.ones((8, 3))), epochs=epochs, progress=False, **options)
        return model.state_dict()

    unbroken = weights(4)
    weights(2, checkpoint=tmp_path / "run.npz")
    resumed = weights(4, checkpoint=tmp_path / "run.npz", resume=True)
    assert all(np.array_equal(resumed[name], unbroken[name]) for name in unbroken)
