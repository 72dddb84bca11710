"""What layers and losses are given, and what is wrong with it.

Values are looked at where they are known: outside traces, and in a trace with values. In one without, these checks
are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import value_of
from maplet.core.types import is_integer, short_name
from maplet.errors import DataError, DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_floating, meet
from maplet.ops.movement import broadcast_to, reshape

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike, Value
    from maplet.core.types import Shape


rounding = 1e-3  # how far a probability, or the sum of them, may lie outside: float16 rounds so


def first_wrong(name: str, value: Value, wrong: Any) -> str | None:
    """The first element that is wrong, as ``targets[3] is 7``; None where all are right."""
    if not wrong.any():
        return None
    position = np.argwhere(wrong)[0]
    place = f"{name}[{', '.join(map(str, position))}]" if position.size else name
    return f"{place} is {value[tuple(position)]:g}"


# ── targets of real numbers ──────────────────────────────────────────────────────────────────────


def same_shape(
    name: str, predictions: ArrayLike, targets: ArrayLike, words: tuple[str, str] = ("predictions", "targets")
) -> tuple[Array, Array]:
    """Predictions and targets as floating arrays of one dtype; their shapes are equal. ``words`` name other two."""
    p, t = as_floating(as_array(predictions)), as_array(targets)
    if p.shape == t.shape:
        p, t = meet(p, t)
        return p, t
    first, second = words
    fix = "give both the same shape"
    if second == "targets":
        fix += "; were the targets classes, the loss would be cross_entropy"
    if p.shape == (*t.shape, 1):
        fix = f"give the {second} the shape {p.shape}: mp.expand_dims({second}, axis=-1)"
    if t.shape == (*p.shape, 1):
        fix = f"give the {second} the shape {p.shape}: mp.squeeze({second}, axis=-1)"
    raise ShapeError(f"{name}: {first} {p.shape} and {second} {t.shape} differ, and a loss never broadcasts", fix=fix)


def require_features(name: str, word: str, x: Array) -> None:
    """There is an axis along which a vector may stand."""
    if not x.shape:
        raise ShapeError(f"{name}: {word} are vectors, (…, features), given one number", fix="give an array")


def require_unit_interval(name: str, targets: Array, *, fix: str) -> None:
    """Every known target is from 0 to 1, up to rounding."""
    value = value_of(targets)
    if value is None:
        return
    found = first_wrong("targets", value, ~((value >= -rounding) & (value <= 1 + rounding)))  # so that NaN is wrong too
    if found:
        raise DataError(f"{name}: {found}, and a target is a probability, from 0 to 1", fix=fix)


# ── targets of classes ───────────────────────────────────────────────────────────────────────────


def fit_classes(name: str, logits: Array, targets: Array, *, probabilities: bool = True) -> None:
    """Targets are integer classes, one per row of logits, or probabilities in the shape of the logits."""
    z, t = logits.shape, targets.shape
    if not z or z[-1] < 2:
        raise ShapeError(
            f"{name}: logits of shape {z} have fewer than 2 classes along the last axis",
            fix=f"with one logit for yes or no use binary_{name}; else give the net one output per class",
        )
    if t == z and probabilities:
        return
    either = f" or probabilities of shape {z}" if probabilities else ""
    expected = f"{name} takes classes of shape {z[:-1]}{either} for logits {z}"
    if t != z[:-1]:
        raise ShapeError(f"{expected}, given {t}", fix=_fix_classes(z, t))
    if not is_integer(targets.dtype):
        raise DTypeError(
            f"{expected}; targets of shape {t} are classes and must be integers, given {short_name(targets.dtype)}",
            fix="convert with targets.astype(mp.int64); for real targets the loss is mse",
        )


def _fix_classes(logits: Shape, targets: Shape) -> str:
    if targets == (*logits[:-1], 1):
        return f"give the classes the shape {logits[:-1]}: mp.squeeze(targets, axis=-1)"
    if targets[:-1] == logits[:-1]:
        return f"the targets have {targets[-1]} classes: give the last layer out_features={targets[-1]}"
    return "give one target for each row of logits"


def require_classes(name: str, targets: Array, classes: int) -> None:
    """Every known class is from 0 to one less than their number."""
    value = value_of(targets)
    if value is None:
        return
    wrong = (value < 0) | (value >= classes)
    found = first_wrong("targets", value, wrong)
    if found:
        highest = int(value.max())
        fix = "number the classes from 0"
        if value.min() >= 0:
            fix += f", or give the net {highest + 1} outputs"
        raise DataError(f"{name}: {found}, and the logits have {classes} classes, 0 to {classes - 1}", fix=fix)


def require_probabilities(name: str, targets: Array) -> None:
    """Every known row holds probabilities that add up to 1, up to rounding."""
    fix = "divide each row by its sum; examples are weighted by weights=, several true classes by binary_cross_entropy"
    require_unit_interval(name, targets, fix=fix)
    value = value_of(targets)
    if value is None:
        return
    totals = value.sum(axis=-1, dtype=np.float64)
    found = first_wrong("targets", totals, np.abs(totals - 1) > rounding)
    if found:
        raise DataError(f"{name}: the sum of {found}, and probabilities add up to 1", fix=fix)


def require_logarithms(name: str, word: str, logarithms: Array) -> None:
    """Every known row holds logarithms of probabilities, whose exponentials add up to about 1.

    What is to be found are logits, which are far from that; logarithms that were rounded in float16 are not.
    """
    value = value_of(logarithms)
    if value is None:
        return
    totals = np.exp(value.astype(np.float64)).sum(axis=-1)
    found = first_wrong(word, totals, ~(np.abs(totals - 1) <= 20 * rounding))
    if found:
        raise DataError(
            f"{name}: the sum of e^{found}, and it takes logarithms of probabilities, which add up to 1",
            fix="give mp.log_softmax(logits), or mp.log(probabilities)",
        )


def require_not_negative(name: str, word: str, x: Array, *, fix: str) -> None:
    """Every known number is 0 or greater."""
    value = value_of(x)
    found = None if value is None else first_wrong(word, value, ~(value >= 0))
    if found:
        raise DataError(f"{name}: {found}, and all {word} are 0 or greater", fix=fix)


# ── weights ──────────────────────────────────────────────────────────────────────────────────────


def spread_weights(name: str, weights: Array, shape: Shape) -> Array:
    """The weights in the shape of the values of the loss: those of the first axis are repeated over the others."""
    if weights.shape not in (shape, shape[:1]):
        either = f" or one per value, {shape}," if len(shape) > 1 else ""
        fix = f"give {shape[0]} weights, as many as there are examples" if shape else "give one number"
        if weights.shape == (*shape[:1], 1):
            fix = "give the weights one axis: mp.squeeze(weights, axis=-1)"
        raise ShapeError(f"{name}: weights are one per example, {shape[:1]},{either} given {weights.shape}", fix=fix)
    value = value_of(weights)
    if value is not None:
        found = first_wrong("weights", value, ~((value >= 0) & np.isfinite(value)))
        if found:
            raise DataError(f"{name}: {found}, and a weight is a finite number, 0 or greater")
    return broadcast_to(reshape(weights, (*weights.shape, *[1] * (len(shape) - weights.ndim))), shape)


def require_positive_sum(name: str, weights: Array) -> None:
    """Not all known weights are 0, so that there is something to take the mean of."""
    value = value_of(weights)
    if value is not None and value.size and not value.any():
        raise DataError(
            f"{name}: all {value.size} weights are 0, so there is no mean",
            fix='use reduction="sum", or leave out this batch',
        )
