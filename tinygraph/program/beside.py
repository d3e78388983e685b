"""The function itself beside its program, and whether the two do the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from tinygraph.program.recording import How, Recording, bare_value, is_real
from tinygraph.program.reorder import near
from tinygraph.program.replay import given_to, returned, stored
from tinygraph.tree import flatten


def side_by_side(
    recording: Recording, f: Callable[..., Any], how: How, arrays: Sequence[Any], args: Any, kwargs: Any
) -> Any:
    """What f returns; its program has run before on copies of what it writes to.

    Raises:
        AssertionError: the program gives, or stores, something else.
    """
    given = given_to(recording, arrays)
    mine = [deepcopy(x) if i in recording.written else x for i, x in enumerate(given)]
    results = recording.run(*mine)  # type: ignore[misc]
    result = f(*args, **kwargs)
    if results is NotImplemented:
        return result
    pairs = [(given[i], mine[i]) for i in recording.written if isinstance(given[i], np.ndarray)]
    pairs += zip(flatten(result)[0], flatten(returned(recording, results, arrays))[0], strict=True)
    for want, got in [*pairs, *stored(recording, results, arrays)]:
        want, got = np.asarray(bare_value(want)), np.asarray(bare_value(got))
        if not np.array_equal(want, got, equal_nan=is_real(want)) and not (how.reorder and near(want, got)):
            raise AssertionError(f"compile: {how.name} compiled gives {got}, and as it is {want}")
    return result
