"""How long Hypothesis looks: the profiles dev, ci and deep."""

from __future__ import annotations

PROFILES = {"dev": 10, "ci": 100, "deep": 1000}


def load(name: str) -> None:
    """Load a profile for the whole process: 10 examples in "dev", 100 in "ci", 1000 in "deep".

    The first two try the same examples every time; "deep" tries others and keeps those that failed. None has a
    deadline: a gradient check's time depends on the size of what is checked. They are registered as "tinygraph-dev"
    and so on, so that profiles of your own stay as they are.

    Raises:
        ValueError: a profile that does not exist.
        ImportError: Hypothesis is not installed.

    Example:
        >>> load("quick")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        ValueError: profile 'quick' is not one of dev, ci, deep
    """
    if name not in PROFILES:
        raise ValueError(f"profile {name!r} is not one of {', '.join(PROFILES)}")
    from hypothesis import HealthCheck, settings

    for known, examples in PROFILES.items():
        steady = {} if known == "deep" else {"derandomize": True, "database": None}
        settings.register_profile(
            f"tinygraph-{known}",
            settings.get_profile("default"),
            max_examples=examples,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            **steady,
        )
    settings.load_profile(f"tinygraph-{name}")
