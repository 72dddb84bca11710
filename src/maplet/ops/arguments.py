"""How the public operations read their arguments: numbers become arrays, dtypes meet, axes are counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeGuard, cast

import numpy as np

from maplet.core.array import Array, steady_value, to_numpy, value_of
from maplet.core.context import thread
from maplet.core.primitive import operations
from maplet.core.trace import bind, constant
from maplet.core.types import (
    bool_dtype,
    default_float,
    is_floating,
    is_narrow,
    kind_of,
    promote,
    python_numbers,
    scalar_dtype,
    short_name,
)
from maplet.errors import AxisError, DTypeError, ShapeError, TraceError
from maplet.settings import as_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import ArrayLike
    from maplet.core.types import Shape

largest_constant = 16  # elements; a larger array made inside a trace is an input of the graph, not text in it


def as_array(x: ArrayLike, dtype: Any = None) -> Array:
    """An array from whatever a user may pass; arrays pass through unchanged."""
    if isinstance(x, Array):
        return x if dtype is None or x.dtype == dtype else convert(x, np.dtype(dtype))
    if isinstance(x, python_numbers) and not isinstance(
        x, np.generic
    ):  # np.float64 is a float, but has a dtype to keep
        return constant(x, scalar_dtype(x, None) if dtype is None else np.dtype(dtype))
    if isinstance(x, list | tuple) and _holds_arrays(x):
        stacked = operations["stack"]([as_array(item) for item in x])
        return stacked if dtype is None else convert(stacked, np.dtype(dtype))
    value = to_numpy(x, dtype)
    if thread.trace is not None and 0 < value.size <= largest_constant:  # nested tuples do not tell (0, 3) from (0,)
        return constant(nested_tuple(value.tolist()), value.dtype)
    return Array(value)


def _holds_arrays(nested: Any) -> bool:
    if isinstance(nested, list | tuple):
        return any(map(_holds_arrays, cast("list[Any]", nested)))
    return isinstance(nested, Array)


def nested_tuple(nested: Any) -> Any:
    """Nested lists as nested tuples: a static value that nobody can change."""
    return tuple(map(nested_tuple, cast("list[Any]", nested))) if isinstance(nested, list) else nested


def convert(x: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another dtype; nothing is recorded where it has that dtype already."""
    return x if x.dtype == dtype else bind("astype", x, dtype=dtype)


def meet(*xs: ArrayLike) -> list[Array]:
    """Arrays in their common dtype. A Python scalar takes the dtype of the arrays beside it."""
    arrays = [x if isinstance(x, python_numbers) else as_array(x) for x in xs]
    dtypes = [x.dtype for x in arrays if isinstance(x, Array)]
    common = None
    for dtype in dtypes:
        common = dtype if common is None else promote(common, dtype)
    for x in arrays:
        if not isinstance(x, Array):
            common = common if common is not None and holds(common, x) else scalar_dtype(x, common)
    return [convert(x, common) if isinstance(x, Array) else constant(x, common) for x in arrays]  # type: ignore[arg-type]  (a scalar has given it a dtype by now)


def holds(dtype: np.dtype[Any], scalar: float) -> bool:
    """Whether a dtype is of the scalar's kind or a greater one: bool < integer < float."""
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}[kind_of(dtype)]
    return rank >= (0 if isinstance(scalar, bool) else 1 if isinstance(scalar, int) else 2)


def widened(x: Array) -> Array:
    """Halves (float16, bfloat16) as float32, where sums and means keep their digits; all else as it is."""
    return convert(x, default_float) if is_narrow(x.dtype) else x


def as_floating(x: Array) -> Array:
    """Integers and booleans as float32: what a function of real numbers computes with."""
    return x if is_floating(x.dtype) else convert(x, default_float)


def require(operation: str, x: Array, kinds: str, what: str) -> Array:
    """The array, if its dtype is of one of the kinds (``b``, ``u``, ``i``, ``f``)."""
    if kind_of(x.dtype) not in kinds:
        raise DTypeError(f"{operation} takes {what}, not {short_name(x.dtype)}", fix="convert with x.astype(...)")
    return x


