"""The same numbers in another dtype."""

# The record below is a table of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core import index_notation
from maplet.core.exchange import require_device
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import same
from maplet.core.types import ArrayType, as_dtype, kind_of
from maplet.ops.arguments import as_array, convert
from maplet.ops.records import aligned_batch, float64
from maplet.settings import flag

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


def _astype_value(x: Any, *, dtype: Any) -> Any:
    with np.errstate(all="ignore"):
        found = x.astype(dtype)
    return _within_range(x, found) if kind_of(x.dtype) == "f" and found.dtype.kind in "iu" else found


def _within_range(x: Any, found: Any) -> Any:
    """Floats as integers, where NumPy leaves it to the processor what becomes of those beyond the range, and of NaN."""
    limits, whole = np.iinfo(found.dtype), np.trunc(x.astype(float64))
    below, above = whole < limits.min, whole >= limits.max + 1
    inside = ~(below | above | np.isnan(whole))
    if inside.all():
        return found
    ends = np.where(above, limits.max, np.where(below, limits.min, 0)).astype(found.dtype)
    return np.where(inside, found, ends)


def _astype_access(x: ArrayType, *, dtype: Any) -> index_notation.Access:
    axes = index_notation.indices(x.ndim)
    return index_notation.Access(axes, index_notation.Cast(index_notation.Read(0, axes), dtype))


register(Primitive(
    "astype", shape=lambda x, *, dtype: ArrayType(x.shape, dtype), reference=_astype_value,
    gradient=lambda g, out, x, *, needed, dtype: [convert(g, x.dtype)],
    batch=aligned_batch("astype"), access=_astype_access, notation="{0}",
    convention="only floating → floating carries a gradient; beyond the range of integers is its nearest end, NaN is 0",
    example=lambda rng: ([rng.normal(size=(2, 3))], {"dtype": float64}),
))  # fmt: skip


@operation
def astype(x: ArrayLike, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    """The same numbers in another dtype; float → integer cuts off the fraction.

    A float beyond the range of an integer dtype becomes the nearest end of that range, and NaN becomes 0.

    With ``copy=False`` an array that has the dtype already is returned itself, not another handle on its value.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.astype(mp.asarray([1.9, -1.9]), mp.int64)
    Array([ 1, -1], dtype=int64)
    """
    require_device("astype", device)
    converted = convert(as_array(x), as_dtype(dtype))
    return same(converted) if flag("astype: copy", copy) else converted
