"""Rows that were looked up: where only some rows of a table have a gradient, only these are moved.

The gradient of a table of which a step looks up P of N rows is Σ_p [positions(p) = i]·g(p): zero in all other rows. A
rule under which an element with the gradient 0 rests (`Transformation.rests`: SGD without momentum, Adagrad) does
nothing there, so it is enough to take the rows, with their part of the memory, apply the rule, and put them back. The
numbers are those of the whole table; the work is P rows instead of N.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array, from_node
from maplet.core.context import thread
from maplet.core.trace import bind
from maplet.ops.indexing import last_of_each, take
from maplet.ops.movement import reshape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from maplet.optim.transformation import Arrays

few = 4  # so many times as long as the list of positions, a table is better left alone


@dataclass(frozen=True)
class Rows:
    """The rows of a table that have a gradient.

    Parameters
    ----------
    positions
        (P,) integers; one may occur more than once.
    gradient
        (P, …), beside each position the whole gradient of its row: equal positions have equal ones.
    """

    positions: Array
    gradient: Array

    def of(self, table: Array) -> Array:
        """These rows of a table."""
        return take(table, self.positions, axis=0)

    def put_into(self, table: Array, rows: Array) -> Array:
        """The table with rows in the place of its own."""
        return bind("put", table, self.positions, rows)


def looked_up(gradients: Arrays) -> dict[str, Rows]:
    """Those gradients that are known, from how they are computed, to be zero but for a few rows.

    Only what is being traced is known so; outside of `mp.jit` a gradient is an array like others.
    """
    return {name: rows for name, gradient in gradients.items() if (rows := _rows(gradient)) is not None}


def _rows(gradient: Array) -> Rows | None:
    trace = thread.trace
    if trace is None:
        return None
    node = trace.node_of(gradient)
    if node.primitive.name != "add_at" or node.params["axis"] or node.params.get("batch", 0):
        return None
    values, positions = (from_node(child, trace, None) for child in node.inputs)
    count, length = prod(positions.shape), cast("int", node.params["length"])
    if not count or few * count > length:
        return None
    positions = reshape(positions, (count,))
    values = reshape(values, (count, *gradient.shape[1:]))
    last = last_of_each(positions, length)  # where several meet, so that each of them has the sum
    total = bind("add_at", values, last, axis=0, length=count)
    return Rows(positions, take(total, last, axis=0))


def rows_of(memory: Any, rows: Mapping[str, Rows], tables: Arrays) -> Any:
    """A memory in which what stands beside a table, element by element, is cut to its rows."""
    return _each(
        memory, memory, lambda name, old, _: rows[name].of(old) if _is_beside(name, old, rows, tables) else old
    )


def put_back(memory: Any, new: Any, rows: Mapping[str, Rows], tables: Arrays) -> Any:
    """A memory in which all is new, and of what stands beside a table only its rows."""

    def change(name: str, old: Array, own: Array) -> Array:
        return rows[name].put_into(old, own) if _is_beside(name, old, rows, tables) else own

    return _each(memory, new, change)


def _is_beside(name: str, array: Array, rows: Mapping[str, Rows], tables: Arrays) -> bool:
    return name in rows and array.shape == tables[name].shape


def _each(old: Any, new: Any, change: Callable[[str, Array, Array], Array], name: str = "") -> Any:
    """Two trees of the same form as one: (name, old, new) ↦ what stands there."""
    if isinstance(old, dict):
        return {key: _each(one, new[key], change, key) for key, one in cast("dict[str, Any]", old).items()}
    if isinstance(old, list):
        return [_each(one, new[n], change) for n, one in enumerate(cast("list[Any]", old))]
    return change(name, old, new)
