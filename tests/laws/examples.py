"""How many examples Hypothesis makes up, for laws that are tried on each of hundreds of functions."""

from __future__ import annotations

import os

from hypothesis import settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")


def at_first(dev: int, ci: int | None = None) -> settings:
    """So many in "dev" and in "ci"; where none are given, and in "deep", as many as anything else."""
    count = {"dev": dev, "ci": ci}.get(PROFILE)
    return settings() if count is None else settings(max_examples=count)
