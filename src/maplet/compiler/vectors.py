"""Building blocks of LLVM IR for values of a dtype and a number of lanes: types, constants, intrinsics."""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from maplet.core.types import dtypes_by_short_name

floats: dict[str, Any] = {"f16": ir.HalfType(), "f32": ir.FloatType(), "f64": ir.DoubleType()}


def is_float(dtype: str) -> bool:
    """Whether a dtype is f16, f32 or f64."""
    return dtype[0] == "f"


def is_signed(dtype: str) -> bool:
    """Whether a dtype is a signed integer."""
    return dtype[0] == "i"


def bits_of(dtype: str) -> int:
    """The number of bits of a dtype in a register; of bool, 1."""
    return 1 if dtype == "bool" else int(dtype[1:])


def type_of(dtype: str, lanes: int) -> Any:
    """The LLVM type of a value: one number, or a vector of them."""
    scalar = floats[dtype] if is_float(dtype) else ir.IntType(bits_of(dtype))
    return scalar if lanes == 1 else ir.VectorType(scalar, lanes)


class Vectors:
    """Builds instructions on values of one number of lanes, at the place where the builder stands."""

    def __init__(self, builder: Any, lanes: int) -> None:
        self.builder = builder
        self.lanes = lanes

    def type(self, dtype: str) -> Any:
        """The LLVM type of a dtype in so many lanes."""
        return type_of(dtype, self.lanes)

    def constant(self, dtype: str, number: Any) -> Any:
        """The same number in every lane; rounded to the dtype, integers modulo 2^bits."""
        if is_float(dtype):
            one: Any = float(dtypes_by_short_name[dtype].type(number))
        else:
            one = int(np.asarray(number).item()) & ((1 << bits_of(dtype)) - 1)
        scalar = type_of(dtype, 1)
        return ir.Constant(scalar, one) if self.lanes == 1 else ir.Constant(self.type(dtype), [one] * self.lanes)

    def intrinsic(self, name: str, arguments: list[Any], result: Any = None) -> Any:
        """Call ``llvm.NAME`` for the type of the first argument, which is also the result's if none is given."""
        kinds = [argument.type for argument in arguments]
        suffix = _suffix(kinds[0])
        function_type = ir.FunctionType(result or kinds[0], kinds)
        full = f"llvm.{name}.{suffix}"
        module = self.builder.module
        function = module.globals.get(full) or ir.Function(module, function_type, full)
        return self.builder.call(function, arguments)

    def reinterpret(self, value: Any, dtype: str) -> Any:
        """The same bits as another dtype of that many bits."""
        return self.builder.bitcast(value, self.type(dtype))


def _suffix(kind: Any) -> str:
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    if isinstance(kind, ir.IntType):
        return f"i{kind.width}"
    return {"half": "f16", "float": "f32", "double": "f64"}[str(kind)]
