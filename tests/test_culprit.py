"""A wrong gradient is traced to the operation, the argument and the line; told in text, HTML and a picture."""

import re
import sys

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import GradientError, check_grads, compare_grads

RNG = np.random.default_rng(5)
X, W = RNG.uniform(0.5, 1.5, (5, 3)), RNG.uniform(0.5, 1.5, (3, 2))


def planted(rule, **fields):
    """The square of a student who got its derivative wrong."""
    return tg.op(lambda x: x**2, vjps=[rule], name="student", **fields)


FAULTS = {
    "2 times too small": lambda g, ans, x: g * x,
    "of the wrong sign": lambda g, ans, x: -2 * g * x,
    "zero everywhere": lambda g, ans, x: 0.0 * g,
    "5 times too small (5 is the length of axis 0 of its argument 0)": lambda g, ans, x: 2 * g * x / 5,
    "wrong in every element": lambda g, ans, x: 2 * g * ans,
    "wrong in 1 of 15 elements": lambda g, ans, x: 2 * g * np.where(x == X[2, 1], 1.1 * x, x),
}


@pytest.mark.parametrize("words", FAULTS)
def test_the_operation_the_line_and_the_factor_are_named(words: str) -> None:
    student = planted(FAULTS[words])

    def f(x, w):
        h = student(x)  # the line
        return np.tanh(h @ w).sum()

    report = compare_grads(f, X, W)
    assert report.wrong
    culprit = report.culprit
    assert (culprit.op, culprit.argument, culprit.shapes) == ("student", 0, ((5, 3),))
    assert culprit.source == "h = student(x)  # the line"
    assert re.search(rf"{re.escape(__file__)}:\d+", culprit.where)
    assert culprit.what == words
    assert f"culprit: the derivative of student for its argument 0 is {words}" in str(report)


def test_a_transposed_gradient_is_named() -> None:
    square = RNG.uniform(0.5, 1.5, (3, 3))
    transposed = planted(lambda g, ans, x: (2 * g * x).T)
    assert compare_grads(lambda x: (transposed(x) * 2.0).sum(), square).culprit.what == "transposed"


def test_the_first_of_several_faults_is_named() -> None:
    first, second = planted(FAULTS["2 times too small"]), planted(lambda g, ans, x: g)
    report = compare_grads(lambda x: second(np.exp(first(x))), X)
    assert report.culprit.what == "2 times too small"


def test_nothing_is_named_where_nothing_is_wrong() -> None:
    report = compare_grads(lambda x: np.sin(x).sum(), X)
    assert report.culprit is None
    with pytest.raises(ValueError, match="no operation at fault"):
        report.render()


def test_numbers_that_are_not_finite_on_the_way_do_not_stop_the_search() -> None:
    student = planted(FAULTS["2 times too small"])

    def f(x):
        with np.errstate(all="ignore"):
            lost = np.log(x - 10.0)
        return np.where(x > 0.0, student(x), lost).sum()

    report = compare_grads(f, X)
    assert report.culprit.op == "student"


def test_a_fault_in_forward_mode_and_one_of_second_order() -> None:
    ahead = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: 2 * g * x], jvp=lambda ts, ans, x: ts[0] * x, name="ahead")
    report = compare_grads(lambda x: np.sin(ahead(x)), X, mode="fwd")
    assert "the forward derivative of ahead for its argument 0 is 2 times too small" in str(report)
    frozen = planted(lambda g, ans, x: 2 * g * (x.detach() if isinstance(x, tg.Tensor) else x))
    with pytest.raises(GradientError, match="the second derivative of student for its argument 0 is"):
        check_grads(lambda x: np.sin(frozen(x)), X, order=2)


def test_a_missing_rule_and_a_rule_that_fails_are_named() -> None:
    missing = tg.op(lambda x, y: x * y, vjps=[lambda g, ans, x, y: g * y, None], name="half_done")
    culprit = compare_grads(lambda x: missing(x, x), X).culprit
    assert (culprit.op, culprit.argument, culprit.what) == ("half_done", 1, "zero everywhere")


def test_a_derivative_that_is_cut_by_hand_is_said_to_be() -> None:
    for cut in (lambda x: x.detach(), lambda x: x.numpy()):
        report = compare_grads(lambda x, cut=cut: (np.tanh(x) * cut(x)).sum(), X)
        assert report.wrong
        assert report.culprit.bypass
        assert "argument 1 of multiply is a constant to the graph" in str(report)
        assert "every rule is right by itself" in str(report)


def test_large_arrays_are_looked_at_along_directions() -> None:
    student = planted(FAULTS["2 times too small"])
    report = compare_grads(lambda x: student(x).sum(), RNG.normal(size=(100, 100)), directions=2)
    assert report.culprit.op == "student"
    assert report.culprit.what == "2 times too small"


def test_the_gradient_of_each_argument_is_related_to_the_right_one() -> None:
    student = planted(FAULTS["2 times too small"])
    assert "the gradient of x0 is 2 times too small" in compare_grads(student, X).notes
    assert "(ratio 0.5)" in str(compare_grads(student, X))


def test_a_notebook_shows_the_report_and_nothing_in_it_is_taken_for_markup() -> None:
    student = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="<b>student</b>")
    html = compare_grads(lambda p: student(p["<i>"]), {"<i>": X})._repr_html_()
    assert "<b>student" not in html
    assert "&lt;b&gt;student&lt;/b&gt;" in html
    assert "<i>" not in html
    assert html.count("<tr>") == 9
    assert "culprit" in html
    assert "culprit" not in compare_grads(np.sin, X)._repr_html_()


def test_the_graph_is_drawn_with_the_fault_in_red(tmp_path) -> None:
    student = planted(FAULTS["2 times too small"])
    report = compare_grads(lambda x, w: np.tanh(student(x) @ w).sum(), X, W)
    dot = report.render(tmp_path / "fault.dot").dot
    assert (tmp_path / "fault.dot").read_text() == dot
    (line,) = [line for line in dot.splitlines() if "at fault" in line]
    assert 'color="#cf2a2a"' in line
    assert "penwidth=3" in line
    assert "student" in line
    assert "x[0]" in dot
    assert "x[1]" in dot


def test_a_profiler_is_left_in_place_by_the_search() -> None:
    before = lambda *_: None  # noqa: E731
    sys.setprofile(before)
    try:
        assert compare_grads(planted(FAULTS["zero everywhere"]), X).culprit is not None
        assert sys.getprofile() is before
    finally:
        sys.setprofile(None)
