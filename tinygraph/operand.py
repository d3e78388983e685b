"""What may stand beside a Tensor in an operation, and what is said when it may not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.op import Array, Op, bare, describe

NUMBERS = (float, int, bool, complex)
KINDS = "fiubc"  # of dtypes whose arrays can be recorded


def constant(value: Any, beside: Any = None) -> Array:
    """A bare operand: a Python number as it is (its type is weak, as in NumPy), a list as an array, an array itself.

    A complex number takes the precision of what it stands `beside`: with a NumPy scalar it would make a Python number.

    Raises:
        TypeError: texts, objects, and arrays of other libraries.
    """
    if value.__class__ is np.ndarray and value.dtype.kind in KINDS:
        return value  # nearly always
    if value.__class__ in NUMBERS:
        return value if value.__class__ is not complex or beside is None else _complex_beside(value, beside)
    if isinstance(value, list | tuple):
        value = _from_list(value)
    dtype = getattr(value, "dtype", None)
    if isinstance(value, np.ma.MaskedArray) or not (isinstance(value, np.ndarray | np.generic) or _speaks_numpy(value)):
        raise TypeError(_foreign(value))
    if dtype.kind not in KINDS:  # type: ignore[union-attr]
        raise TypeError(f"an array of dtype {dtype} holds no numbers; convert it with .astype(float)")
    return value.view(np.ndarray) if isinstance(value, np.matrix) else value


def _complex_beside(value: complex, beside: Any) -> Array:
    found: Array = np.result_type(bare(beside), value).type(value)
    return found


def number_array(value: Any, dtype: Any = None) -> Array:
    """The array that a Tensor holds: numbers and lists become float64 or complex128, arrays are kept and not copied."""
    if value.__class__ in NUMBERS:
        return _converted(np.array(value), dtype or (np.complex128 if value.__class__ is complex else np.float64))
    if isinstance(value, list | tuple):
        value = _from_list(value)
        dtype = dtype or (np.complex128 if value.dtype.kind == "c" else np.float64)
    value = constant(value)
    if isinstance(value, np.generic):
        value = value[...]  # type: ignore[index]
    return value if dtype is None or value.dtype == dtype else _converted(value, dtype)


def _converted(value: Array, dtype: Any) -> Array:
    kind = np.dtype(dtype).kind
    if kind not in KINDS:
        raise TypeError(f"dtype {np.dtype(dtype)} is not a number's; use float64, float32 or complex128")
    if kind != "c" and value.dtype.kind == "c":
        raise TypeError(f"numbers of dtype {value.dtype} are not real; take np.real or np.imag of them")
    return value.astype(dtype)


def refuse_complex(args: Sequence[Array]) -> None:
    """Raise if complex numbers are given to an op whose rules are not proved for them."""
    for a in args:
        if np.iscomplexobj(a):
            raise TypeError(
                "it has no rule for complex numbers; take .real, .imag or abs, or write it with functions that have one"
            )


def real_only(op: Op) -> Callable[..., Array]:
    """The forward function of an op that takes no complex numbers."""

    def forward(*args: Array) -> Array:
        refuse_complex(args)
        return op.forward(*args)

    return forward


def one_like(value: Array) -> Array:
    """The seed of a reverse pass: ones; for a single number NumPy's scalar, which is faster than an array."""
    if issubclass(type(value), np.ndarray | np.generic) and not value.ndim:
        return value.dtype.type(1.0)
    return np.ones_like(value)


def _from_list(value: Any) -> Array:
    try:
        return np.array(value)
    except (ValueError, TypeError) as error:
        raise type(error)(f"this list is no array: {error}") from None


def _speaks_numpy(value: Any) -> bool:
    """Whether this is an array of another kind, on a device say, and not another library's recording Tensor."""
    return (
        hasattr(value, "__array_ufunc__")
        and hasattr(value, "__array_function__")
        and hasattr(value, "dtype")
        and not hasattr(value, "backward")
    )


def _foreign(value: Any) -> str:
    kind = type(value)
    if hasattr(value, "__array__") or isinstance(value, np.ma.MaskedArray):
        return (
            f"a {kind.__module__}.{kind.__qualname__} cannot be recorded; convert it to a NumPy array first "
            "(its .numpy(), .detach().numpy(), .to_numpy() or .filled())"
        )
    return f"a {kind.__qualname__} is neither a number nor an array: {str(value)[:40]!r}"


def explained(error: Exception, op: Op, args: Sequence[Any]) -> Exception:
    """The error of a forward function, naming the op, the shapes and the remedy."""
    given = ", ".join(describe(a) for a in args)
    message = f"{op.name} of {given}: {error}"
    if isinstance(error, ValueError) and "broadcast" in str(error):
        message += "; shapes must agree, or be 1, along each axis counted from the last: reshape one of them"
    if isinstance(error, ValueError) and op.name == "matmul":
        message += "; the last axis of the first must be as long as the last but one of the second"
    for kind in (np.linalg.LinAlgError, IndexError, ValueError, TypeError):
        if isinstance(error, kind):
            return kind(message)
    error.add_note(f"in {op.name} of {given}")
    return error
