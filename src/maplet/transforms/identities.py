"""Identities of arithmetic and of movement that hold bit for bit, as a table of small rules.

A rule looks at one node, whose inputs are simple already, and gives what may stand in its place: another node of the
same value and type, or None. It holds for every number, −0, infinities and NaN included, and leaves the derivative what
it is. So x + 0 is no x (−0 + 0 is 0) but x + (−0) is; and what `stop_gradient` hides stays hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.graph import Node, constant_primitive
from maplet.core.primitive import registry
from maplet.core.types import is_floating, is_integer, kind_of

if TYPE_CHECKING:
    from maplet.core.types import Shape

Rule = Callable[[Node], Node | None]

most_folded = 16  # elements of a constant that is worked out
most_moves = 8  # movements between a number and where it is read that are looked through


def made(name: str, /, *inputs: Node, **params: Any) -> Node:
    """A new node of a primitive, by its name."""
    primitive = registry[name]
    return Node(primitive, inputs, params, primitive.shape(*[node.type for node in inputs], **params))


def _spread(x: Node, node: Node) -> Node:
    """``x`` in the place of a node that would repeat it."""
    return x if x.type == node.type else made("broadcast_to", x, shape=node.array_type.shape)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def _number_in(node: Node) -> Any:
    """The number that every element of a constant is, also where that was moved or repeated; else None."""
    for _ in range(most_moves):
        if node.primitive.name not in ("broadcast_to", "reshape", "permute_dims", "slice"):
            break
        node = node.inputs[0]
    if node.primitive is not constant_primitive:
        return None
    elements: list[Any] = np.asarray(node.params["value"], node.params["dtype"]).reshape(-1).tolist()
    alike = {(number, copysign(1, number)) for number in elements}
    return elements[0] if len(alike) == 1 else None


def _is_number(node: Node, number: float) -> bool:
    found = _number_in(node)
    return found is not None and found == number and copysign(1, found) == copysign(1, number)


# Name → the number that changes nothing: among floats, among integers and truth values, and whether only on the right.
neutral: dict[str, tuple[float | None, int | None, bool]] = {
    "add": (-0.0, 0, False),
    "subtract": (0.0, 0, True),
    "multiply": (1.0, 1, False),
    "divide": (1.0, None, True),
    "floor_divide": (None, 1, True),
    "power": (1.0, 1, True),
    "logical_and": (None, 1, False),
    "logical_or": (None, 0, False),
    "logical_xor": (None, 0, False),
    "bitwise_or": (None, 0, False),
    "bitwise_xor": (None, 0, False),
    "bitwise_left_shift": (None, 0, True),
    "bitwise_right_shift": (None, 0, True),
}


def _without_neutral(node: Node) -> Node | None:
    """A number that changes nothing goes: x·1 → x, x − 0 → x, x ∧ true → x."""
    real, whole, only_right = neutral[node.primitive.name]
    number = real if is_floating(node.array_type.dtype) else whole
    x, y = node.inputs
    if number is None:
        return None
    if _is_number(y, number):
        return _spread(x, node)
    return _spread(y, node) if not only_right and _is_number(x, number) else None


# ── functions ────────────────────────────────────────────────────────────────────────────────────


def _undone(node: Node) -> Node | None:
    """f(f(x)) → x: −(−x), not not x."""
    (x,) = node.inputs
    return x.inputs[0] if x.primitive is node.primitive else None


def _done_before(node: Node) -> Node | None:
    """f(f(x)) → f(x): the floor of a floor."""
    (x,) = node.inputs
    return x if x.primitive is node.primitive else None


def _of_itself(node: Node) -> Node | None:
    """f(x, x) → x: the greater of x and x."""
    x, y = node.inputs
    return x if x is y else None


def _chosen(node: Node) -> Node | None:
    """where(c, x, x) → x; where(true, x, y) → x; where(not c, x, y) → where(c, y, x)."""
    condition, x, y = node.inputs
    known = _number_in(condition)
    if known is not None or x is y:
        return _spread(y if known is not None and not known else x, node)
    if condition.primitive.name == "logical_not":
        return made("where", condition.inputs[0], y, x)
    return None


def _gradient_stopped_for_nothing(node: Node) -> Node | None:
    """No gradient flows through integers anyway."""
    (x,) = node.inputs
    return None if is_floating(x.array_type.dtype) else x


def _reduced_over_one(node: Node) -> Node | None:
    """Over axes of length 1 there is nothing to put together. The sum of one −0 is 0, so no sum of floats."""
    (x,) = node.inputs
    axes: tuple[int, ...] = node.params["axes"]
    if prod(x.array_type.shape[axis] for axis in axes) != 1:
        return None
    if node.primitive.name == "sum" and is_floating(x.array_type.dtype):
        return None
    return made("reshape", x, shape=node.array_type.shape)


# ── dtypes ───────────────────────────────────────────────────────────────────────────────────────


def _holds(wide: np.dtype[Any], narrow: np.dtype[Any]) -> bool:
    """Whether one dtype has all numbers of another."""
    rounds = is_integer(narrow) and narrow.itemsize == 8 and is_floating(wide)  # NumPy calls that safe, too
    return np.can_cast(narrow, wide) and not rounds


def _cast_once(node: Node) -> Node | None:
    """To its own dtype; or by way of a dtype that has all the numbers, which does not show behind it.

    Of a float beyond the range of an integer dtype, which one it becomes may depend on the way.
    """
    (x,) = node.inputs
    dtype: np.dtype[Any] = node.params["dtype"]
    if x.array_type.dtype == dtype:
        return x
    if x.primitive.name != "astype":
        return None
    (first,) = x.inputs
    kept = first.array_type.dtype
    in_range = is_floating(dtype) or kind_of(dtype) == "b" or not is_floating(kept) or dtype == kept
    return made("astype", first, dtype=dtype) if in_range and _holds(x.array_type.dtype, kept) else None


# ── movement ─────────────────────────────────────────────────────────────────────────────────────


def _moved_nowhere(node: Node) -> Node | None:
    """A reshape or a broadcast to the own shape, axes in the order that they have, a slice of everything, no margin."""
    (x,) = node.inputs
    if x.type != node.type:
        return None
    match node.primitive.name:
        case "permute_dims":
            stays = node.params["axes"] == tuple(range(x.array_type.ndim))
        case "slice":
            stays = all(k == 1 or n <= 1 for k, n in zip(node.params["steps"], x.array_type.shape, strict=True))
        case _:
            stays = True
    return x if stays else None


def _moved_twice(node: Node) -> Node | None:
    """Two movements of one kind are one."""
    (x,) = node.inputs
    if x.primitive is not node.primitive:
        return None
    (first,), name = x.inputs, node.primitive.name
    match name:
        case "permute_dims":
            return made(name, first, axes=tuple(x.params["axes"][axis] for axis in node.params["axes"]))
        case "slice":
            return made(name, first, **_slice_of_slice(x.params, node.params))
        case _:
            return made(name, first, **node.params)


def _moved_number(node: Node) -> Node | None:
    """A number that was repeated, wherever its copies are moved, is repeated once."""
    (x,) = node.inputs
    if x.primitive.name not in ("broadcast_to", "reshape"):
        return None
    (number,) = x.inputs
    return _spread(number, node) if number.primitive is constant_primitive and not number.array_type.shape else None


def _slice_of_slice(inner: Any, outer: Any) -> dict[str, Shape]:
    each = zip(inner["starts"], inner["steps"], outer["starts"], outer["lengths"], strict=True)
    starts = tuple(start + at * step if length else 0 for start, step, at, length in each)
    steps = tuple(first * second for first, second in zip(inner["steps"], outer["steps"], strict=True))
    return {"starts": starts, "lengths": outer["lengths"], "steps": steps}


def _joined_to_nothing(node: Node) -> Node | None:
    """Pieces without elements are left out of a concat; one piece is itself."""
    axis = node.params["axis"]
    pieces = [x for x in node.inputs if x.array_type.shape[axis]] or list(node.inputs[:1])
    if len(pieces) == 1:
        return pieces[0]
    return made("concat", *pieces, axis=axis) if len(pieces) < len(node.inputs) else None


# ── constants ────────────────────────────────────────────────────────────────────────────────────

# What NumPy and native code compute alike, to the bit, for all operands. (The sign of max(0, −0) is nobody's promise.)
foldable = {
    "add", "subtract", "multiply", "divide", "negative", "abs", "square", "reciprocal", "sqrt", "where", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "isnan", "isinf", "isfinite", "signbit",
    "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor",
    "bitwise_invert", "floor", "ceil", "trunc", "astype", "stop_gradient", "reshape", "permute_dims", "broadcast_to",
    "slice", "pad", "concat",
}  # fmt: skip


def _folded(node: Node) -> Node | None:
    """An operation on constants, worked out by its reference.

    A number that is only repeated stays a number, which native code need not load. NaN has a sign that machines choose.
    """
    kind = node.array_type
    if not 0 < kind.size <= most_folded or any(child.primitive is not constant_primitive for child in node.inputs):
        return None
    if kind.shape and not any(child.array_type.shape for child in node.inputs):
        return None
    operands = [np.asarray(child.params["value"], child.params["dtype"]) for child in node.inputs]
    if node.primitive.name == "astype" and not _fits(operands[0], kind.dtype):
        return None
    with np.errstate(all="ignore"):
        value = np.asarray(node.primitive.reference(*operands, **node.params))
    if is_floating(kind.dtype) and np.isnan(value).any():
        return None
    return made("constant", value=as_tuples(value.tolist()), dtype=kind.dtype)


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether floats have a place in an integer dtype; elsewhere NumPy leaves open what they become."""
    if not (is_integer(dtype) and is_floating(value.dtype)):
        return True
    limits = np.iinfo(dtype)
    return all(np.isfinite(x) and limits.min <= int(x) <= limits.max for x in value.reshape(-1))


