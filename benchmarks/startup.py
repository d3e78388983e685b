"""What an import costs over `import numpy`: whole processes, started in turn."""

import os
import random
import subprocess
import sys
from collections.abc import Iterable
from time import perf_counter

from benchmarks.contestants import CONTESTANTS, REFERENCE
from benchmarks.harness import SEED, Result
from benchmarks.profiles import Profile

ABOUT = "starting Python and importing the library, over importing NumPy"


def _seconds(module: str) -> float:
    # An installed package has its bytecode beside it; a checkout gets it in the first, unmeasured start, if allowed to.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, capture_output=True, env=environment)
    return perf_counter() - start


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield the one Result."""
    result = Result("startup", "import", operations=1)
    modules: dict[str, str] = {}
    for name in names:
        module = CONTESTANTS[name].module
        if name != REFERENCE and module in modules.values():
            continue  # the same import under another name
        try:
            _seconds(module)  # once unmeasured: it may have to compile bytecode
        except subprocess.CalledProcessError as error:
            result.leave_out(name, error.stderr.decode())
        else:
            modules[name] = module
    order = list(modules)
    result.samples = {name: [] for name in order}
    shuffle = random.Random(SEED).shuffle
    for _ in range(profile.startup_rounds):
        shuffle(order)
        for name in order:
            result.samples[name].append(_seconds(modules[name]))
    yield result
