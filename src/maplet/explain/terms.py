"""Terms: a program as mathematics, where equal things are one and sums, products and quotients are in order.

A graph says in which steps numbers are computed; a term says what they are. So a term knows identities of real numbers
that a program must not use, as they change its rounding: x/x = 1, e^(z − m)/Σe^(z − m) = softmax(z), a row of a one-hot
matrix adds up to 1. A term has the shape of its value; parts of a sum or product may be smaller and are repeated.

============= ====================================== ===================================
head          parts                                  settings
============= ====================================== ===================================
``symbol``                                           its name
``number``                                           its value; every element is that
``product``   factors above, then below the line     coefficient, how many are above
``total``     products that are added up
``softmax``   z                                      axis
``one_hot``   the classes                            how many there are
``pick``      a matrix, the class of each row
``indicator`` a condition                            1 where it holds, else 0
``apart``     a sum or product that has grown large
any other     operands of the operation              its parameters
============= ====================================== ===================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Term:
    """A term. Two are equal only if they are one: `Algebra` makes each once."""

    head: str
    parts: tuple[Term, ...]
    settings: tuple[Any, ...]
    shape: Shape
    age: int = 0  # the how manyth it is: factors stand in this order

    @property
    def is_scalar(self) -> bool:
        """Whether its value is one number."""
        return self.shape == ()

    @cached_property
    def weight(self) -> int:
        """How many parts a sum or product has, those of its sums and products counted, too."""
        return sum(part.weight for part in self.parts) if self.head in ("product", "total") else 1


def factors(term: Term) -> tuple[float, tuple[Term, ...], tuple[Term, ...]]:
    """A term as coefficient, factors above and factors below the line."""
    if term.head == "number":
        return term.settings[0], (), ()
    if term.head != "product":
        return 1.0, (term,), ()
    coefficient, above = term.settings
    return coefficient, term.parts[:above], term.parts[above:]


def natural_shape(terms: Iterable[Term]) -> Shape:
    """The shape that parts have together, without further repetition."""
    return np.broadcast_shapes(*(term.shape for term in terms))


def without_units(shape: Shape) -> Shape:
    """A shape without its axes of length 1."""
    return tuple([length for length in shape if length != 1])


def is_varying(term: Term, axis: int, ndim: int) -> bool:
    """Whether a term, as part of an array of so many axes, differs along one of them."""
    own = axis - (ndim - len(term.shape))
    if own < 0 or term.head == "number":
        return False
    if term.head in ("product", "total"):
        return any(is_varying(part, axis, ndim) for part in term.parts)
    return term.shape[own] != 1
