"""The vocabulary: what a program can say. Primitives, one record each, and compositions of them."""

from __future__ import annotations

from maplet.ops import (
    composite,
    contraction,
    convolution,
    creation,
    distributions,
    elementwise,
    error_functions,
    gamma_functions,
    identity,
    indexing,
    keys,
    linear_algebra,
    movement,
    philox,
    portable,
    random,
    reduction,
    rejection,
    slicing,
    sorting,
)

__all__ = [
    "composite",
    "contraction",
    "convolution",
    "creation",
    "distributions",
    "elementwise",
    "error_functions",
    "gamma_functions",
    "identity",
    "indexing",
    "keys",
    "linear_algebra",
    "movement",
    "philox",
    "portable",
    "random",
    "reduction",
    "rejection",
    "slicing",
    "sorting",
]
