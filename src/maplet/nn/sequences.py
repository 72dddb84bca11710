"""What recurrent cells and layers are given: sequences, states and lengths, with errors that teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import value_of
from maplet.core.types import is_integer, short_name
from maplet.errors import DataError, DTypeError, ShapeError
from maplet.nn.given import first_wrong
from maplet.ops.arguments import as_array, meet
from maplet.ops.creation import arange, zeros
from maplet.ops.elementwise import less
from maplet.ops.movement import reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape


def as_features(layer: str, x: ArrayLike, features: int) -> Array:
    """The input of a cell, (…, features)."""
    x = as_array(x)
    if not x.shape or x.shape[-1] != features:
        fix = f"give it in_features={x.shape[-1]}" if x.shape else "give an array"
        raise ShapeError(f"{layer} takes (…, {features}), given {x.shape}", fix=fix)
    return x


def as_sequences(layer: str, x: ArrayLike, features: int) -> Array:
    """The input of a layer, (N, T, features)."""
    x = as_array(x)
    if x.ndim == 3 and x.shape[-1] == features:
        return x
    fix = "give it N sequences of T steps"
    if x.ndim == 3:
        fix = f"give it in_features={x.shape[-1]}"
        if x.shape[1] == features:
            fix = "exchange the last two axes, mp.permute_dims(x, (0, 2, 1)): the features come last"
    elif x.ndim == 2:
        fix = "one sequence is a batch of one, x[None]"
        if features == 1 != x.shape[-1]:
            fix = "sequences of single numbers have an axis of length 1 for them, mp.expand_dims(x, axis=-1)"
    raise ShapeError(f"{layer} takes (N, T, {features}), given {x.shape}", fix=fix)


def with_state(
    layer: str, x: Array, weight: Array, state: Any, *, names: Sequence[str], shape: Shape
) -> tuple[Array, list[Array]]:
    """The input and the arrays of the state before it, those given or zeros, in the dtype in which all meet."""
    given = [] if state is None else _state_arrays(layer, names, state, shape)
    x, _, *given = meet(x, weight, *given)
    return x, given or [zeros(shape, dtype=x.dtype) for _ in names]


def _state_arrays(layer: str, names: Sequence[str], state: Any, shape: Shape) -> list[Array]:
    pair = len(names) > 1
    form = f"({', '.join(names)}), each of shape {shape}" if pair else f"{names[0]} of shape {shape}"
    given = list(cast("Any", state)) if isinstance(state, tuple | list) else None
    if pair != (given is not None) or (given is not None and len(given) != len(names)):
        what = "one array" if given is None else f"{len(given)} arrays"
        fix = f"give a pair, ({', '.join(names)})" if pair else "give the array itself; only an LSTM has a pair"
        raise ShapeError(f"{layer} takes a state {form}, given {what}", fix=fix)
    arrays = [as_array(array) for array in given or [state]]
    for name, array in zip(names, arrays, strict=True):
        if array.shape != shape:
            fix = "leave the state out to begin with zeros"
            raise ShapeError(f"{layer} takes a state {form}, given {name} of shape {array.shape}", fix=fix)
    return arrays


def as_given(arrays: tuple[Array, ...]) -> Array | tuple[Array, ...]:
    """A state as its users hold it: an array, or a tuple of several."""
    return arrays[0] if len(arrays) == 1 else arrays


def inside(layer: str, lengths: ArrayLike, count: int, steps: int) -> Array:
    """Which steps lie before the end of which sequence: (T, N, 1), by the lengths of N sequences."""
    lengths = as_array(lengths)
    if lengths.shape != (count,):
        raise ShapeError(
            f"{layer} takes one length for each of {count} sequences, ({count},), given {lengths.shape}",
            fix="a length says how many steps of a sequence count, the others are padding",
        )
    if not is_integer(lengths.dtype):
        raise DTypeError(
            f"{layer}: lengths are integers, given {short_name(lengths.dtype)}",
            fix="convert with lengths.astype(mp.int64)",
        )
    value = value_of(lengths)
    found = None if value is None else first_wrong("lengths", value, np.logical_or(value < 0, value > steps))
    if found:
        raise DataError(f"{layer}: {found}, but the sequences have 0 to {steps} steps", fix="pad x, or cut the lengths")
    return less(reshape(arange(steps), (steps, 1, 1)), reshape(lengths, (1, count, 1)))
