"""Questions about dtypes: what they can hold, of which kind they are, and in which of them numbers meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.types import (
    as_dtype,
    dtypes_by_short_name,
    float_limits,
    is_floating,
    is_integer,
    kind_of,
    promote,
    python_numbers,
    scalar_dtype,
    short_name,
    type_names,
)
from maplet.errors import DTypeError, SettingError
from maplet.ops.arguments import holds

if TYPE_CHECKING:
    from maplet.core.array import ArrayLike

kinds = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",  # to come
    "numeric": "iufc",
}
rank = {"b": 0, "u": 1, "i": 1, "f": 2}


class FloatInfo(NamedTuple):
    """What a floating dtype can hold."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


class IntegerInfo(NamedTuple):
    """What an integer dtype can hold."""

    bits: int
    max: int
    min: int
    dtype: np.dtype[Any]


def _dtype_of(x: Any) -> np.dtype[Any]:
    """The dtype of an array, or the dtype meant."""
    return as_dtype(cast("Any", x).dtype if isinstance(x, Array | np.ndarray | np.generic) else x)


def finfo(type: Any, /) -> FloatInfo:
    """What a floating dtype, or the dtype of an array, can hold; Python floats.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.finfo(mp.float32).eps == 2.0**-23
    True
    """
    dtype = _dtype_of(type)
    if not is_floating(dtype):
        raise DTypeError(f"finfo is for floating dtypes, not {short_name(dtype)}", fix="mp.iinfo is for integers")
    found = float_limits(dtype)
    numbers = (float(found.eps), float(found.max), float(found.min), float(found.smallest_normal))
    return FloatInfo(found.bits, *numbers, dtype)


def iinfo(type: Any, /) -> IntegerInfo:
    """What an integer dtype, or the dtype of an array, can hold.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.iinfo(mp.uint8).max
    255
    """
    dtype = _dtype_of(type)
    if not is_integer(dtype):
        raise DTypeError(f"iinfo is for integer dtypes, not {short_name(dtype)}", fix="mp.finfo is for floats")
    found = np.iinfo(dtype)
    return IntegerInfo(found.bits, int(found.max), int(found.min), dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind: the name of one, a dtype, or one of several in a tuple.

    The kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating" (there
    is none yet) and "numeric".

    Examples
    --------
    >>> import maplet as mp
    >>> mp.isdtype(mp.int8, "integral"), mp.isdtype(mp.float16, (mp.bool, "integral"))
    (True, False)
    """
    given = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(given, one) for one in cast("tuple[Any, ...]", kind))
    if isinstance(kind, str) and kind in kinds:
        return kind_of(given) in kinds[kind]
    if isinstance(kind, str) and kind not in {*type_names, *dtypes_by_short_name}:
        raise SettingError(f"isdtype: {kind!r} is no kind of dtype", fix=f"the kinds are {', '.join(kinds)}")
    return given == as_dtype(kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether a dtype, or that of an array, is promoted to another: one of the same kind that holds all its values.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.can_cast(mp.int8, mp.int32), mp.can_cast(mp.int32, mp.int8), mp.can_cast(mp.int32, mp.float64)
    (True, False, False)
    """
    first, second = _dtype_of(from_), as_dtype(to)
    if rank[kind_of(first)] != rank[kind_of(second)]:
        return False
    try:
        return promote(first, second) == second
    except DTypeError:  # uint64 and a signed one meet nowhere
        return False


def result_type(*arrays_and_dtypes: ArrayLike | Any) -> np.dtype[Any]:
    """The dtype in which arrays, dtypes and Python numbers meet; a number never promotes an array.

    Raises
    ------
    DTypeError
        If there is none: for uint64 beside a signed integer.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.result_type(mp.int8, mp.uint8), mp.result_type(mp.ones((2,)), 1.5)
    (dtype('int16'), dtype('float32'))
    """
    if not arrays_and_dtypes:
        raise SettingError("result_type takes at least one array, dtype or number")
    numbers = [x for x in arrays_and_dtypes if isinstance(x, python_numbers)]
    common = None
    for x in arrays_and_dtypes:
        if not isinstance(x, python_numbers):
            dtype = _dtype_of(x)
            common = dtype if common is None else promote(common, dtype)
    for number in numbers:
        common = common if common is not None and holds(common, number) else scalar_dtype(number, common)
    return cast("np.dtype[Any]", common)
