"""The type of an array, ``f32[3,4]``, and how two kinds of number meet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, cast

import ml_dtypes
import numpy as np

from maplet.errors import DTypeError

type_names = {
    "bool": "bool", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
    "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64",
}  # fmt: skip
bfloat16 = np.dtype(ml_dtypes.bfloat16)  # the upper half of a float32: its range, and 8 bits of its digits
dtypes_by_short_name = {short: bfloat16 if short == "bf16" else np.dtype(long) for long, short in type_names.items()}

default_float = np.dtype(np.float32)
float64 = np.dtype(np.float64)
default_int = np.dtype(np.int64)
bool_dtype = np.dtype(np.bool_)

Shape = tuple[int, ...]

python_numbers = (bool, int, float)


@dataclass(frozen=True, slots=True)
class ArrayType:
    """Shape and dtype of an array, known before its value is.

    Examples
    --------
    >>> print(ArrayType((3, 4), np.dtype("float32")))
    f32[3,4]
    """

    shape: Shape
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of memory that its elements take."""
        return self.size * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{short_name(self.dtype)}[{','.join(map(str, self.shape))}]"


def kind_of(dtype: np.dtype[Any]) -> str:
    """The kind of number: ``b``, ``u``, ``i`` or ``f``; NumPy itself knows bfloat16 as no number."""
    return "f" if dtype == bfloat16 else dtype.kind


def is_narrow(dtype: np.dtype[Any]) -> bool:
    """Whether it is a float of 16 bits, with which float32 computes."""
    return dtype.itemsize == 2 and kind_of(dtype) == "f"


def wide_enough(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array whose elements can be added up: halves as float32, as NumPy would round after each of them."""
    return x.astype(default_float) if is_narrow(x.dtype) else x


def float_limits(dtype: np.dtype[Any]) -> Any:
    """What `numpy.finfo` says, also of bfloat16."""
    return cast("Any", ml_dtypes.finfo)(dtype)


def short_name(dtype: np.dtype[Any]) -> str:
    """``float32`` → ``f32``."""
    return type_names[dtype.name]


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """The NumPy dtype meant by a name, a class or another dtype; complex and object kinds are refused."""
    meant: Any = dtypes_by_short_name.get(dtype, dtype) if isinstance(dtype, str) else dtype
    if meant is None or isinstance(meant, np.generic):  # NumPy takes None for float64, and a number for its dtype
        meant = object
    try:
        given = np.dtype(meant)
    except TypeError:
        given = np.dtype(object)
    if given.name not in type_names:
        raise DTypeError(
            f"the dtype {dtype} is not one that maplet computes with",
            fix=f"convert to one of {', '.join(type_names)}",
        )
    return given.newbyteorder("=")


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether values of this dtype can carry a gradient."""
    return kind_of(dtype) == "f"


def is_integer(dtype: np.dtype[Any]) -> bool:
    """Whether this is a signed or unsigned integer dtype (bool is not)."""
    return dtype.kind in "iu"


@cache
def promote(first: np.dtype[Any], second: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which two arrays meet, as the array API standard has it.

    Within a kind the wider one wins. Where the standard leaves mixed kinds open, bool gives way to integer and
    both give way to the float dtype at hand: ``i64`` with ``f32`` is ``f32``.
    """
    if first == second:
        return first
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    a, b = rank[kind_of(first)], rank[kind_of(second)]
    if a != b:
        return first if a > b else second
    if bfloat16 in (first, second):
        return default_float if first.itemsize == second.itemsize else max(first, second, key=lambda one: one.itemsize)
    met = np.promote_types(first, second)
    if met.kind not in "biuf" or rank[met.kind] != a:
        raise DTypeError(
            f"{short_name(first)} and {short_name(second)} have no common integer dtype",
            fix="convert one of them with mp.astype",
        )
    return met


def scalar_dtype(scalar: bool | float, beside: np.dtype[Any] | None) -> np.dtype[Any]:
    """The dtype that a Python scalar takes beside an array: never one that promotes the array.

    A float beside integers is float32, an integer beside booleans is int64.
    """
    if isinstance(scalar, bool):
        return bool_dtype if beside is None else beside
    if isinstance(scalar, int):
        return beside if beside is not None and kind_of(beside) != "b" else default_int
    return beside if beside is not None and kind_of(beside) == "f" else default_float
