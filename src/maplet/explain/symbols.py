"""What a node computes, as a formula in symbols and with the numbers in, by the notation of the operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.graph import Graph, Node, constant_primitive, in_order, input_node
from maplet.explain.formula import (
    Call,
    Formula,
    Fraction,
    Function,
    Group,
    Name,
    Number,
    Places,
    Row,
    Script,
    Sign,
    Table,
    Words,
    fenced,
    fill,
    multiplied,
    row,
    whole,
)
from maplet.explain.notation import notation_of
from maplet.transforms.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.primitive import Primitive
    from maplet.explain.node import ExplainedNode

most_entries = 12  # of an array that is written out in a formula
most_in_line = 20  # entries in all, of a formula of several arrays
longest = 24  # operations in a pullback that is written as one formula
most_settled = 4 * longest  # of which it is looked what is constant
digits = 6

one, minus_one, zero = Number("1"), Number("−1"), Number("0")


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def number(value: Any) -> Number:
    """A number in six digits."""
    found = np.asarray(value)
    if found.dtype.kind in "biu":
        return Number(str(found.item()).lower().replace("-", "−"))
    return Number(f"{found.item() + 0.0:.{digits}g}".replace("-", "−").replace("e+", "e"))  # −0 is 0


def number_of(value: Any, name: Formula) -> Formula:
    """An array by its numbers; one of many elements by its name."""
    if isinstance(value, tuple) or value.size > most_entries or value.ndim > 2 or not value.size:
        return name
    if value.ndim == 0:
        return number(value)
    return Table(tuple([tuple([number(cell) for cell in cells]) for cells in np.atleast_2d(value)]))


def size_of(step: ExplainedNode) -> int:
    """How many elements the value has; 0 where there are several arrays."""
    return 0 if isinstance(step.value, tuple) else step.value.size


def fit_in_line(values: Sequence[Any]) -> bool:
    """Whether a formula with all these numbers in can still be read: of a few small arrays, none of them of indices."""

    def fits(one: Any) -> bool:
        return (
            not isinstance(one, tuple)
            and one.size > 0
            and one.ndim <= 2
            and (one.dtype.kind not in "iu" or not one.ndim)
        )

    return all(map(fits, values)) and sum(one.size for one in values) <= most_in_line


# ── what a node computes ─────────────────────────────────────────────────────────────────────────


def symbol(node: Node, names: Mapping[Node, str]) -> Formula:
    """A node by its name, a constant by its number."""
    if node.primitive is constant_primitive:
        return number_of(np.asarray(node.params["value"], node.params["dtype"]), Name(names.get(node, "constant")))
    return Name(names[node])


def has_numbers(step: ExplainedNode) -> bool:
    """Whether what the node computes is also written with the numbers in: of one number always, else of a few."""
    operands = [step.derivation.values[child] for child in step.source.node.inputs]
    return size_of(step) == 1 or fit_in_line([step.value, *operands])


def value_formula(step: ExplainedNode) -> Formula:
    """What the node computes, of its operands' names: ``x w`` of a `matmul`."""
    made = step.source
    return written(made.written, [symbol(child, step.derivation.called) for child in made.node.inputs])


def value_with_numbers(step: ExplainedNode) -> Formula:
    """What the node computes, of its operands' numbers; of those that are too large, their names."""
    made, names, values = step.source, step.derivation.called, step.derivation.values
    operands = [number_of(values[child], symbol(child, names)) for child in made.node.inputs]
    if made.operation == "multiply" and made.node.inputs[1].primitive is constant_primitive:
        operands.reverse()  # the constant stands first, as in symbols
    return written(made.written, operands)


def written(node: Node, operands: Sequence[Formula]) -> Formula:
    """An operation on formulas, as its record says that it is written; ×1, ×(−1) and +0 as a person would."""
    if node.primitive.name == "multiply":
        return _product(*operands)
    if node.primitive.name == "add" and zero in operands:
        return operands[1] if operands[0] == zero else operands[0]
    first = node.inputs[0].type if node.inputs else ()
    if not (node.primitive.name == "item" and isinstance(first, tuple) and len(first) == 1):  # the only one is it
        shape = () if isinstance(first, tuple) else first.shape
        if (formula := by_parameters(node.primitive.name, node.params, operands, shape)) is not None:
            return formula
    ndim = 0 if not node.inputs or isinstance(node.inputs[0].type, tuple) else node.inputs[0].type.ndim
    axes: Any = node.params.get("axes", node.params.get("axis", ()))
    return applied_along(node.primitive, operands, axes if isinstance(axes, tuple) else (axes,), ndim)  # type: ignore[arg-type]  (axes are numbers)


