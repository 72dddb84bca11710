"""A loss as a program with values: recorded twice, to see that it is the same both times."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.context import here
from maplet.core.graph import as_made, constant_primitive
from maplet.core.recording import record
from maplet.core.types import is_floating
from maplet.errors import SettingError, TraceError
from maplet.transforms.derivatives import require_loss
from maplet.transforms.selection import name_of, require_function

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.recording import Recording


def recorded(f: Callable[..., Any], args: Sequence[Any]) -> Recording:
    """What a function computes of its arguments, whose result is one real number.

    Raises
    ------
    GradientError
        If it is no function, or its result no floating scalar.
    SettingError
        If it takes other arguments.
    TraceError
        If it is not deterministic. The message shows the values that differ.
    """
    require_function(f, example="mp.explain(f, x), not mp.explain(f(x))")
    _require_arguments(f, args)
    recording = record(f, args, with_values=True)
    require_loss(recording.returned, recording.result, f, "explain")
    _require_same(f, recording, record(f, args, with_values=True))
    return recording


def _require_arguments(f: Callable[..., Any], args: Sequence[Any]) -> None:
    """Refuse a call that Python would refuse, in terms of what the user wrote."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # of a function that is not written in Python
        return
    try:
        signature.bind(*args)
    except TypeError as error:
        raise SettingError(
            f"explain: {name_of(f)}{signature} was given {len(args)} argument{'s' * (len(args) != 1)}: {error}",
            fix=f"mp.explain({name_of(f)}, …) with what it takes; settings by name stand in a lambda around it",
        ) from error


def _require_same(f: Callable[..., Any], first: Recording, second: Recording) -> None:
    """Refuse a function that gives something else when it is run again: its derivation would be of neither."""
    runs = as_made(first.graph), as_made(second.graph)
    for one, other in zip(*runs, strict=False):
        a, b = cast("tuple[Any, Any]", (first.values.get(one), second.values.get(other)))
        if one.primitive is constant_primitive:
            a, b = (np.asarray(node.params.get("value")) for node in (one, other))
        alike = one.primitive is other.primitive and one.type == other.type
        if alike and (a is None or isinstance(a, tuple) or np.array_equal(a, b, equal_nan=is_floating(a.dtype))):
            continue
        what = f"{one.primitive.name} gave {_short(a)}, then {_short(b)}" if alike else (
            f"the first run computes {one.primitive.name}, the second {other.primitive.name}"
        )  # fmt: skip
        raise _two_results(f, what, str(first.graph.origins.get(one, "")))
    if len(runs[0]) != len(runs[1]):
        what = f"the first run computes {len(runs[0])} operations, the second {len(runs[1])}"
        longer = max((first, second), key=lambda run: len(as_made(run.graph)))
        extra = as_made(longer.graph)[min(map(len, runs))]
        raise _two_results(f, what, str(longer.graph.origins.get(extra, "")))


def _two_results(f: Callable[..., Any], what: str, where: str) -> TraceError:
    return TraceError(
        f"explain: {name_of(f)} is not deterministic: called twice with the same arguments, {what}",
        fix="take random numbers from mp.random.Generator(seed) inside of the function, or pass them as arguments; so, "
        "too, what changes from call to call, such as a counter",
        where=where or str(here()) or None,
    )


def _short(value: Any) -> str:
    flat = np.asarray(value).reshape(-1)
    return f"{', '.join(f'{x:.6g}' for x in flat[:3].tolist())}{', …' if flat.size > 3 else ''}"
