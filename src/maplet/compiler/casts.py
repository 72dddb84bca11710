"""The same numbers in another dtype, as NumPy converts them; where NumPy leaves a result open, it is defined here.

A float outside the range of an integer dtype becomes the nearest end of that range, NaN becomes 0, on every machine.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.compiler.vectors import bits_of, is_float, is_signed
from maplet.core.types import dtypes_by_short_name

if TYPE_CHECKING:
    from maplet.compiler.vectors import Vectors


def cast(vectors: Vectors, value: Any, old: str, new: str) -> Any:
    """Convert a value from the dtype ``old`` to the dtype ``new``.

    f16 meets the integers in f32. Nothing is rounded twice: an integer that f32 has to round (beyond 2²⁴) is ∞ in f16.
    """
    if old == new:
        return value
    if "bf16" in (old, new):  # by way of f32, as its own arithmetic
        first, last = ("f32" if dtype == "bf16" else dtype for dtype in (old, new))
        found = cast(vectors, vectors.resize(value, old, first) if old == "bf16" else value, first, last)
        return vectors.resize(found, last, new) if new == "bf16" else found
    builder, kind = vectors.builder, vectors.type(new)
    match is_float(old), is_float(new):
        case True, True:
            return vectors.resize(value, old, new)
        case True, False:
            wide = "f32" if old == "f16" else old
            return _from_float(vectors, vectors.resize(value, old, wide), wide, new)
        case False, True:
            wide = vectors.type("f32") if new == "f16" else kind
            found = builder.sitofp(value, wide) if is_signed(old) else builder.uitofp(value, wide)
            return vectors.resize(found, "f32", new) if new == "f16" else found
        case _:
            return _integer(vectors, value, old, new)


def _from_float(vectors: Vectors, value: Any, old: str, new: str) -> Any:
    """f32 or f64 as a truth value, ≠ 0, or as an integer, toward zero."""
    if new == "bool":
        return vectors.builder.fcmp_unordered("!=", value, vectors.constant(old, 0))
    if bits_of(new) < 32:
        return _small_integer(vectors, value, old, new)
    name = "fptosi.sat" if is_signed(new) else "fptoui.sat"
    shape = "" if vectors.lanes == 1 else f"v{vectors.lanes}"
    return vectors.intrinsic(f"{name}.{shape}i{bits_of(new)}", [value], vectors.type(new))


def _small_integer(vectors: Vectors, value: Any, old: str, new: str) -> Any:
    """A float as an integer of 8 or 16 bits, by way of one of 32, which processors have: its range cut off before."""
    builder, limits = vectors.builder, np.iinfo(dtypes_by_short_name[new].name)
    zero, least, greatest = (vectors.constant(old, number) for number in (0, limits.min, limits.max))
    value = builder.select(builder.fcmp_unordered("!=", value, value), zero, value)
    value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
    value = builder.select(builder.fcmp_ordered(">", value, greatest), greatest, value)
    return builder.trunc(builder.fptosi(value, vectors.type("i32")), vectors.type(new))


def _integer(vectors: Vectors, value: Any, old: str, new: str) -> Any:
    """Integers and bool: is it ≠ 0, its low bits, or more bits with the sign."""
    builder, kind = vectors.builder, vectors.type(new)
    if new == "bool":
        return builder.icmp_unsigned("!=", value, vectors.constant(old, 0))
    if bits_of(old) == bits_of(new):
        return value
    if bits_of(old) > bits_of(new):
        return builder.trunc(value, kind)
    return builder.sext(value, kind) if is_signed(old) else builder.zext(value, kind)
