"""Bad use is told clearly: the operation, the shapes, and what to do instead."""

import re
import sys
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.tensor import Tensor

A = np.ones((2, 3))


def t(*shape: int) -> Tensor:
    return Tensor(np.ones(shape))


def into_array(a: np.ndarray, value: Any) -> None:
    a[0] = value


def ruled(rule: Callable[..., Any]) -> Callable[..., Any]:
    return tg.op(vjps=[rule], kind="elementwise", name="mine")(lambda x: 2.0 * x)


CASES: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    # rules of one's own
    (
        "number",
        lambda: tg.grad(ruled(lambda g, ans, x: 2.0))(1.0),
        TypeError,
        "mine must give .* gave 2.0, a float",
    ),
    ("nothing", lambda: tg.grad(ruled(lambda g, ans, x: None))(1.0), TypeError, "gave None: is `return` missing"),
    ("tangent", lambda: tg.jvp(ruled(lambda g, ans, x: 2.0), (1.0,), (1.0,)), TypeError, "mine must give an array"),
    # shapes
    ("add", lambda: t(2, 3) + t(2), ValueError, r"add of shape \(2, 3\), shape \(2,\): .*reshape one of them"),
    ("add array", lambda: t(2, 3) + np.ones(2), ValueError, r"add of shape \(2, 3\), shape \(2,\)"),
    ("array add", lambda: np.ones(2) + t(2, 3), ValueError, r"add of shape \(2,\), shape \(2, 3\)"),
    ("np.add", lambda: np.add(t(2, 3), t(2)), ValueError, r"add of shape \(2, 3\), shape \(2,\)"),
    ("matmul", lambda: t(2, 3) @ t(2, 3), ValueError, r"matmul of shape \(2, 3\), shape \(2, 3\): .*last but one"),
    ("reshape", lambda: t(2, 3).reshape(4), ValueError, r"reshape of shape \(2, 3\)"),
    ("sum axis", lambda: t(2, 3).sum(axis=5), IndexError, r"sum of shape \(2, 3\): axis 5 is out of bounds"),
    (
        "concatenate",
        lambda: np.concatenate([t(2, 3), t(2)]),
        ValueError,
        r"concatenate of shape \(2, 3\), shape \(2,\)",
    ),
    ("stack", lambda: np.stack([t(2), t(3)]), ValueError, r"stack: arrays must have one shape, got \[\(2,\), \(3,\)\]"),
    ("split", lambda: np.split(t(5), 2), ValueError, "split: 5 elements .* do not make 2 equal parts; use array_split"),
    ("tensordot", lambda: np.tensordot(t(2, 3), t(2, 3), 1), ValueError, r"tensordot: shapes \(2, 3\) and \(2, 3\)"),
    ("einsum count", lambda: np.einsum("ij,jk", t(2, 3)), ValueError, "names 2 operands, got 1"),
    ("einsum fit", lambda: np.einsum("ij->i", t(2)), ValueError, r"does not fit an operand of shape \(2,\)"),
    ("diag", lambda: np.diag(t(1, 2, 3)), ValueError, "diag: takes a vector or a matrix, got 3 dimensions"),
    ("pad", lambda: np.pad(t(2), 1, mode="mode"), ValueError, "pad: mode 'mode' is none of constant, edge"),
    ("index", lambda: t(2)[5], IndexError, r"getitem of shape \(2,\): index 5 is out of bounds"),
    (
        "cross entropy",
        lambda: tg.cross_entropy(t(2, 3), np.array([0, 3])),
        IndexError,
        r"cross_entropy of .*index 3 is out",
    ),
    ("negative label", lambda: tg.cross_entropy(t(2, 3), np.array([0, -1])), IndexError, r"lie in 0 \.\.\. 2, got -1"),
    ("cross entropy shape", lambda: tg.cross_entropy(t(2, 3), np.array([0])), ValueError, r"logits of shape \(2, 3\)"),
    ("bce", lambda: tg.binary_cross_entropy_with_logits(t(2), t(3)), ValueError, "must be alike; reshape one"),
    ("reduction", lambda: tg.cross_entropy(t(2, 3), np.array([0, 1]), reduction="max"), ValueError, "mean, sum, none"),
    # gradients
    ("integer grad", lambda: Tensor(np.arange(3)).grad, TypeError, r"int\d\d is a constant .*use \.astype\(float\)"),
    ("integer backward", lambda: Tensor(np.array(3)).backward(), ValueError, "nothing here requires a gradient"),
    ("vector backward", (t(3) * 2).backward, ValueError, r"shape \(3,\): only a scalar .*\.sum\(\).*grad="),
    ("seed shape", lambda: (t(3) * 2).backward(np.ones(2)), ValueError, r"grad has shape \(2,\), the Tensor .*\(3,\)"),
    ("set grad", lambda: setattr(t(3), "grad", np.ones(2)), ValueError, r"gradient of shape \(2,\) .* shape \(3,\)"),
    ("constant backward", t(1).detach().backward, ValueError, "nothing here requires a gradient"),
    # what a Tensor cannot hold
    (
        "objects",
        lambda: Tensor(np.array([object()])),
        TypeError,
        r"dtype object holds no numbers.*\.astype\(float\)",
    ),
    ("objects beside", lambda: t(1) + np.array([None]), TypeError, "dtype object holds no numbers"),
    ("strings", lambda: Tensor(["a"]), TypeError, "holds no numbers"),
    ("a string", lambda: t(1) + "a", TypeError, "neither a number nor an array: 'a'"),
    ("None", lambda: Tensor(None), TypeError, "neither a number nor an array"),
    ("ragged", lambda: Tensor([[1.0], [1.0, 2.0]]), ValueError, "this list is no array"),
    ("list of Tensors", lambda: Tensor([t(2), t(2)]), TypeError, r"this list is no array: .*np\.stack"),
    ("masked", lambda: t(1) + np.ma.array([1.0]), TypeError, r"MaskedArray cannot be recorded.*filled"),
    ("beside masked", lambda: np.ma.array([1.0]) + t(1), TypeError, r"masked array beside a Tensor: .*filled"),
    ("out by place", lambda: t(2).sum(0, None, np.zeros(())), TypeError, r"out= is not supported on a Tensor"),
    ("format", lambda: f"{t(2):.3f}", TypeError, r"'\.3f' is for one number, this Tensor has shape \(2,\)"),
    ("a Tensor", lambda: Tensor(t(1)), TypeError, r"a Tensor already; use \.copy\(\).*\.detach\(\)"),
    ("dtype", lambda: Tensor([1.0], dtype=str), TypeError, "dtype <U0 is not a number's"),
    # turning into something else
    ("asarray", lambda: np.asarray(t(2)), TypeError, r"does not turn into an ndarray silently.*t\.numpy\(\)"),
    ("np.array", lambda: np.array([t(2)]), TypeError, r"does not turn into an ndarray silently"),
    ("assign into array", lambda: into_array(np.zeros((2, 3)), t(3)), TypeError, "silently.*make the array"),
    ("out", lambda: np.add(t(2), 1.0, out=np.zeros(2)), TypeError, r"numpy\.add: .*out=.*use the returned Tensor"),
    ("out of reduce", lambda: np.sum(t(2), out=np.zeros(())), TypeError, r"numpy\.sum: .*out="),
    ("array += Tensor", lambda: np.zeros(2).__iadd__(t(2)), TypeError, r"\+= on an ndarray"),
    ("float", lambda: float(t(2)), TypeError, r"float\(\) of a Tensor of shape \(2,\).*\.item\(\)"),
    ("int", lambda: int(t(2)), TypeError, r"int\(\) of a Tensor of shape \(2,\)"),
    ("bool", lambda: bool(t(2)), ValueError, r"shape \(2,\) is neither true nor false; use \.any\(\) or \.all\(\)"),
    ("if", lambda: 1 if t(2, 2) else 0, ValueError, "neither true nor false"),
    ("iterate", lambda: list(Tensor(1.0)), TypeError, "nothing to iterate over"),
    # functions
    ("no rule", lambda: np.histogram(t(2, 2)), TypeError, r"numpy\.histogram has no rule.*@tinygraph\.op"),
    (
        "no ufunc rule",
        lambda: np.nextafter(t(2), 1),
        TypeError,
        r"numpy\.nextafter has no rule for Tensors.*t\.numpy\(\)",
    ),
    ("no method rule", lambda: np.hypot.outer(t(2), t(2)), TypeError, r"numpy\.hypot\.outer has no rule"),
    ("argument", lambda: np.exp(t(2), where=t(2).data > 0), TypeError, r"exp: where= is not supported on a Tensor"),
    (
        "axis",
        lambda: tg.softmax(t(2), dim=0),
        TypeError,
        r"softmax: dim= is not supported on a Tensor; NumPy calls it axis=",
    ),
    ("axis of a sum", lambda: t(2).sum(dim=0), TypeError, r"^sum: dim= .*; NumPy calls it axis="),
    ("axis of a mean", lambda: t(2).mean(0, keepdim=True), TypeError, r"^mean: keepdim= .*; NumPy calls it keepdims="),
    ("axis of a maximum", lambda: t(2).max(dim=0), TypeError, r"^max: dim= .*; NumPy calls it axis="),
    ("twice", lambda: np.sum(t(2), 0, axis=0), TypeError, r"axis"),
    # changing
    ("leaf item", lambda: t(2).__setitem__(0, 1.0), ValueError, r"a leaf cannot be assigned to.*x\.copy\(\).*x\.data"),
    ("data shape", lambda: setattr(t(2), "data", np.ones(3)), ValueError, r"data of shape \(3,\) for .* shape \(2,\)"),
    ("data of result", lambda: setattr(t(2) * 2, "data", np.ones(2)), ValueError, "only a leaf's data .* of multiply"),
    ("pickle", (t(2) * 2).__reduce__, TypeError, r"only a leaf can be copied.*\.detach\(\)"),
    (
        "assign shape",
        lambda: (t(2) * 2).__setitem__(0, np.ones(3)),
        ValueError,
        r"assign of shape \(2,\), shape \(3,\)",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_bad_use_is_told(use: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    text = str(caught.value)
    assert re.search(message, text), text
    assert len(text.splitlines()) <= 2, "one or two lines"
    assert len(text) < 400


def test_a_tensor_in_an_item_of_an_ndarray_is_told() -> None:
    """NumPy hides what float() raised behind an error of its own, which is why ours is its cause."""
    a = np.zeros(3)
    for value in (Tensor(1.0), t(1).sum()):
        with pytest.raises(ValueError, match="setting an array element") as caught:
            a[0] = value
        assert "make the array that receives it a Tensor" in str(caught.value.__cause__)
    assert not a.any()
    a[0] = float(Tensor(1.0))  # said aloud, it is allowed
    assert a[0] == 1.0


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (lambda: tg.grad(lambda x: x * 2)(np.ones(2)), ValueError, r"one scalar, it returned shapes \[\(2,\)\]; .*sum"),
        (
            lambda: tg.grad(lambda x: x)(np.arange(3)),
            TypeError,
            r"grad: an argument of dtype int\d\d .*astype\(float\)",
        ),
        (lambda: tg.grad(lambda x: x, argnums=1)(1.0), ValueError, "argnums 1 for 1 arguments"),
        (
            lambda: tg.grad(lambda x: x, has_aux=True)(1.0),
            TypeError,
            r"has_aux=True the function returns \(output, aux\)",
        ),
        (lambda: tg.jvp(lambda x: x, (np.ones(2),), (np.ones(3),)), ValueError, r"tangent of shape \(3,\) .*\(2,\)"),
        (lambda: tg.jvp(lambda x: x, (1.0,), (1.0, 2.0)), ValueError, "a sequence of 1 is needed, got a sequence of 2"),
        (lambda: tg.vjp(lambda x: x, np.ones(2))[1](1.0), ValueError, r"cotangent of shape \(\) .*\(2,\)"),
        (lambda: tg.jacobian(lambda x: x, mode="up"), ValueError, "mode 'up' is not"),
        (lambda: tg.grad(lambda x: x * "a")(1.0), TypeError, "neither a number nor an array"),
        (
            lambda: tg.grad(lambda x, y: x * y, argnums=(0, -2))(1.0, 2.0),
            ValueError,
            r"\(0, -2\) name an argument twice",
        ),
        (lambda: tg.grad(lambda x: x, argnums="x")(1.0), TypeError, "an int or a sequence of ints, got 'x'"),
        (lambda: tg.grad(lambda x: x)("a"), TypeError, "^grad: a str is neither"),
        (lambda: tg.vjp(lambda x: x, 1.0)[1]({"x": 1.0}), TypeError, "^vjp: cotangent: a dict is neither"),
        (lambda: tg.value_and_grad(lambda x: x * 2)(np.ones(2)), ValueError, "^value_and_grad: .*one scalar"),
        (lambda: tg.hessian(lambda x: x * 2)(np.ones(2)), ValueError, "^hessian: .*one scalar"),
        (lambda: tg.hessian(np.sum, holomorphic=True)(np.ones(2)), TypeError, "^hessian: with holomorphic"),
        (lambda: tg.hvp(lambda x: x * 2, (np.ones(2),), (np.ones(2),)), ValueError, "^hvp: .*one scalar"),
        (lambda: tg.hvp(np.sum, (np.ones(2),), (np.ones(3),)), ValueError, "^hvp: tangent of shape"),
        (lambda: tg.hvp(np.sum, 1.0, 1.0), TypeError, "^hvp: takes a tuple of primals"),
        (lambda: tg.jacfwd(np.exp)(1j), TypeError, "^jacfwd: derivatives of complex"),
        (lambda: tg.jacrev(np.exp)(np.arange(3)), TypeError, "^jacrev: an argument of dtype"),
    ],
)
def test_bad_use_of_transforms_is_told(use: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        use()


def test_the_gradient_of_an_unnamed_result_warns_and_names_the_remedy() -> None:
    y = t(2) * 2
    with pytest.warns(UserWarning, match=r"result of multiply is not kept; give it a name or call \.retain_grad\(\)"):
        assert y.grad is None


def test_the_warning_points_at_the_users_line() -> None:
    y = t(2) * 2
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _ = y.grad
    assert caught[0].filename == __file__


# --- other libraries


def foreign_class() -> type:
    """A recording tensor of another library: it has a gradient of its own, which mixing would lose."""

    class Tensor:
        shape, dtype, ndim = (2,), np.dtype(float), 1

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.ones(2)

        def backward(self) -> None: ...

    Tensor.__module__ = "otherlib"
    return Tensor


class Rival(np.lib.mixins.NDArrayOperatorsMixin):
    """Another library's recording tensor, which speaks NumPy's protocols as well."""

    shape, dtype, ndim, size = (2,), np.dtype(float), 1, 2

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return NotImplemented

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented

    def backward(self) -> None: ...


def test_a_recording_tensor_that_speaks_numpys_protocols_is_refused_too() -> None:
    for mix in (lambda: t(2) + Rival(), lambda: Tensor(Rival()), lambda: t(2) @ Rival()):
        with pytest.raises(TypeError, match="Rival"):
            mix()


@pytest.mark.parametrize("mix", [lambda x, f: x + f, lambda x, f: f + x, np.add, lambda x, f: Tensor(f)])
def test_a_tensor_of_another_library_is_refused_by_name(mix: Any) -> None:
    with pytest.raises(TypeError, match=r"otherlib\..*Tensor cannot be recorded; convert it .*\.detach\(\)\.numpy\(\)"):
        mix(t(2), foreign_class()())


def test_a_tensor_of_torch_is_refused_by_name() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    theirs = torch.ones(2, requires_grad=True)
    for mix in (lambda: t(2) + theirs, lambda: Tensor(theirs), lambda: np.add(t(2), theirs)):
        with pytest.raises(TypeError, match=r"torch\.Tensor cannot be recorded"):
            mix()


def test_an_array_that_wraps_numpys_is_refused() -> None:
    wrapper = types.SimpleNamespace(__array__=lambda: np.ones(2))
    with pytest.raises(TypeError, match=r"convert it to a NumPy array first|neither a number nor an array"):
        _ = t(2) + wrapper


# --- errors in rules name their operation


def test_a_rule_that_raises_is_named_with_its_shapes() -> None:
    broken = tg.op(lambda x: x * 2, vjps=[lambda g, ans, x: g / "a"], name="broken")
    with pytest.raises(TypeError) as caught:
        broken(t(2)).sum().backward()
    assert "in the reverse pass of broken on shapes [(2,)]" in caught.value.__notes__


def test_a_rule_that_gives_another_shape_is_named() -> None:
    wrong = tg.op(lambda x: x * 2, vjps=[lambda g, ans, x: g.sum()], name="wrong")
    with pytest.raises(ValueError, match=r"wrong gave a gradient of shape \(\) for an argument of shape \(2,\)"):
        wrong(t(2)).sum().backward()


# --- debug


def line() -> int:
    return sys._getframe(1).f_lineno


def test_debug_names_the_operation_the_shapes_and_the_line() -> None:
    with np.errstate(all="ignore"), tg.debug():
        x = Tensor([1.0, -1.0])
        with pytest.raises(FloatingPointError) as caught:
            np.log(x)
        where = line() - 1
    assert str(caught.value).startswith("log made NaN: inputs shape (2,)")
    assert f"{__file__}:{where}" in str(caught.value)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: 1.0 / Tensor([0.0, 1.0]), "divide made infinity"),
        (lambda: np.exp(Tensor(1000.0)), "exp made infinity"),
        (lambda: Tensor([np.nan]) * 2.0, "multiply was given NaN"),
        (lambda: Tensor(np.inf) - Tensor(np.inf), "subtract was given NaN"),
        (lambda: Tensor([-1.0]) ** 0.5, "power made NaN"),
    ],
)
def test_debug_tells_what_was_made_from_what_was_given(use: Callable[[], Any], message: str) -> None:
    with tg.debug(), pytest.raises(FloatingPointError, match=message):
        use()


