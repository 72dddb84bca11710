"""The machine: which cores a process may use, how large the caches are, and what to call it in a table of results."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = ("maplet", "numpy", "llvmlite", "torch", "jax", "jaxlib", "scikit-learn")
ROOT = Path(__file__).parents[1]


def cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def pin(these: list[int]) -> bool:
    """Keep the calling thread, and those that it starts, on these cores; false where the system knows no such thing."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, these)
    return True


def environment(threads: int) -> dict[str, str]:
    """The environment of a process that is to compute with so many threads: every library's own way to say it."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MAPLET_THREADS")
    chosen: dict[str, str] = dict.fromkeys(names, count)
    chosen["NPROC"] = count  # the pool of XLA
    chosen["JAX_PLATFORMS"] = "cpu"
    chosen["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no processes for compiling that would stay beside the timed one
    return {**os.environ, **chosen}


def caches() -> dict[str, int]:
    """The size of each cache of a core in bytes, by its level; empty where the system does not say."""
    found: dict[str, int] = {}
    for place in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        level = (place / "level").read_text(encoding="utf-8").strip()
        size = re.match(r"(\d+)([KM])", (place / "size").read_text(encoding="utf-8"))
        if size:
            found[level] = int(size[1]) * {"K": 2**10, "M": 2**20}[size[2]]
    return found


def last_level_cache() -> int:
    """The size of the largest cache in bytes; 32 MiB where the system does not say."""
    return max(caches().values(), default=32 * 2**20)


def second_cache() -> int:
    """The size of a core's own second cache in bytes; 1 MiB where the system does not say."""
    return caches().get("2", 2**20)


def memory(field: str = "MemTotal") -> int:
    """A line of /proc/meminfo in bytes, such as MemAvailable; 8 GiB where there is none."""
    return int(_line("/proc/meminfo", rf"{field}:\s*(\d+)") or 8 * 2**20) * 2**10


def describe() -> dict[str, str]:
    """What a reader needs in order to compare with another machine."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607  (the git of whoever measures)
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "processor": _line("/proc/cpuinfo", r"model name\s*:\s*(.*)") or platform.processor() or platform.machine(),
        "cores": str(len(cores())),
        "last-level cache": f"{last_level_cache() / 2**20:.0f} MiB",
        "memory": f"{memory() / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "commit": commit.stdout.strip() or "not in a checkout",
    }


def versions() -> dict[str, str]:
    """Of the packages that have to do with it; of those that are installed."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _line(path: str, pattern: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(pattern, text)
    return found[1].strip() if found else ""
