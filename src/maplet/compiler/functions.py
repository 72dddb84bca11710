"""The scalar functions of the loop language, by name: how each is spelled in LLVM IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.compiler import arithmetic, portable_math, vector_math
from maplet.compiler.vectors import is_float
from maplet.errors import GraphError

if TYPE_CHECKING:
    from maplet.compiler.vectors import Rule, Vectors

functions: dict[str, Rule] = {**arithmetic.table, **portable_math.table, **vector_math.table}
of_bits = ("where", "nextafter")  # which need no arithmetic
of_integers: dict[str, Rule] = {**functions, **arithmetic.of_integers}  # where these are spelled otherwise


def apply(vectors: Vectors, function: str, arguments: list[Any], dtypes: list[str]) -> Any:
    """The value of a function where the builder stands; ``dtypes`` are those of the arguments.

    Raises
    ------
    GraphError
        If there is no native code for the function.
    """
    if "bf16" in dtypes and function not in of_bits:
        return _in_f32(vectors, function, arguments, dtypes)
    table = functions if is_float(dtypes[-1]) else of_integers
    rule = table.get(function)
    if rule is None:
        raise GraphError(
            f"there is no native code for {function}({', '.join(dtypes)})",
            fix=f"run it without jit; compiled are {', '.join(sorted(table))}",
        )
    return rule(vectors, arguments, dtypes[-1])


def _in_f32(vectors: Vectors, function: str, arguments: list[Any], dtypes: list[str]) -> Any:
    """A function of bf16, which only stores numbers: computed in f32, and a number rounded."""
    wide = [vectors.resize(x, "bf16", "f32") if d == "bf16" else x for x, d in zip(arguments, dtypes, strict=True)]
    found = apply(vectors, function, wide, ["f32" if d == "bf16" else d for d in dtypes])
    return vectors.resize(found, "f32", "bf16") if found.type == vectors.type("f32") else found
