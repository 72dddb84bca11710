"""The elementary functions as LLVM IR, by name: a `Rule` each, for f16, f32 and f64 and any number of lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler import vector_circles, vector_exponentials, vector_logarithms, vector_powers
from maplet.compiler.vector_numbers import rule

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule

table: dict[str, Rule] = {
    name: rule(getattr(file, name))
    for file, names in (
        (vector_exponentials, ("exp", "expm1", "sigmoid", "sinh", "cosh", "tanh", "erf")),
        (vector_logarithms, ("log", "log1p", "log2", "log10", "logaddexp", "asinh", "acosh", "atanh")),
        (vector_circles, ("sin", "cos", "tan", "asin", "acos", "atan", "atan2")),
        (vector_powers, ("power", "rsqrt", "hypot")),
    )
    for name in names
}
