"""What may stand beside a Tensor in an operation, and what is said when it may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.op import Array, Op, describe

NUMBERS = (float, int, bool)


def constant(value: Any) -> Array:
    """A bare operand: a Python number as it is (its type is weak, as in NumPy), a list as an array, an array itself.

    Raises:
        TypeError: complex numbers, objects, and arrays of other libraries.
    """
    if value.__class__ is np.ndarray and value.dtype.kind in "fiub":
        return value  # nearly always
    if value.__class__ in NUMBERS:
        return value
    if isinstance(value, list | tuple):
        value = _from_list(value)
    dtype = getattr(value, "dtype", None)
    if isinstance(value, np.ma.MaskedArray) or not (isinstance(value, np.ndarray | np.generic) or _speaks_numpy(value)):
        raise TypeError(_foreign(value))
    if dtype.kind not in "fiub":  # type: ignore[union-attr]
        raise TypeError(_unfit(value))
    return value.view(np.ndarray) if isinstance(value, np.matrix) else value


def real_array(value: Any, dtype: Any = None) -> Array:
    """The array that a Tensor holds: Python numbers and lists become float64, arrays are kept and not copied."""
    if value.__class__ in NUMBERS:
        return np.array(value, dtype=dtype or np.float64)
    if isinstance(value, list | tuple):
        value = _from_list(value)
        dtype = dtype or np.float64
    value = constant(value)
    if isinstance(value, np.generic):
        value = value[...]  # type: ignore[index]
    if dtype is None or value.dtype == dtype:
        return value
    if np.dtype(dtype).kind not in "fiub":
        raise TypeError(f"dtype {np.dtype(dtype)} is not a real number's; use float64 or float32")
    return value.astype(dtype)


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
    if kind is complex:
        return _unfit(np.complex128(value))
    if hasattr(value, "__array__") or isinstance(value, np.ma.MaskedArray):
        return (
            f"a {kind.__module__}.{kind.__qualname__} cannot be recorded; convert it to a NumPy array first "
            "(its .numpy(), .detach().numpy(), .to_numpy() or .filled())"
        )
    return f"a {kind.__qualname__} is neither a number nor an array: {str(value)[:40]!r}"


def _unfit(value: Any) -> str:
    if value.dtype.kind == "c":
        return f"complex numbers ({value.dtype}) have no rules here; use .real and .imag as two arrays"
    return f"an array of dtype {value.dtype} holds no real numbers; convert it with .astype(float)"


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
