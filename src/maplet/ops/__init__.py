"""The vocabulary: what a program can say. Primitives, one record each, and compositions of them."""

from __future__ import annotations

from maplet.ops import (
    composite,
    contraction,
    control,
    creation,
    elementwise,
    indexing,
    keys,
    movement,
    random,
    reduction,
    slicing,
)

__all__ = [
    "composite",
    "contraction",
    "control",
    "creation",
    "elementwise",
    "indexing",
    "keys",
    "movement",
    "random",
    "reduction",
    "slicing",
]
