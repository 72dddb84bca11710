"""How many cores this process may use: those it is bound to, less what a container's quota takes away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cores(system: Path = Path("/")) -> int:
    """The cores that this process may be run on, or the quota of its control group (Linux) if that is less; at least 1.

    Parameters
    ----------
    system
        The folder in which ``proc`` and ``sys`` are looked for.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([bound, *(int(quota) for quota in quotas(system))]))


def quotas(system: Path) -> Iterator[float]:
    """Every limit on processor time above this process, in cores: of version 2 of control groups, and of version 1."""
    for hierarchy, group in groups(system):
        mount = system / "sys/fs/cgroup" / hierarchy
        # In a container the folder may be mounted so that its own group stands at the top.
        for folder in (mount / group, *(mount / group).parents):
            yield from quota(folder)
            if folder == mount:
                break


def groups(system: Path) -> Iterator[tuple[str, str]]:
    """(folder of the hierarchy, group in it) that may limit the processor time of this process."""
    for line in text_of(system / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if not controllers:
            yield "", group.lstrip("/")
        elif "cpu" in controllers.split(","):
            yield controllers, group.lstrip("/")
            yield "cpu", group.lstrip("/")


def quota(folder: Path) -> Iterator[float]:
    """The limit of one group, if it has one."""
    given = text_of(folder / "cpu.max").split()
    given = given or [text_of(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    if len(given) == 2 and all(number.isdecimal() for number in given) and int(given[1]):  # "max" and −1: no limit
        yield int(given[0]) / int(given[1])


def text_of(file: Path) -> str:
    """What stands in a file; nothing if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