def as_shape(operation: str, shape: SupportsIndex | Sequence[SupportsIndex], *, open_axis: bool = False) -> Shape:
    """A shape as a tuple of integers ≥ 0; with ``open_axis`` one length may be −1."""
    given: Any = (shape,) if isinstance(cast("Any", shape), int | np.integer) else shape
    given = [shape] if isinstance(given, str | bytes | dict | set | type) else given  # whose items are no lengths
    lengths = tuple([as_index(n) for n in given]) if hasattr(given, "__iter__") else (None,)
    if not _all_integers(lengths):
        raise ShapeError(
            f"{operation}: {shape!r} is no shape", fix="a shape is an integer or a tuple of integers: (2, 3)"
        )
    if [n for n in lengths if n < 0] not in ([], [-1] if open_axis else []):
        raise ShapeError(f"{operation}: {lengths} is no shape", fix="every length is 0 or greater")
    return lengths


def _all_integers(lengths: tuple[int | None, ...]) -> TypeGuard[Shape]:
    return None not in lengths


def as_list(operation: str, arrays: Any) -> list[Any]:
    """Several arrays; one array where a list belongs, and an empty list are refused."""
    if isinstance(arrays, Array | np.ndarray):
        shape = cast("Any", arrays).shape
        raise ShapeError(
            f"{operation} takes a list of arrays, given one of shape {shape}", fix=f"mp.{operation}([a, b])"
        )
    if not isinstance(arrays, Iterable):
        raise ShapeError(f"{operation} takes a list of arrays, given {arrays!r}", fix=f"mp.{operation}([a, b])")
    found = list(cast("Iterable[Any]", arrays))
    if not found:
        raise ShapeError(f"{operation} takes at least one array", fix=f"mp.{operation}([a, b])")
    return found


def count_axis(operation: str, axis: SupportsIndex, ndim: int) -> int:
    """A single axis, counted from the front."""
    number = as_index(axis)
    if number is None:
        raise ShapeError(f"{operation}: axis {axis!r} is no integer", fix="axes are counted, from 0 or from −1")
    if not -ndim <= number < max(ndim, 1) or ndim == 0:
        raise AxisError(
            f"{operation}: axis {number} of an array with {ndim} axes", fix=f"axes run from {-ndim} to {ndim - 1}"
        )
    return number % ndim


def one_or_more(given: SupportsIndex | Sequence[SupportsIndex]) -> list[SupportsIndex]:
    """A list of integers from one integer, or from several."""
    return list(given) if isinstance(given, list | tuple | range) else [cast("SupportsIndex", given)]


def count_axes(operation: str, axis: SupportsIndex | Sequence[SupportsIndex] | None, ndim: int) -> tuple[int, ...]:
    """Axes in ascending order, counted from the front; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = [count_axis(operation, a, ndim) for a in one_or_more(axis)]
    if len(set(axes)) != len(axes):
        raise ShapeError(f"{operation}: an axis stands twice in {axis}", fix="name each axis once; −1 is the last")
    return tuple(sorted(axes))


def broadcast_shape(operation: str, *shapes: Shape) -> Shape:
    """The shape in which shapes meet under NumPy's rule: aligned at the right, 1 is repeated."""
    if len(set(shapes)) == 1:
        return shapes[0]
    ndim = max(map(len, shapes))
    padded = [(1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes]
    result: list[int] = []
    for lengths in zip(*padded, strict=True):
        distinct = {n for n in lengths if n != 1}
        if len(distinct) > 1:
            raise ShapeError(
                f"{operation}: shapes {' and '.join(map(str, shapes))} do not fit: "
                f"aligned at the right, an axis has lengths {' and '.join(map(str, lengths))}",
                fix="make the lengths equal, or 1 where a value is to be repeated (mp.expand_dims)",
            )
        result.append(distinct.pop() if distinct else 1)
    return tuple(result)


def known_value(use: str, x: Array, fix: str) -> np.ndarray[Any, Any]:
    """The value of an array on which the shape of a result depends; where there is none the error teaches."""
    value = steady_value(x)
    if value is not None:
        return value
    what = "boolean array" if x.dtype == bool_dtype else "array"
    if value_of(x) is None:
        raise TraceError(f"{use} a traced {what} ({x.type}) has a result whose shape depends on the data", fix=fix)
    raise TraceError(
        f"{use} a {what} from outside the function that is compiled ({x.type}): at the next call it may have another "
        "value, and the result another shape",
        fix=f"{fix}; what stays as it is can be given as an array of NumPy, np.asarray(a), made outside",
    )