def test_debug_stops_in_the_reverse_pass_and_names_the_line_that_recorded() -> None:
    with tg.debug():
        x = Tensor([0.0, 4.0])
        y = np.sqrt(x)
        where = line() - 1
        with pytest.raises(FloatingPointError, match="the reverse rule of sqrt made infinity") as caught:
            y.sum().backward()
    assert f"{__file__}:{where}" in str(caught.value)
    assert "shape (2,)" in str(caught.value)


def test_debug_makes_the_graphs_arrays_read_only_and_gives_them_back() -> None:
    a = np.array([1.0, 2.0])
    x = Tensor(a)
    with tg.debug():
        y = x * 2.0
        with pytest.raises(ValueError, match="read-only"):
            a[0] = 5.0
        with pytest.raises(ValueError, match="read-only"):
            y.data[0] = 5.0
    a[0] = 5.0
    y.data[0] = 7.0
    assert (a[0], y.data[0]) == (5.0, 7.0)


def test_debug_leaves_an_array_read_only_that_was_so_before() -> None:
    a = np.array([1.0, 2.0])
    a.flags.writeable = False
    with tg.debug():
        _ = Tensor(a) * 2.0
    assert not a.flags.writeable


def test_debug_gives_arrays_back_also_after_an_error_and_when_nested() -> None:
    a = np.array([1.0, 2.0])
    x = Tensor(a)
    with tg.debug():
        _ = x * 1.0
        with tg.debug(), pytest.raises(FloatingPointError):
            np.log(-x)
    with pytest.raises(ZeroDivisionError), tg.debug():
        _ = float(x[0] * 1.0) / 0
    a[0] = 3.0
    np.log(Tensor([1.0]) * 0.5)  # and nothing is watched any more
    assert a[0] == 3.0


def test_debug_is_per_thread() -> None:
    failed: list[BaseException] = []

    def other() -> None:
        try:
            with np.errstate(all="ignore"):
                np.log(Tensor(-1.0))
        except BaseException as error:  # noqa: BLE001 - reported below
            failed.append(error)

    with tg.debug():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert failed == []


def test_debug_lets_finite_numbers_pass() -> None:
    with tg.debug():
        x = Tensor([1.0, 2.0])
        np.log(x * x).sum().backward()
        with tg.no_grad():
            assert float((x * 2.0).sum()) == 6.0
    np.testing.assert_array_equal(x.grad, [2.0, 1.0])


def test_nan_without_debug_flows_through() -> None:
    x = Tensor([np.nan, 1.0])
    y = (np.maximum(x, 0.0) * 2.0).sum()
    y.backward()
    assert np.isnan(y.item())
    assert x.grad[1] == 2.0
