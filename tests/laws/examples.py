"""How many examples Hypothesis makes up, for laws that are tried on each of hundreds of functions."""

from __future__ import annotations

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")


def at_first(count: int) -> settings:
    """So many in "dev", and as many as anything else in "ci" and "deep"."""
    return settings(max_examples=count) if PROFILE == "dev" else settings()
