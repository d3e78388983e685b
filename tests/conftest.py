"""Hypothesis's profiles, threads, and that no test leaves a mode of recording switched on."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tinygraph.mode import MODE

# A deadline would time a shared machine, and so would the check for slow generation.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=10, derandomize=True, database=None, **COMMON)
settings.register_profile("ci", max_examples=40, derandomize=True, database=None, **COMMON)
settings.register_profile("deep", max_examples=1000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

for library in ("OPENBLAS", "OMP", "MKL"):  # read by workers, which are as many as cores: more threads wait in turn
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """What was collected outlives all tests: no search for garbage looks at it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything that tests may need has been installed, a test that was skipped has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("TINYGRAPH_SKIP_NOTHING") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _no_mode_leaks() -> Iterator[None]:
    yield
    assert MODE.get() is None, "a test left no_grad or debug switched on"
