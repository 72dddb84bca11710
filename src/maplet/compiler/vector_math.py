"""The elementary functions as LLVM IR, by name: a `Rule` each, for f16, f32 and f64 and any number of lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.compiler import vector_exponentials, vector_logarithms
from maplet.compiler.vector_numbers import rule

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule

table: dict[str, Rule] = {
    "exp": rule(vector_exponentials.exp),
    "expm1": rule(vector_exponentials.expm1),
    "sigmoid": rule(vector_exponentials.sigmoid),
    "tanh": rule(vector_exponentials.tanh),
    "sinh": rule(vector_exponentials.sinh),
    "cosh": rule(vector_exponentials.cosh),
    "log": rule(vector_logarithms.log),
    "log1p": rule(vector_logarithms.log1p),
}