def by_parameters(
    name: str, params: Mapping[str, Any], operands: Sequence[Formula], shape: tuple[int, ...]
) -> Formula | None:
    """What its parameters say more about than its record does: which part is taken, which program runs.

    ``shape`` is that of the first operand; None for an operation whose record says it all.
    """
    if any(map(is_program, params.values())):
        listed = [piece for operand in operands for piece in (Sign(","), operand)][1:]
        called = str(params.get("name", ""))  # of a function that is called, its own name
        return Call(Function(called if called.isidentifier() else name), Group("(", Row(tuple(listed)), ")"))
    if name == "item":
        return Script(operands[0], Places(str(params["index"])))
    if name == "slice":
        return Script(fenced(operands[0], whole), Words(slice_key(params, shape)))
    if name == "contract":  # Σ[ab,bc→ac] x y: which axes meet
        axes = Words(f"{params['first']},{params['second']}→{params['result']}")
        return Row((Script(Function("Σ"), axes), *(fenced(operand, whole) for operand in operands)))
    if name == "permute_dims" and len(params["axes"]) != 2:
        return Call(Function("permute"), Group("(", operands[0], ")"))
    return None


def is_program(parameter: Any) -> bool:
    """Whether a parameter of an operation is a program, or several."""
    return isinstance(parameter, Graph) or (isinstance(parameter, tuple) and any(map(is_program, parameter)))  # pyright: ignore[reportUnknownArgumentType]


def slice_key(params: Mapping[str, Any], shape: tuple[int, ...]) -> str:
    """``1:3, ::2``: which elements a slice takes, as Python writes it."""
    keys: list[str] = []
    for start, length, step, extent in zip(params["starts"], params["lengths"], params["steps"], shape, strict=True):
        stop = start + length * step
        first = "" if (start, step > 0) == (0, True) else start
        last = "" if stop < 0 or (step > 0 and stop >= extent) else stop
        keys.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    return ", ".join(keys)


def applied_along(primitive: Primitive, operands: Sequence[Formula], axes: Sequence[int], ndim: int) -> Formula:
    """An operation on formulas; below the sign of a reduction its axes, where these are not all."""
    notation = notation_of(primitive, len(operands))
    if axes and len(axes) != ndim and isinstance(notation, Row) and isinstance(notation.parts[0], Function):
        below = Words(f"axis {', '.join(map(str, axes))}")
        notation = Row((Script(notation.parts[0], below), *notation.parts[1:]))
    return fill(notation, operands)


def _product(a: Formula, b: Formula) -> Formula:
    for first, second in ((a, b), (b, a)):
        if first == one:
            return second
        if first == minus_one:
            return row("−", fenced(second, multiplied))
    if isinstance(b, Fraction) and b.over == one:
        return Fraction(a, b.under)
    if isinstance(b, Number) and not isinstance(a, Number):  # the number stands first
        a, b = b, a
    return row(fenced(a, multiplied), "·", fenced(b, multiplied))


def expression(node: Node, known: Mapping[Node, Formula], most: int = longest) -> Formula | None:
    """What a node computes of others that are known; None where that takes more operations than are readable.

    What is settled, whatever the numbers are, is worked out by `simplify`: x^(3 − 1) is x².
    """
    smaller, formulas = _settled(node, known)
    counted = 0

    def formula(inner: Node) -> Formula:
        nonlocal counted
        if inner in formulas:
            return formulas[inner]
        if inner.primitive is constant_primitive:
            return symbol(inner, {})
        counted += 1
        if counted > most:
            return Name("…")
        return written(inner, [formula(child) for child in inner.inputs])

    found = formula(smaller)
    return found if counted <= most else None


def _settled(node: Node, known: Mapping[Node, Formula]) -> tuple[Node, Mapping[Node, Formula]]:
    """A node with what is constant on the way to it worked out, and the formulas of what it is then made of.

    To `simplify` what is known is an input, so that nothing behind it is looked at.
    """
    ends, between = _reached(node, known)
    constants = [inner for inner in between if inner.primitive is constant_primitive]
    if len(between) > most_settled or not constants:
        return node, known
    if any(isinstance(end.type, tuple) for end in ends):
        return node, known
    stands: dict[Node, Node] = {end: input_node(end.array_type) for end in ends}
    for inner in in_order([node], ends):
        if inner not in stands:
            operands = tuple([stands[child] for child in inner.inputs])
            stands[inner] = Node(inner.primitive, operands, inner.params, inner.type)
    smaller, _ = simplify(Graph(tuple([stands[end] for end in ends]), (stands[node],)))
    return smaller.outputs[0], {stands[one]: known[one] for one in (*ends, *constants) if one in known}


def _reached(node: Node, known: Mapping[Node, Formula]) -> tuple[list[Node], list[Node]]:
    """The known nodes that a node is made of, and what is between; no more than is asked for."""
    ends: dict[Node, None] = {}
    between: dict[Node, None] = {}
    waiting = [node]
    while waiting and len(between) <= most_settled:
        one = waiting.pop()
        if one in known and one.primitive is not constant_primitive:
            ends[one] = None
        elif one not in between:
            between[one] = None
            waiting += one.inputs
    return list(ends), list(between)
