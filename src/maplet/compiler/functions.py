"""The scalar functions of the loop language, by name: how each is spelled in LLVM IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.compiler import arithmetic, portable_math
from maplet.compiler.vectors import is_float
from maplet.errors import GraphError

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule, Vectors

try:  # TEMPORARY, until vector_math.py lands
    from maplet.compiler.vector_math import table as real
except ModuleNotFoundError:
    real: dict[str, Rule] = {}


def power(vectors: Vectors, arguments: list[Any], dtype: str) -> Any:
    """The power x^y, of real numbers or of integers."""
    table = real if is_float(dtype) else arithmetic.table
    return table["power"](vectors, arguments, dtype)


functions: dict[str, Rule] = {**real, **arithmetic.table, **portable_math.table, "power": power}


def apply(vectors: Vectors, function: str, arguments: list[Any], dtypes: list[str]) -> Any:
    """The value of a function where the builder stands; ``dtypes`` are those of the arguments.

    Raises
    ------
    GraphError
        If there is no native code for the function.
    """
    rule = functions.get(function)
    if rule is None:
        raise GraphError(
            f"there is no native code for {function}({', '.join(dtypes)})",
            fix=f"run it without jit; compiled are {', '.join(sorted(functions))}",
        )
    return rule(vectors, arguments, dtypes[-1])
