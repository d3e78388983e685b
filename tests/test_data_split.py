"""Splits by the course's policies, and what becomes of inputs and labels before training."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.data import Normalizer, from_one_hot, one_hot, split

COURSE = [("70/30", [70, 30]), ("70/20/10", [70, 20, 10]), ("98/1/1", [98, 1, 1]), ("98.9/1/0.1", [98.9, 1, 0.1])]


@pytest.mark.parametrize(("policy", "percents"), COURSE)
def test_the_policies_of_the_course(policy: str, percents: list[float]) -> None:
    n = 10_000
    data = split(np.arange(n), np.random.default_rng(0).normal(size=n), policy)
    assert [len(part.x) for part in data.parts] == [round(n * p / 100) for p in percents]
    assert sorted(np.concatenate([part.x for part in data.parts])) == list(range(n))


def test_each_part_has_its_share_of_each_class_and_x_keeps_its_y() -> None:
    labels = np.random.default_rng(0).choice(5, 1003, p=[0.5, 0.3, 0.1, 0.07, 0.03])
    data = split(np.arange(1003), labels, "70/20/10", seed=3)
    counts = np.bincount(labels)
    for part, share in zip(data.parts, (0.7, 0.2, 0.1), strict=True):
        assert abs(len(part.x) - 1003 * share) <= 1
        assert np.array_equal(labels[part.x], part.y)
        assert np.all(np.abs(np.bincount(part.y, minlength=5) - counts * share) < 2)


def test_without_stratification_a_rare_class_falls_where_it_falls() -> None:
    labels = np.repeat([0, 1], [980, 20])
    shares = [(split(labels, labels, "80/20", seed=s, stratify=False).test.y == 1).sum() for s in range(20)]
    assert len(set(shares)) > 2
    assert {(split(labels, labels, "80/20", seed=s).test.y == 1).sum() for s in range(20)} <= {3, 4, 5}


def test_the_same_seed_the_same_split() -> None:
    a, b, c = (split(np.arange(50), np.arange(50) % 2, seed=s) for s in (3, 3, 4))
    assert np.array_equal(a.train_x, b.train_x)
    assert not np.array_equal(a.train_x, c.train_x)
    assert not np.array_equal(a.train_x, np.sort(a.train_x))  # the order is random too


def test_columns_are_split_as_columns() -> None:
    x = np.arange(40.0).reshape(2, 20)
    data = split(x, x[:1], "70/30", axis=1)
    assert data.train.x.shape == (2, 14)
    assert np.array_equal(data.test.x[0], data.test.y[0])
    assert np.array_equal(data.test.x[1] - data.test.x[0], np.full(6, 20.0))


def test_unpacking_and_names_are_the_same_parts() -> None:
    data = split(np.arange(10), np.arange(10), "60/20/20")
    train_x, _, dev_x, _, _, test_y = data
    assert len(data) == 6
    assert train_x is data.train_x
    assert dev_x is data.dev.x
    assert test_y is data.test.y


def test_prices_in_whole_numbers_are_no_obstacle() -> None:
    assert len(split(np.zeros(20), np.arange(20.0)).test.x) == 4
    assert len(split(np.zeros(20), np.arange(20.0), stratify=np.arange(20) % 2).test.x) == 4


@pytest.mark.parametrize(
    ("policy", "match"),
    [
        ("70/20", "add up"),
        ("100", "two or more"),
        ("a/b", "no policy"),
        ((0.5, 0.6), "add up"),
        ((1.5, -0.5), "add up"),
        ("99.9/0.1", "0.1 % of 100 samples is none"),
    ],
)
def test_a_policy_that_cannot_be(policy: object, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        split(np.zeros(100), np.zeros(100), policy)  # type: ignore[arg-type]


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="3 samples and 2 labels"):
        split(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="no axis 1"):
        split(np.zeros(3), np.zeros(3), axis=1)
    with pytest.raises(ValueError, match="for 4 samples"):
        split(np.zeros(4), np.zeros(4), stratify=np.zeros(3))


# --- normalising


def test_the_test_set_is_normalised_by_the_training_set() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(3.0, 2.0, (500, 4)), rng.normal(5.0, 1.0, (100, 4))
    normalizer = Normalizer().fit(train)
    done = normalizer.transform(train)
    np.testing.assert_allclose(done.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(done.std(axis=0), 1.0, atol=1e-14)
    np.testing.assert_allclose(normalizer.transform(test), (test - train.mean(0)) / train.std(0))
    np.testing.assert_allclose(normalizer.inverse(normalizer.transform(test)), test)
    np.testing.assert_array_equal(Normalizer(axis=1).fit(train.T).transform(test.T), normalizer.transform(test).T)


def test_a_constant_feature_does_not_divide_by_zero() -> None:
    x = np.column_stack([np.full(7, 0.1), np.arange(7.0)])  # 0.1 has a computed deviation of 1.4e-17
    normalizer = Normalizer().fit(x)
    assert normalizer.std[0] == 1.0
    assert np.all(np.abs(normalizer.transform(x)[:, 0]) < 1e-15)


def test_channels_of_images() -> None:
    images = np.random.default_rng(0).normal([[[2.0]], [[7.0]]], 3.0, (50, 2, 4, 5))
    normalizer = Normalizer(axis=(0, 2, 3)).fit(images)
    assert normalizer.mean.shape == (2, 1, 1)
    np.testing.assert_allclose(normalizer(images).mean(axis=(0, 2, 3)), 0.0, atol=1e-13)
    np.testing.assert_allclose(normalizer.inverse(normalizer(images[0])), images[0])


def test_the_normaliser_is_saved_with_the_model_and_not_trained() -> None:
    x = np.random.default_rng(0).normal(4.0, 3.0, (20, 3))
    model = nn.Sequential(Normalizer().fit(x), nn.Linear(3, 2, rng=0))
    copy = nn.Sequential(Normalizer(3), nn.Linear(3, 2, rng=1))
    assert [name for name, _ in model.named_parameters()] == ["1.weight", "1.bias"]
    with pytest.raises(ValueError, match="seen no data"):
        copy(x)
    copy.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(copy(x).data, model(x).data)
    with pytest.raises(
        ValueError, match=r"0.mean is of shape \(3,\) and must be \(\) \(.*make it as Normalizer\(\(3,\)\)"
    ):
        nn.Sequential(Normalizer(), nn.Linear(3, 2)).load_state_dict(model.state_dict())


def test_it_is_differentiated_through() -> None:
    normalizer = Normalizer().fit(np.array([[1.0, 2.0], [5.0, 10.0]]))
    np.testing.assert_allclose(tg.grad(lambda x: normalizer(x).sum())(np.ones((3, 2))), [[0.5, 0.25]] * 3)


def test_float32_and_integers() -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert Normalizer().fit(x).transform(x).dtype == np.float32
    assert Normalizer().fit(x.astype(float)).transform(x).dtype == np.float32
    assert Normalizer().fit(x.astype(int)).transform(x.astype(int)).dtype == np.float64


def test_data_that_cannot_be_normalised() -> None:
    with pytest.raises(ValueError, match="no samples"):
        Normalizer().fit(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="1 of 3 numbers"):
        Normalizer().fit(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(3,\)"):
        Normalizer().fit(np.zeros((5, 3))).transform(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\(4, 1\).*\(3,\)"):
        Normalizer().fit(np.zeros((5, 3))).transform(np.zeros((4, 1)))


# --- classes as vectors


def test_one_hot_and_back() -> None:
    labels = np.random.default_rng(0).integers(0, 7, (3, 4))
    for axis in (0, 1, -1):
        vectors = one_hot(labels, 7, axis=axis)
        assert vectors.shape[axis] == 7
        assert np.all(vectors.sum(axis=axis) == 1)
        np.testing.assert_array_equal(from_one_hot(vectors, axis=axis), labels)
    np.testing.assert_array_equal(one_hot(labels.ravel(), 7), np.eye(7)[labels.ravel()])
    assert one_hot([], 3).shape == (0, 3)
    assert one_hot([True, False], dtype=np.float32).dtype == np.float32


def test_labels_that_are_none() -> None:
    with pytest.raises(ValueError, match="3 is no class; there are 3"):
        one_hot([0, 3], 3)
    with pytest.raises(ValueError, match="-1 is no class"):
        one_hot([0, -1])
    with pytest.raises(TypeError, match="whole numbers"):
        one_hot(["a"])
    with pytest.raises(TypeError, match="whole numbers"):
        one_hot([0.5])
