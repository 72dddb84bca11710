"""Making arrays: from what a user has, or from nothing."""

# The record below is a table of short lambdas, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.exchange import require_device
from maplet.core.index_notation import Access, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind, same
from maplet.core.types import ArrayType, as_dtype, default_float, default_int, float64
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.ops.arguments import as_array, as_shape, convert
from maplet.ops.elementwise import equal, where
from maplet.ops.movement import broadcast_to, expand_dims, reshape
from maplet.settings import choice, flag, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape


@operation
def asarray(x: ArrayLike, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    """An array from numbers, nested lists or a NumPy array (copied, so that later changes to it do not show).

    Python floats become float32; what has a dtype keeps it. ``copy=False`` takes only what is an array already.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.asarray([1.0, 2.0])
    Array([1., 2.], dtype=float32)
    """
    require_device("asarray", device)
    made = as_array(x, None if dtype is None else as_dtype(dtype))
    if copy is not None and not flag("asarray: copy", copy) and made is not x:
        raise SettingError(
            f"asarray: copy=False, but an array of {type(x).__name__} in the dtype {made.dtype} needs a copy",
            fix="leave out copy=False; only an array of maplet that has the dtype already needs none",
        )
    return same(made)


@operation
def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array from that of another library which exports its memory by DLPack.

    It is copied, as that library may write to its memory, and an array of maplet never changes.

    Examples
    --------
    >>> import numpy as np
    >>> import maplet as mp
    >>> mp.from_dlpack(np.asarray([1, 2], dtype="int8"))
    Array([1, 2], dtype=int8)
    """
    require_device("from_dlpack", device)
    copies = copy is None or flag("from_dlpack: copy", copy)
    if isinstance(x, Array):
        return same(x)
    if not copies:
        raise BufferError(
            f"from_dlpack: copy=False, but {type(x).__name__} may be written to, and an array of maplet never changes\n"
            "  fix: leave out copy=False"
        )
    if not hasattr(x, "__dlpack__"):
        raise DTypeError(
            f"from_dlpack takes an array of a library that exports its memory by DLPack, given {type(x).__name__}",
            fix="numbers and lists become arrays by mp.asarray",
        )
    return Array(np.from_dlpack(x))


# ── of one value ─────────────────────────────────────────────────────────────────────────────────


@operation
def full(shape: int | Sequence[int], fill_value: float, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of one value; its dtype is that of the value, if none is said."""
    require_device("full", device)
    value = as_array(fill_value, None if dtype is None else as_dtype(dtype))
    return broadcast_to(value, as_shape("a new array", shape))


@operation
def zeros(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Array:
    """An array of zeros."""
    return full(shape, 0, dtype=default_float if dtype is None else dtype, device=device)


@operation
def ones(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Array:
    """An array of ones."""
    return full(shape, 1, dtype=default_float if dtype is None else dtype, device=device)


@operation
def empty(shape: int | Sequence[int], *, dtype: Any = None, device: Any = None) -> Array:
    """An array whose values are to be set; until then they are zeros, so that a program has one meaning."""
    return zeros(shape, dtype=dtype, device=device)


@operation
def full_like(x: ArrayLike, /, fill_value: float, *, dtype: Any = None, device: Any = None) -> Array:
    """One value, in the shape and dtype of another array."""
    x = as_array(x)
    return full(x.shape, fill_value, dtype=x.dtype if dtype is None else dtype, device=device)


@operation
def zeros_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of the shape and dtype of another array."""
    return full_like(x, 0, dtype=dtype, device=device)


@operation
def ones_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones of the shape and dtype of another array."""
    return full_like(x, 1, dtype=dtype, device=device)


@operation
def empty_like(x: ArrayLike, /, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of the shape and dtype of another array, to be set to something else."""
    return zeros_like(x, dtype=dtype, device=device)


# ── counting ─────────────────────────────────────────────────────────────────────────────────────


def _iota_shape(*, shape: Shape, axis: int) -> ArrayType:
    return ArrayType(shape, default_int)


def _iota_value(*, shape: Shape, axis: int) -> Any:
    column = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.broadcast_to(column, shape)


register(Primitive(
    "iota", shape=_iota_shape, reference=_iota_value,
    access=lambda *, shape, axis: Access(indices(len(shape)), indices(len(shape))[axis]),
    notation=r"\operatorname{{iota}}", example=lambda rng: ([], {"shape": (2, 3), "axis": 1}),
))  # fmt: skip


@operation
def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None
) -> Array:
    """Numbers from ``start`` to before ``stop``: integers where all three are, else float32.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.arange(3)
    Array([0, 1, 2], dtype=int64)
    """
    require_device("arange", device)
    first, end = (0, start) if stop is None else (start, stop)
    for given in (first, end, step):
        if not isinstance(cast("object", given), int | float | np.number | Array):
            raise DTypeError(f"arange counts by numbers, given {given!r}", fix="mp.arange(start, stop, step)")
    if step == 0:
        raise SettingError("arange: the step is 0", fix="step=1 counts up, step=-1 down")
    if all(isinstance(n, int | np.integer) for n in (first, end, step)):
        return _whole_numbers(int(first), int(end), int(step), dtype)
    count = float((end - first) / step)
    if not isfinite(count):
        raise SettingError(f"arange from {first} to {end} in steps of {step} has no end", fix="give finite numbers")
    counted = bind("iota", shape=(max(0, ceil(count)),), axis=0)
    out = convert(counted, float64) * float(step) + float(first)
    return convert(out, default_float if dtype is None else as_dtype(dtype))


def _whole_numbers(first: int, end: int, step: int, dtype: Any) -> Array:
    count = max(0, -((first - end) // step))
    counted = bind("iota", shape=(count,), axis=0)
    if max(first, first + (count - 1) * step) > np.iinfo(default_int).max and count:
        counted = convert(counted, np.dtype(np.uint64))
    out = counted if (first, step) == (0, 1) or not count else counted * step + first
    return out if dtype is None else convert(out, as_dtype(dtype))


@operation
def linspace(
    start: ArrayLike, stop: ArrayLike, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Array:
    """``num`` numbers in equal steps from ``start`` to ``stop``, which is the last of them if ``endpoint``.

    They are computed in float64, and are float32 if no dtype is said.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.linspace(0.0, 1.0, 5)
    Array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    require_device("linspace", device)
    num, endpoint = whole("linspace: num", num, least=0), flag("linspace: endpoint", endpoint)
    first, last = (as_array(end, float64) for end in (start, stop))
    counted = bind("iota", shape=(num,), axis=0)
    out = convert(counted, float64) * ((last - first) / float(max(num - endpoint, 1))) + first
    if endpoint and num > 1:
        out = where(equal(counted, num - 1), last, out)  # which the sum above may miss by its rounding
    return convert(out, default_float if dtype is None else as_dtype(dtype))


# ── grids ────────────────────────────────────────────────────────────────────────────────────────


@operation
def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Array:
    """A matrix with ones on a diagonal, the k-th above the main one (below it for k < 0), and zeros elsewhere.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.eye(2, 3, k=1)
    Array([[0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    require_device("eye", device)
    n, m = as_shape("eye", (n_rows, n_rows if n_cols is None else n_cols))
    k = whole("eye: k", k)
    rows, columns = expand_dims(arange(n), axis=1), expand_dims(arange(m), axis=0)
    return convert(equal(rows + k if k else rows, columns), default_float if dtype is None else as_dtype(dtype))


@operation
def meshgrid(*arrays: ArrayLike, indexing: Literal["xy", "ij"] = "xy") -> list[Array]:
    """The coordinates of a grid, one array for each of its axes, from the coordinates along the axes.

    With ``indexing="ij"`` the first array goes with the first axis of the grid, the second with the second, and so on.
    With "xy" the first two change places, so that the first goes along the rows of a picture.

    Examples
    --------
    >>> import maplet as mp
    >>> x, y = mp.meshgrid(mp.asarray([1, 2, 3]), mp.asarray([4, 5]))
    >>> y
    Array([[4, 4, 4],
           [5, 5, 5]], dtype=int64)
    """
    choice("meshgrid: indexing", indexing, ("xy", "ij"))
    xs = [as_array(x) for x in arrays]
    long = [x.shape for x in xs if x.ndim > 1]
    if long:
        raise ShapeError(f"meshgrid takes arrays with one axis, given shape {long[0]}", fix="flatten it: x.reshape(-1)")
    axes = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        axes[:2] = [1, 0]
    shape = tuple(xs[axes.index(a)].size for a in range(len(xs)))
    return [
        broadcast_to(reshape(x, [x.size if a == axis else 1 for a in range(len(xs))]), shape)
        for x, axis in zip(xs, axes, strict=True)
    ]
