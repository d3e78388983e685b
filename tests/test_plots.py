"""Pictures of training by matplotlib: what each draws, and what it refuses."""

import io
from typing import Any

import numpy as np
import pytest

import tinygraph as tg

pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from matplotlib.figure import Figure

from tinygraph.render import plots


@pytest.fixture
def ax() -> Any:
    return Figure().subplots()


def test_a_learning_curve_has_each_figure(ax: Any) -> None:
    assert plots.learning_curve({"train": [3.0, 2.0, 1.0], "dev": [4.0, 5.0]}, log=True, ax=ax) is ax
    train, dev = ax.lines
    np.testing.assert_array_equal(train.get_xydata(), [[1, 3], [2, 2], [3, 1]])
    np.testing.assert_array_equal(dev.get_ydata(), [4, 5])
    assert ax.get_yscale() == "log"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["train", "dev"]


def test_a_curve_without_a_name_has_no_legend(ax: Any) -> None:
    plots.learning_curve([1.0, 2.0], ax=ax)
    assert ax.get_legend() is None


def probability(x: Any) -> Any:
    return tg.sigmoid(4.0 * x[:, 0])


@pytest.mark.parametrize(
    "predict",
    [
        lambda x: x[:, 0] > 0,
        lambda x: np.where(x[:, 0] > 0, 5, -3),
        probability,
        lambda x: np.stack([-x[:, 0], x[:, 0]], axis=1),
    ],
    ids=["booleans", "classes", "probabilities", "scores"],
)
def test_a_boundary_is_where_the_class_changes(ax: Any, predict: Any) -> None:
    X = np.array([[-1.0, 0.3], [1.0, -0.3], [0.5, 0.1]])
    y = [0, 1, 1] if predict(X).dtype == bool else [-3, 5, 5]
    plots.decision_boundary(predict, X, y, ax=ax)
    left, right = ax.collections[0].get_paths()[:2]
    assert left.get_extents().x1 == pytest.approx(0.0, abs=0.02)
    assert right.get_extents().x0 == pytest.approx(0.0, abs=0.02)


def test_a_boundary_in_the_course_s_columns(ax: Any) -> None:
    X, Y = np.array([[-1.0, 1.0, 2.0], [0.0, 0.0, 1.0]]), np.array([[0, 1, 1]])
    shapes = []

    def predict(x: Any) -> Any:
        shapes.append(x.shape)
        return x[:1] > 0

    plots.decision_boundary(predict, X, Y, resolution=10, ax=ax)
    assert shapes == [(2, 100)]
    assert sum(len(c.get_offsets()) for c in ax.collections[-2:]) == 3


def test_a_boundary_needs_points_in_the_plane(ax: Any) -> None:
    with pytest.raises(ValueError, match=r"X of shape \(4, 3\) with 4 classes"):
        plots.decision_boundary(lambda x: x, np.zeros((4, 3)), np.zeros(4), ax=ax)


def test_a_path_goes_through_its_points(ax: Any) -> None:
    path = np.array([[2.0, 1.0], [1.0, 0.5]])
    plots.descent_path(lambda w: np.sum(w**2), {"gd": path, "other": 2 * path}, levels=5, ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), path)
    assert ax.get_xlim()[1] > 4.0
    ax.clear()
    away = np.array([[2.0, 1.0], [1.0, 0.5], [np.inf, np.nan]])
    plots.descent_path(lambda w: np.sum(w**2), away, ax=ax)
    assert 2.0 < ax.get_xlim()[1] < 3.0
    with pytest.raises(ValueError, match="no point"):
        plots.descent_path(lambda w: np.sum(w**2), away[2:], ax=ax)


def test_an_activation_and_its_derivative(ax: Any) -> None:
    z = np.linspace(-2.0, 2.0, 5)
    plots.activation(np.tanh, z, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.tanh(z))
    np.testing.assert_allclose(ax.lines[1].get_ydata(), 1 - np.tanh(z) ** 2)


def test_the_lengths_of_gradients(ax: Any) -> None:
    w = tg.Tensor([3.0, 4.0])
    (w * w).sum().backward()
    plots.gradient_norms({"w": w, "array": np.array([[3.0], [4.0]]), "number": 1e-9, "zero": 0.0}, ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [10.0, 5.0, 1e-9, np.nan])
    assert [marks.get_offsets().tolist() for marks in ax.collections] == [[[3.0, 0.02]], []]
    dead = Figure()
    plots.gradient_norms({"dead": 0.0, "too": np.zeros(3)}, ax=dead.subplots())
    dead.savefig(io.BytesIO())  # a logarithmic scale would have nothing to show
    with pytest.raises(ValueError, match="w has no gradient yet"):
        plots.gradient_norms({"w": tg.Tensor(1.0)}, ax=ax)


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 1, 4, 3), (5, 2, 4, 3), (5, 3, 4, 3)])
def test_filters_lie_side_by_side(ax: Any, shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(0).normal(size=shape)
    plots.filters(weights, columns=3, ax=ax)
    sheet = ax.images[0].get_array()
    assert sheet.shape == (2 * 5 - 1, 3 * 4 - 1, 4)
    assert sheet[0, 3, 3] == 0.0  # between two filters
    assert sheet[5, 9, 3] == 0.0  # after the last
    assert sheet[:4, :3, :3].min() == 0.0
    assert sheet[:4, :3, :3].max() == 1.0


def test_what_is_no_filter(ax: Any) -> None:
    with pytest.raises(ValueError, match=r"weights of shape \(3,\)"):
        plots.filters(np.zeros(3), ax=ax)


def test_a_confusion_matrix_counts(ax: Any) -> None:
    plots.confusion_matrix(["cat", "dog", "dog"], ["cat", "cat", "dog"], ax=ax)
    assert [t.get_text() for t in ax.texts] == ["1", "0", "1", "1"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]


def test_a_confusion_matrix_of_parts(ax: Any) -> None:
    plots.confusion_matrix([0, 1, 1], [0, 1, 0], labels=[1, 0], normalize=True, ax=ax)
    assert [t.get_text() for t in ax.texts] == ["0.50", "0.50", "0.00", "1.00"]
    with pytest.raises(ValueError, match="3 classes and 2 predictions"):
        plots.confusion_matrix([0, 1, 1], [0, 1], ax=ax)


def test_each_picture_has_a_figure_of_its_own_by_default() -> None:
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    first, second = plots.learning_curve([1.0]), plots.activation(np.tanh)
    assert first.figure is not second.figure
    assert (len(first.lines), len(second.lines)) == (1, 2)
    assert plt.gcf() is second.figure, "pyplot shows it"
    plt.close(first.figure)
    plt.close(second.figure)
