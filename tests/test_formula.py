"""Formulas mean what they say, and text that is none is refused with a finger on the place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygraph import Tensor
from tinygraph.cli.errors import FormulaError
from tinygraph.cli.evaluation import functions
from tinygraph.cli.formula import Formula


def value(text, **values):
    return Formula(text).evaluate(values).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3*(a + b*c)", 33.0),
        ("u = b*c; v = a + u; 3*v", 33.0),
        ("-a**2 + +b", -22.0),
        ("a // b + a % b", 3.0),
        ("sum([a, b, c])", 10.0),
        ("sum([[1, 2], [3, 4]] @ [a, b])", 38.0),
        ("[a, b, c][1]", 3.0),
        ("sum([1, 2, 3][::-1][:2] * a)", 25.0),
        ("where(a > b, a, b)", 5.0),
        ("max([a, b], axis=0)", 5.0),
        ("sum(reshape([1, 2, 3, 4], (2, 2)), 0)[-1] * a", 30.0),
        ('einsum("i,i->", [a, b], [b, c])', 21.0),
        ("2*pi", 2 * np.pi),
        ("a / (b - b)", np.inf),
        ("10**10**10", np.inf),
        ("1/0", np.inf),
        ("2**-1", 0.5),
        ("9" * 400, np.inf),
    ],
)
def test_a_formula_is_evaluated_as_numpy_would(text, expected):
    names = {n: v for n, v in {"a": 5.0, "b": 3.0, "c": 2.0}.items() if n in Formula(text).inputs}
    assert value(text, **names) == expected
    on_tensors = value(text, **{n: Tensor(v) for n, v in names.items()})
    assert float(on_tensors.data if isinstance(on_tensors, Tensor) else on_tensors) == expected


def test_every_function_of_the_table_can_be_called():
    assert {"exp", "sigmoid", "matmul", "softmax", "logsumexp", "concatenate", "abs", "sum"} <= set(functions())
    assert value("sigmoid(a)", a=0.0) == 0.5


def test_inputs_are_the_names_without_a_value_in_order():
    formula = Formula("u = b*c; v = a + u; v*b")
    assert list(formula.inputs) == ["b", "c", "a"]
    assert formula.output is None
    assert Formula("J = 3*x").output == "J"


def test_a_part_can_be_replaced():
    formula = Formula("u = b*c; u*u + u")
    result = formula.evaluate({"b": Tensor(3.0), "c": Tensor(2.0)})
    assert [(step.written, step.name) for step in result.steps] == [("b*c", "u"), ("u*u", None), ("u*u + u", None)]
    assert formula.evaluate({"b": 3.0, "c": 2.0}, {result.steps[0].node: 10.0}).value == 110.0


@pytest.mark.parametrize(
    ("text", "message", "pointed"),
    [
        ("3*sine(a)", "unknown function sine, did you mean sin?", "sine(a)"),
        ("3(a)", "no function", "3(a)"),
        ("a(b)", "unknown function a", "a(b)"),
        ("3*(a + b", "never closed", "(a + b"),
        ("3*a^2", "write **", "^2"),
        ("(a) ^ 2", "write **", "^ 2"),
        ("2*a.sum()", "write sum(x)", ".sum()"),
        ("1 + a.T", "a dot is not allowed", ".T"),
        ("a if b else c", "where(x > 0, x, 0)", "a if b"),
        ("lambda: 3", "Lambda is not allowed", "lambda"),
        ("[x for x in a]", "ListComp is not allowed", "[x"),
        ("(x := 3)", "NamedExpr is not allowed", "x :="),
        ("sum(*a)", "star", "*a"),
        ("sum(**a)", "star", "sum"),
        ("a + 2j", "only real numbers", "2j"),
        ("a + b'x'", "only real numbers", "b'x'"),
        ("a + 'x'", "a number is needed", "'x'"),
        ("a + None", "a number is needed", "None"),
        ("a < b < c", "one comparison", "a < b"),
        ("import os", "only formulas", "import"),
        ("u, v = a", "one name on the left", "u, v"),
        ("u = v = a", "one name on the left", "u = v"),
        ("a; b", "not used", "a; b"),
        ("u = a; u = b; u", "has a value already", "u = b"),
        ("a = a + 1", "has a value already", "a = a"),
        ("u += 1", "each name", "u +="),
        ("a + nix", "nix has no value", "nix"),
        ("a[0.5]", "whole number", "0.5"),
        ("a[b", "never closed", "[b"),
        ("3a", "write 3*a", "a"),
        ("2.5e3 a + b", "write 2.5e3*a", "a +"),
        ("2*(a b)", "write a*b", "b)"),
        ("u = a; u b", "write u*b", "b"),
        ("a if b", "expected 'else'", "a if"),
        ("[1, [2, 3]] * a", "no array", "[1, [2"),
        ("a × b", "invalid character", "× b"),
        ("参数 + 变量", "变量 has no value", "变量"),
        ("sum(a, axis=3)", "axis", "sum("),
        ("", "no formula", ""),
        ("   ", "no formula", ""),
        ("a +\x00 b", "", ""),
        ("\ud800", "", "\ud800"),
    ],
)
def test_what_is_no_formula_is_pointed_at(text, message, pointed):
    with pytest.raises(FormulaError) as caught:
        value(text, a=np.ones(2), b=3.0, c=2.0, 参数=1.0)
    assert message in caught.value.message
    if pointed:
        assert text.strip()[caught.value.column :].startswith(pointed)
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "a" + ")" * 500,
        "-" * 1900 + "a",
        "[" * 150,
        "a" + "+a" * 900,
        "sin(" * 90 + "a" + ")" * 90 + "+" * 900,
        "a" * 3000,
        "a**" * 600 + "a",
        "a[" * 90 + "0" + "]" * 90,
    ],
)
def test_deep_and_long_text_is_refused(text):
    with pytest.raises(FormulaError):
        value(text, a=1.0)


def test_the_finger_stays_in_sight_and_under_its_sign():
    with pytest.raises(FormulaError) as caught:
        Formula("a + " * 80 + "sine(a)")
    lines = str(caught.value).split("\n")
    assert lines[1][len(lines[2]) - 1 :].startswith("sine(a)")
    assert len(lines[1]) < 120
    with pytest.raises(FormulaError) as caught:
        Formula("参数 + sine(a)")
    assert str(caught.value).split("\n")[2].index("^") == 2 + 7


def test_terminal_codes_are_not_repeated():
    with pytest.raises(FormulaError) as caught:
        Formula("a + \x1b[31m")
    assert "\x1b" not in str(caught.value)


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "3",
        "0.5",
        "1e400",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "@",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        ";",
        "=",
        " ",
        "sum",
        "exp(",
        "where(",
        "reshape(",
        "max(",
        "einsum(",
        "stack(",
        "split(",
        "log(",
        "axis=",
        "'ij'",
        "None",
        "True",
        "...",
        "<",
        "==",
        ".",
        "^",
        "lambda",
        "if",
        "\n",
        "#",
        "\\",
        "_",
        "é",
        "\0",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join)))
def test_any_text_is_a_formula_or_a_formula_error(text):
    try:
        formula = Formula(text)
        formula.evaluate({name: Tensor([1.0, 2.0]) for name in formula.inputs})
    except FormulaError:
        return


TREES = st.recursive(
    st.sampled_from(["a", "b", 2.0, 0.5]),
    lambda inner: st.tuples(st.sampled_from([("+", np.add), ("-", np.subtract), ("*", np.multiply)]), inner, inner),
    max_leaves=12,
)


@given(TREES)
def test_arithmetic_is_numpys(tree):
    values = {"a": np.float64(1.25), "b": np.float64(-3.0)}

    def read(part):
        """What a tree says, and what it is worth."""
        if not isinstance(part, tuple):
            return str(part), values.get(part, part)
        (sign, function), left, right = part
        (one, x), (other, y) = read(left), read(right)
        return f"({one} {sign} {other})", function(x, y)

    text, expected = read(tree)
    formula = Formula(text)
    assert formula.evaluate({name: values[name] for name in formula.inputs}).value == expected
