"""The elementary functions as LLVM IR, by name: a `Rule` each, for f16, f32 and f64 and any number of lanes.

f32 is within 2 units of the last place of the exact value, for every input; f16 is f32, rounded. No branches are taken
but for what is rare (`vector_repair`), and the same bits come out on every target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler import (
    vector_angles,
    vector_circles,
    vector_error_functions,
    vector_exponentials,
    vector_gamma_functions,
    vector_hyperbolic,
    vector_logarithms,
    vector_powers,
    vector_sums,
)
from maplet.compiler.vector_numbers import rule

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule

table: dict[str, Rule] = {
    name: rule(getattr(file, name))
    for file, names in (
        (vector_exponentials, ("exp", "expm1", "sigmoid", "sinh", "cosh", "tanh", "erf")),
        (vector_logarithms, ("log", "log1p", "log2", "log10")),
        (vector_hyperbolic, ("asinh", "acosh", "atanh")),
        (vector_circles, ("sin", "cos", "tan")),
        (vector_angles, ("asin", "acos", "atan", "atan2")),
        (vector_sums, ("logaddexp",)),
        (vector_powers, ("power", "rsqrt", "hypot")),
        (vector_error_functions, ("erfc", "erfinv")),
        (vector_gamma_functions, ("lgamma", "digamma")),
    )
    for name in names
}
table["polygamma"] = vector_gamma_functions.polygamma

# How far f64 may be from the exact value, in units of its last place; of `logaddexp`, of the greatest of x, y and it;
# of ln |Γ|, ψ and ψₙ below 0, of the greater of it and its value at 1 − x. The bound for ψₙ is 6 + 2n.
# These bounds are not proven but sampled.
bounds: dict[str, float] = {
    "exp": 1, "expm1": 2, "sigmoid": 2, "sinh": 2, "cosh": 1.5, "tanh": 2, "erf": 1.5,
    "log": 1, "log1p": 1, "log2": 1, "log10": 1, "logaddexp": 3, "asinh": 2, "acosh": 2.5, "atanh": 2.5,
    "sin": 1.5, "cos": 1.5, "tan": 2, "asin": 2, "acos": 1.5, "atan": 2.5, "atan2": 2.5,
    "power": 1, "rsqrt": 1.5, "hypot": 1.5,
    "erfc": 3.5, "erfinv": 3, "lgamma": 3.5, "digamma": 4, "polygamma_1": 8, "polygamma_2": 10, "polygamma_5": 16,
}  # fmt: skip
