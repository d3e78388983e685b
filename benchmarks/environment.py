"""What every contestant shares: the number of threads, the allocator's thresholds, and the machine they run on.

This file imports no NumPy, so that it can set what NumPy reads when it is imported.
"""

import ctypes
import os
import platform
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

NUMBERS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NPROC",  # the size of XLA's pool of threads
)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_MMAP_THRESHOLD = 32 * 1024 * 1024  # glibc refuses more on 64 bits


def limit_threads(number: str) -> None:
    """Ask every library for so many threads. To be called before any of them is imported."""
    os.environ.update(dict.fromkeys(NUMBERS, number), JAX_PLATFORMS="cpu")
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'false' if number == '1' else 'true'}"


def threads() -> int:
    """How many were asked for."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def tune_malloc() -> bool:
    """Have glibc keep freed memory instead of handing it back to the kernel; False where there is no mallopt.

    By default a large array is mapped at birth and unmapped at death, so that each write to it pays page faults.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    kept = mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
    return bool(kept and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def settle_malloc() -> None:
    """Free one large block, as a process has done that read its data.

    glibc raises its thresholds to the largest block that was ever mapped and freed, up to 32 MB. Left to chance, they
    depend on who was imported and what ran before, and with them the cost of every array of a few KB in a long graph.
    """
    bytearray(LARGEST_MMAP_THRESHOLD - 2**20)


def resident_kb() -> tuple[float, float]:
    """Resident memory of this process, now and at its highest, in KB (nan where the system does not say).

    From /proc and not from getrusage, whose peak a child process inherits from its parent.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan"), float("nan")
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    now, highest = (float(fields[name].split()[0]) for name in ("VmRSS", "VmHWM"))
    return now, highest


def forget_peak() -> None:
    """Have the highest resident memory count from now on, where the system can (Linux: proc(5), clear_refs)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def version(distribution: str) -> str | None:
    """The installed version of a distribution, None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def describe(mallopt: bool, networks: str) -> dict[str, str]:
    """The machine and the settings, for the head of a table."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}".strip(),
        "python": platform.python_version(),
        "numpy": version("numpy") or "?",
        "threads": str(threads()),
        "networks in": networks,
        "malloc": "thresholds raised with mallopt, for all contestants"
        if mallopt
        else "the system's own, after one large block was freed",
    }
