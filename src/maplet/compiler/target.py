"""The machine that code is made for: this one, or an older one of its kind that the environment names."""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

from llvmlite import binding

from maplet.errors import SettingError

variable = "MAPLET_TARGET"

# The arithmetic of f16 is that of f32, rounded after each step, on every machine: also on those that could do without.
_same_halves = {"x86": "-avx512fp16", "arm": "-fullfp16"}


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of processor.

    Parameters
    ----------
    name
        ``avx512``, ``avx2``, ``sse``, ``neon``, or ``other``.
    cpu, features
        What LLVM calls it.
    vector_bytes, registers
        The size and number of its vector registers.
    """

    name: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int


@dataclass(frozen=True, slots=True)
class _Level:
    needs: tuple[str, ...]
    cpu: str
    features: str
    vector_bytes: int
    registers: int


_levels = {
    "avx512": _Level(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"), "x86-64-v4", "+f16c", 64, 32),
    "avx2": _Level(("avx2", "fma", "f16c", "bmi2"), "x86-64-v3", "+f16c", 32, 16),
    "sse": _Level(("sse4.2",), "x86-64-v2", "", 16, 16),
}


@cache
def target() -> Target:
    """The target of this process: what ``MAPLET_TARGET`` names, else the CPU that it runs on."""
    return named(os.environ.get(variable, ""))


def named(name: str) -> Target:
    """The target ``avx512``, ``avx2`` or ``sse``, which is less than many a CPU has; of no name, this CPU.

    Raises
    ------
    SettingError
        If there is no target of this name, or it is more than this CPU has.
    """
    if not name:
        return _host()
    fitting = available()
    if name not in fitting:
        given = "is no target" if name not in _levels else "is more than this CPU has"
        choice = f"set it to one of {', '.join(fitting)}, or unset it" if fitting else "unset it"
        raise SettingError(f"{variable}={name} {given}", fix=choice)
    level = _levels[name]
    return Target(name, level.cpu, level.features, level.vector_bytes, level.registers)


def available() -> list[str]:
    """The names of the targets whose code this CPU can run."""
    features = binding.get_host_cpu_features()
    return [name for name, level in _levels.items() if all(features.get(need) for need in level.needs)]


def _host() -> Target:
    """The CPU with all that it has; with AVX-512, LLVM may use all 512 bits, which it would not on some CPUs."""
    cpu, flags = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    if platform.machine().lower() in {"arm64", "aarch64"}:
        return Target("neon", cpu, f"{flags},{_same_halves['arm']}".lstrip(","), 16, 32)
    for name in available():
        level, wide = _levels[name], ",-prefer-256-bit" if name == "avx512" else ""
        return Target(name, cpu, f"{flags},{_same_halves['x86']}{wide}", level.vector_bytes, level.registers)
    return Target("other", cpu, flags, 16, 16)
