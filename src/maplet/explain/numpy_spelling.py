"""How an operation is called in NumPy: its function there, one of SciPy's, or one of `numpy_helpers`."""

# The spellings below are of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.errors import SettingError
from maplet.explain import numpy_helpers
from maplet.explain.symbols import slice_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from maplet.explain.terms import Term

    Spelling = Callable[[Sequence[str], Mapping[str, Any], Term], str]


def _pad(parts: Sequence[str], settings: Mapping[str, Any], term: Term) -> str:
    low, high, between = (settings[key] for key in ("low", "high", "between"))
    if any(between):
        return f"pad_between({parts[0]}, {low}, {high}, {between})"
    return f"np.pad({parts[0]}, {tuple(zip(low, high, strict=True))})"


def _take(parts: Sequence[str], settings: Mapping[str, Any], term: Term) -> str:
    name = "take" if settings.get("batch") else "np.take"
    given = [f"{key}={value}" for key, value in settings.items() if value or key == "axis"]
    return f"{name}({', '.join([*parts, *given])})"


def _cumulated(name: str) -> Spelling:
    return lambda parts, settings, term: f"{name}({parts[0]}, axis={settings['axis']})"


def _of(room: str, name: str, ending: str = "") -> Spelling:
    """A function of a room of NumPy or SciPy, of the operands alone."""
    return lambda parts, settings, term: f"{room}.{name}({', '.join(parts)}{ending})"


# Where NumPy has no function of that name, or one that is called in another way.
otherwise: dict[str, Spelling] = {
    "reshape": lambda parts, settings, term: f"np.reshape({parts[0]}, {settings['shape']})",
    "constant": lambda parts, settings, term: f"np.asarray({settings['value']!r})",
    "iota": lambda parts, settings, term: (
        f"np.arange({term.shape[0]})" if len(term.shape) == 1 else f"np.indices({term.shape})[{settings['axis']}]"
    ),
    "concat": lambda parts, settings, term: f"np.concatenate(({', '.join(parts)}), axis={settings['axis']})",
    "slice": lambda parts, settings, term: f"{parts[0]}[{slice_key(settings, term.parts[0].shape)}]",
    "item": lambda parts, settings, term: f"{parts[0]}[{settings['index']}]",
    "astype": lambda parts, settings, term: f"np.astype({parts[0]}, np.dtype({str(settings['dtype'])!r}))",
    "pad": _pad,
    "take": _take,
    "contract": lambda parts, settings, term: (
        f"np.einsum('{settings['first']},{settings['second']}->{settings['result']}', {', '.join(parts)})"
    ),
    "diagonal": lambda parts, settings, term: (
        f"np.diagonal({parts[0]}, {settings['column'] - settings['row']}, -2, -1)"
    ),
    "cumulative_sum": _cumulated("np.cumsum"),
    "cumulative_prod": _cumulated("np.cumprod"),
    "cumulative_max": _cumulated("np.maximum.accumulate"),
    "sort": _of("np", "sort", ", axis=-1"),
    "argsort": _of("np", "argsort", ", axis=-1, kind='stable'"),
    "portable_log": _of("np", "log"),
    "portable_exp": _of("np", "exp"),
    **{name: _of("np.linalg", name) for name in ("solve", "det", "slogdet", "cholesky", "eigh")},
    "pinv": lambda parts, settings, term: f"np.linalg.pinv({', '.join(parts)})",
    "qr": lambda parts, settings, term: f"np.linalg.qr({parts[0]}, mode={settings['mode']!r})",
    "svd": lambda parts, settings, term: f"np.linalg.svd({parts[0]}, full_matrices={settings['full_matrices']})",
    **{name: _of("special", name) for name in ("erf", "erfc", "erfinv", "digamma")},
    "lgamma": _of("special", "gammaln"),
    "normal_quantile": _of("special", "ndtri"),
    "polygamma": lambda parts, settings, term: f"special.polygamma({settings['n']}, {parts[0]})",
}  # fmt: skip


def helpers(names: Iterable[str]) -> list[str]:
    """The code of functions that NumPy does not have, and of those that they call."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = inspect.getsource(getattr(numpy_helpers, name))
            waiting += [called for called in re.findall(r"(\w+)\(", found[name]) if has_helper(called)]
    return [found[name] for name in sorted(found)]


def has_helper(name: str) -> bool:
    """Whether there is one."""
    return inspect.isfunction(getattr(numpy_helpers, name, None))


def spelled(name: str, parts: Sequence[str], settings: Mapping[str, Any], term: Term) -> str:
    """The call of an operation that is no nested program.

    Raises
    ------
    SettingError
        If there is nothing of that kind in NumPy.
    """
    if name in otherwise:
        return otherwise[name](parts, settings, term)
    settings = dict(settings)
    if has_helper(name):
        given = [f"{key}={value!r}" for key, value in settings.items()]
        return f"{name}({', '.join([*parts, *given])})"
    if not hasattr(np, name):
        raise SettingError(
            f"NumPy has no {name} like maplet's, so the gradient through it has no code",
            fix="text() and latex() show it, mp.grad computes it; or derive with respect to what does not pass through "
            f"{name}: names=[…]",
        )
    if "axes" in settings and name in ("max", "min", "any", "all", "prod"):
        settings["axis"] = settings.pop("axes")
    given = [f"{key}={value!r}" for key, value in settings.items() if not (key == "keepdims" and not value)]
    return f"np.{name}({', '.join([*parts, *given])})"
