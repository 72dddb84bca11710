"""The vocabulary: what a program can say. Primitives, one record each, and compositions of them."""

from __future__ import annotations

from maplet.ops import composite, contraction, control, elementwise, indexing, movement, random, reduction

__all__ = ["composite", "contraction", "control", "elementwise", "indexing", "movement", "random", "reduction"]
