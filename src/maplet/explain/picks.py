"""What is picked by number: of each row of a matrix the element of its class, ``p[i,y[i]]``.

A program finds it in the flat array, at k·i + y[i], where y[i] + k stands for a negative y[i]; the gradient is added
there to zeros. As terms these are the pick itself, and a column times a one-hot matrix.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from maplet.explain.linear_terms import reshaped, scaled

if TYPE_CHECKING:
    from maplet.explain.algebra import Algebra
    from maplet.explain.terms import Shape, Term


def picked(algebra: Algebra, a: Term, positions: Term) -> Term | None:
    """What stands at positions of an array, where it is a matrix made flat and they are one of each row, or None."""
    c, up, down, flat = scaled(algebra, a)
    if flat.head != "reshape" or (classes := classes_of_rows(algebra, positions, flat.parts[0].shape)) is None:
        return None
    return algebra.product([*up, pick(algebra, flat.parts[0], classes)], down, positions.shape, c)


def pick(algebra: Algebra, matrix: Term, classes: Term) -> Term:
    """Of each row the element of its class."""
    return algebra.make("pick", (matrix, classes), (), matrix.shape[:1])


def scattered(algebra: Algebra, a: Term, shape: Shape) -> Term | None:
    """A flat array of zeros to which one number of each row was added, as a matrix: a column times a one-hot matrix."""
    c, up, down, added = scaled(algebra, a)
    if added.head != "add_at" or (classes := classes_of_rows(algebra, added.parts[1], shape)) is None:
        return None
    one_hot = algebra.make("one_hot", (classes,), (shape[1],), shape)
    column = reshaped(algebra, added.parts[0], (shape[0], 1))
    return algebra.product([*up, column, one_hot], down, shape, c)


def classes_of_rows(algebra: Algebra, positions: Term, shape: Shape) -> Term | None:
    """y, where the positions are k·i + y[i] in a flat matrix of k columns; None where they are others."""
    if len(shape) != 2 or positions.shape != shape[:1] or not prod(shape):
        return None
    rows = algebra.make("iota", (), (("axis", 0), ("shape", shape[:1])), shape[:1])
    starts = algebra.product([rows], (), rows.shape, shape[1])
    for part in positions.parts:
        if algebra.total([starts, part]) is positions:
            return from_the_front(algebra, part, shape[1])
    return None


def from_the_front(algebra: Algebra, positions: Term, length: int) -> Term:
    """The places themselves, of those to which a length was added where they are negative: NumPy does so, too."""
    if positions.head == "where":
        condition, shifted, plain = positions.parts
        is_negative = condition.head == "less" and condition.parts[0] is plain and condition.parts[1].head == "number"
        if is_negative and shifted is algebra.total([plain, algebra.number(length)]):
            return plain
    return positions
