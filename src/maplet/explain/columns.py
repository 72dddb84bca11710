"""The columns of a row of a table by their names, as the text and the page list them beside their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from maplet.explain.entries import entry_name
from maplet.explain.print_text import text
from maplet.explain.symbols import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maplet.explain.derivation import Derivation


class Column(NamedTuple):
    """A number of the row: its column, its place (``x[0,3]``), its value, and the gradient there, if any comes."""

    name: str
    place: str
    value: str
    gradient: str


def columns_of(derivation: Derivation) -> Iterator[Column]:
    """Every number of an input whose columns have names, where it is a single row."""
    for leaf in derivation.leaves:
        names = derivation.columns.get(leaf.name, ())
        if names and leaf.value.shape == (1, len(names)):
            for n, name in enumerate(names):
                gradient = "–" if leaf.cotangent is None else text(number(leaf.cotangent[0, n]))
                yield Column(name, text(entry_name(leaf.name, (0, n))), text(number(leaf.value[0, n])), gradient)
