"""What an optimizer does with a gradient: which operands a call passes on to an update, and by which factor.

Sums and multiples pass them on exactly; a bound, or a mask, as if it were not there. Of what is divided by a norm or by
a root of moments only the sign is known, and the factor is no number.
"""

# What a program of a user's holds, and what NumPy makes of it, may be anything.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.health.audit.program.tape import Ref
from maplet.health.audit.truth import elementwise

if TYPE_CHECKING:
    from maplet.health.audit.program.tape import Call
    from maplet.health.audit.scripts.updates import Walk

Passed = list[tuple[int, float]]
bounds = frozenset(["clip", "maximum", "minimum", "fmax", "fmin", "nan_to_num"])


def passed(walk: Walk, call: Call, *, inside: bool) -> Passed | None:
    """What a call is made of, each with its factor; None where it is no step of an optimizer.

    ``inside`` says whether it stands in the lines of the update, where a multiple is no part of the gradient.
    """
    impure = [n for n in call.operands if n not in walk.pure]
    whole = [n for n in impure if walk.is_whole(n, call)]
    first = [arg.number for arg in call.args[:1] if isinstance(arg, Ref)]
    if call.kind in bounds and impure == first:
        return [(impure[0], 1.0)]
    if call.kind == "sign":
        return [(impure[0], nan)]
    if inside and (found := _of_a_sum(call, impure, whole)):
        return found
    if call.kind in ("multiply", "divide") and len(call.args) == 2:
        found = _of_a_multiple(walk, call, impure, whole) if inside else None
        found = found or _of_a_scaled_one(walk, call, impure, whole, inside=inside)
        if found:
            return found
    optimizing = call.number in walk.stateful or (inside and walk.new in walk.stateful)
    if optimizing and call.kind in elementwise and len(whole) == len(impure):
        return [(n, nan) for n in impure]
    return None


def _of_a_sum(call: Call, impure: list[int], whole: list[int]) -> Passed | None:
    if call.kind in ("negative", "positive"):
        return [(call.operands[0], -1.0 if call.kind == "negative" else 1.0)]
    has_more = any(not isinstance(arg, Ref) and np.any(arg) for arg in call.args)
    if call.kind not in ("add", "subtract") or len(whole) < len(impure) or has_more:
        return None
    signs = (1.0, 1.0 if call.kind == "add" else -1.0)
    return [(arg.number, sign) for arg, sign in zip(call.args, signs, strict=False) if isinstance(arg, Ref)]


def _of_a_multiple(walk: Walk, call: Call, impure: list[int], whole: list[int]) -> Passed | None:
    """``rate * dW``, ``dW / n``."""
    if len(impure) != 1 or len(whole) != 1:
        return None
    own = next(n for n, arg in enumerate(call.args) if isinstance(arg, Ref) and arg.number == impure[0])
    other = _number(walk, call.args[1 - own])
    if not other or (call.kind == "divide" and own == 1):
        return None
    return [(impure[0], 1 / other if call.kind == "divide" else other)]


def _of_a_scaled_one(walk: Walk, call: Call, impure: list[int], whole: list[int], *, inside: bool) -> Passed | None:
    """``dW * mask`` for some entries, ``dW / norm`` by its own size, ``loss / norm**2 * dW`` by the loss."""
    values = walk.tape.values
    masks = [n for n in impure if inside and n not in walk.reader.active and _is_mask(values[n])]
    if len(impure) == 2 and len(masks) == 1 and call.kind == "multiply":
        return [(n, 1.0) for n in impure if n not in masks]
    scalars = [n for n in impure if np.size(values[n]) == 1]
    if len(impure) != 2 or len(whole) != 1 or len(scalars) != 1 or np.size(call.value) == 1:
        return None
    behind = walk.tape.ancestors(scalars)
    own = whole[0] in behind or (inside and not walk.old.isdisjoint(behind))
    return [(whole[0], nan)] if own else None


def _number(walk: Walk, arg: Any) -> float | None:
    value = walk.tape.values[arg.number] if isinstance(arg, Ref) else arg
    plain = isinstance(value, int | float | np.ndarray | np.generic) and np.size(value) == 1
    return float(np.asarray(value).reshape(())) if plain else None


def _is_mask(value: Any) -> bool:
    """Whether an array chooses entries."""
    return np.size(value) > 1 and bool(np.all((value == 0) | (value == 1)))
