"""How many examples Hypothesis makes up, for laws that are tried on each of hundreds of functions."""

from __future__ import annotations

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")


def at_first(dev: int, ci: int = 40) -> settings:
    """So many in "dev" and in "ci", and as many as anything else in "deep"."""
    return settings() if PROFILE == "deep" else settings(max_examples=ci if PROFILE == "ci" else dev)
