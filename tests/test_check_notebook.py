"""What a notebook shows of each report, and that nothing in it is taken for markup."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import compare_grads, compare_laws, compare_training, course_gradient_check

THETA = {"<b>W</b>": np.array([[0.5, -1.0, 2.0]]), "b": np.array([0.1])}
X = np.array([1.0, 2.0, -0.5])
RED, GREEN = "#e5484d", "#2f9e44"


def cost(p):
    return np.sum(np.tanh(p["<b>W</b>"] @ X + p["b"]))


def gradient(p, factor=1.0):
    slope = 1.0 - np.tanh(p["<b>W</b>"] @ X + p["b"]) ** 2
    return {"<b>W</b>": slope[:, None] * X, "b": factor * slope}


def too_small(p):
    return gradient(p, 0.5)


class Page(HTMLParser):
    """The text of a page, its rows, and the tags that are open at its end."""

    def __init__(self, html):
        super().__init__()
        self.text, self.rows, self.open, self.colours = "", [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        self.colours += [value.removeprefix("color:") for name, value in attrs if name == "style"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1].append(data)


def shown(report):
    page = Page(report._repr_html_())
    assert page.open == []
    return page


def test_the_courses_check_shows_its_number_its_arrays_and_the_verdict():
    page = shown(course_gradient_check(cost, too_small, THETA))
    assert page.text.startswith("relative difference 0.")
    assert "worry: there is a bug" in page.text
    assert page.rows[0] == ["array", "relative difference"]
    assert page.rows[1] == ["theta['b']", "3.3e-01"]
    assert page.rows[2][0] == "theta['<b>W</b>']"
    assert "the gradient of theta['b'] is 2 times too small" in page.text
    assert page.colours == [RED, RED]


def test_a_great_number_is_green_and_shows_no_arrays():
    page = shown(course_gradient_check(cost, gradient, THETA))
    assert page.rows == []
    assert page.colours == [GREEN, GREEN]


def test_a_number_between_great_and_worry_has_no_colour():
    page = shown(course_gradient_check(cost, gradient, THETA, epsilon=1e-3))
    assert "look" in page.text
    assert page.colours == [GREEN]


class Model:
    training = True

    def eval(self):
        self.training = False

    def train(self):
        self.training = True


def test_a_check_in_training_shows_each_point_and_its_notes():
    def step(p):
        return {name: 0.9 * x for name, x in p.items()}

    found = compare_training(cost, THETA, step, at=(0, 3), gradient=too_small, model=Model(), announce=None)
    page = shown(found)
    assert page.text.startswith("note: the model was in training mode")
    assert page.text.count("of order 1") == 2
    assert page.text.index("after 0 steps") < page.text.index("after 3 steps")
    assert page.colours == [RED, RED]
    assert page.rows[1][:2] == ["wrong", "params['b'][0]"]
    assert page.rows[1][-1] == "ratio 0.5"


def test_the_culprit_is_shown_in_training_too():
    half = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: g * x], name="<i>half</i>")
    page = shown(compare_training(lambda w: half(w).sum(), np.array([1.0, 2.0]), at=(0,), announce=None))
    assert "culprit: the derivative of <i>half</i> for its argument 0 is 2 times too small" in page.text


def test_the_slopes_at_a_kink_are_shown():
    page = shown(compare_grads(lambda x: np.abs(x).sum(), np.array([0.0, 1.0])))
    assert page.rows[1] == ["kink", "x0[0]", "0", "0", page.rows[1][4], "slopes -1 and 1"]


@pytest.mark.parametrize("report", [compare_laws(np.sin, X), compare_grads(np.sin, X)])
def test_tags_are_closed(report):
    shown(report)