def as_tuples(value: Any) -> Any:
    """Lists in lists as tuples, as a parameter of a node holds them."""
    return tuple(map(as_tuples, cast("list[Any]", value))) if isinstance(value, list) else value


# ── the table ────────────────────────────────────────────────────────────────────────────────────

table: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (_folded, tuple(foldable)),
    (_without_neutral, tuple(neutral)),
    (_undone, ("negative", "logical_not", "bitwise_invert")),
    (_done_before, ("abs", "sign", "floor", "ceil", "trunc", "round", "stop_gradient")),
    (_of_itself, ("maximum", "minimum", "logical_and", "logical_or", "bitwise_and", "bitwise_or")),
    (_chosen, ("where",)),
    (_gradient_stopped_for_nothing, ("stop_gradient",)),
    (_reduced_over_one, ("sum", "max", "min", "any", "all")),
    (_cast_once, ("astype",)),
    (_moved_nowhere, ("reshape", "broadcast_to", "permute_dims", "slice", "pad")),
    (_moved_twice, ("reshape", "broadcast_to", "permute_dims", "slice")),
    (_moved_number, ("reshape", "broadcast_to", "permute_dims", "slice")),
    (_joined_to_nothing, ("concat",)),
)

rules: dict[str, tuple[Rule, ...]] = {
    name: tuple(rule for rule, names in table if name in names) for _, names in table for name in names
}
