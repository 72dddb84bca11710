"""Sums of products as contractions, and sums that are really look-ups as scatters, over arrays that are stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from maplet.compiler.blocks import Contract, Into, Scatter, place_of
from maplet.compiler.contraction import Axis as ContractionAxis
from maplet.compiler.contraction import Contraction
from maplet.compiler.elements import Axis, Fetch, Function, Linear, Total
from maplet.compiler.evaluator import Evaluator, access_of
from maplet.compiler.reading import Reading, lanes_of
from maplet.compiler.recognition import aimed_at, is_product
from maplet.core.graph import Node
from maplet.core.index_notation import Call, Index, Read, Reduce
from maplet.core.kinds import access_at
from maplet.core.types import ArrayType, is_narrow, short_name

if TYPE_CHECKING:
    from collections.abc import Callable

    Stored = Callable[[Node], bool]


long = 64  # terms of a product with a vector: from here on it is a sum in lanes
parts, deep = 4, 4096  # in which a sum over the rows of both operands is taken, and terms from which on it is


def is_contraction(product: Node) -> bool:
    """Whether a node is a sum of products that the generator of contractions takes."""
    known = is_product(access_of(product).value) and short_name(product.array_type.dtype) in ("f32", "f64")
    return known and not is_with_vector(product)


def is_taken_in_float32(node: Node) -> bool:
    """Whether a node is a sum of halves that a contraction takes, or a scatter, if its terms are float32."""
    if not is_narrow(node.array_type.dtype):
        return False
    value = access_of(node).value
    aimed = aimed_at(value)
    if aimed is not None:
        return aimed.into is None and aimed.chain[0].combiner == "sum"
    return is_product(value) and not is_with_vector(node)


def is_with_vector(product: Node) -> bool:
    """Whether it is the product of a matrix and a vector, along the rows of the matrix: a sum in lanes.

    No element of the matrix is used twice, so what counts is to read it as it lies. One that is turned by the operand
    itself, as in Xᵀ g, lies the other way, and is a contraction like others.
    """
    access = access_of(product)
    reduce = access.value
    if not isinstance(reduce, Reduce) or reduce.extent < long or not lanes_of(access, product):
        return False
    match reduce.body:
        case Call(arguments=(Read(operand=matrix, at=along), Read(at=other))):
            own = {index for index in other if isinstance(index, Index)} - {reduce.index, *along}
            extents = dict(zip(access.axes, product.array_type.shape, strict=True))
            return all(extents[index] == 1 for index in own) and not _is_turned(product.inputs[matrix])
        case _:
            return False


def _is_turned(node: Node) -> bool:
    """Whether a node gives another one with its last axis elsewhere."""
    access = access_at(node)
    if access is None or not isinstance(access.value, Read):
        return False
    last = access.value.at[-1] if access.value.at else None
    return isinstance(last, Index) and last != access.axes[-1]


def is_in_parts(product: Node) -> bool:
    """Whether a contraction is taken in `parts`, each over some of the rows of both operands: Xᵀ g over many rows.

    So is the gradient of a kernel, in which the examples take the place of rows. A thread then reads the rows that it
    wrote, which lie in its own cache, and the error grows more slowly. Nothing decides but the shapes of the product:
    its terms must be many, and the parts few beside what they are made of.
    """
    reduce = access_of(product).value
    if not isinstance(reduce, Reduce) or reduce.extent % parts or not _is_turned(product.inputs[0]):
        return False
    terms, body = 1, reduce
    while isinstance(body, Reduce):
        terms, body = terms * body.extent, body.body
    read = sum(child.array_type.size for child in product.inputs)
    return terms >= deep and parts * parts * product.array_type.size <= read


def in_parts(item: Contract) -> Contract:
    """A contraction that gives the parts of another one, side by side in front."""
    rows, *others = item.contraction.sums
    node, count = item.node, rows.extent // parts
    part = Node(
        node.primitive, node.inputs, node.params, ArrayType((parts, *node.array_type.shape), node.array_type.dtype)
    )
    each = ContractionAxis(parts, count * rows.a, count * rows.b, node.array_type.size)
    axes, sums = (each, *item.contraction.axes), (replace(rows, extent=count), *others)
    return Contract(part, replace(item.contraction, axes=axes, sums=sums), item.a, item.b, item.product)


def contraction(node: Node, product: Node, stored: Stored) -> Contract | None:
    """A product, in the order in which a node wants it; None if its operands do not lie at strides."""
    dtype = short_name(node.array_type.dtype)
    axes = tuple(Axis(length) for length in node.array_type.shape)
    element = Evaluator(stored, {}).compute(node, place_of(axes))
    sums: list[Axis] = []
    while isinstance(element, Total):
        sums.append(element.axis)
        element = element.body
    match element:
        case Function(name="multiply", arguments=(Fetch() as a, Fetch() as b)):
            pass
        case Function(name="square", arguments=(Fetch() as a,)):
            b = a
        case _:
            return None
    if not (a.at.is_affine() and b.at.is_affine() and a.guard is b.guard is None):
        return None
    return Contract(node, _of_strides(dtype, axes, tuple(sums), a.at, b.at), a.source, b.source, product)


def _of_strides(dtype: str, axes: tuple[Axis, ...], sums: tuple[Axis, ...], a: Linear, b: Linear) -> Contraction:
    strides = [1] * len(axes)
    for n in range(len(axes) - 2, -1, -1):
        strides[n] = strides[n + 1] * axes[n + 1].extent
    return Contraction(
        dtype,
        tuple(
            ContractionAxis(axis.extent, a.terms.get(axis, 0), b.terms.get(axis, 0), stride)
            for axis, stride in zip(axes, strides, strict=True)
        ),
        tuple(ContractionAxis(axis.extent, a.terms.get(axis, 0), b.terms.get(axis, 0)) for axis in sums),
        (a.constant, b.constant),
    )


def to_store(node: Node, stored: Stored) -> Node | None:
    """What must be stored for a contraction to read an operand: it may move an array, to places that strides tell."""
    if _strides_tell(node, stored):
        return None
    # What is turned after it was computed (or padded) is stored as it was before, and read turned.
    found = child = node
    while len(child.inputs) == 1:
        child = child.inputs[0]
        if not _strides_tell(node, lambda one, child=child: one is child or stored(one)):
            break
        found = child
    return found


def _strides_tell(node: Node, stored: Stored) -> bool:
    """Whether a node only moves an array that lies in memory."""
    if stored(node):
        return True
    place = tuple(Linear() if n == 1 else Linear(0, {Axis(n): 1}) for n in node.array_type.shape)
    element = Evaluator(stored, {}).element(node, place)
    return isinstance(element, Fetch) and element.guard is None and element.at.is_affine()


def scatter(node: Node, stored: Stored) -> Scatter | None:
    """``Σ_p [at(p) = i]·x(p)``, or x(last such p), visits every p once, and not every pair (p, i); else None."""
    access = access_of(node)
    found = aimed_at(access.value)
    if found is None:
        return None
    axes = tuple(Axis(length) for length in node.array_type.shape)
    evaluator = Evaluator(stored, {})
    reading = Reading(evaluator, node, None, ())
    env = {index.name: form for index, form in zip(access.axes, place_of(axes), strict=True)}
    sums: list[Axis] = []
    for reduce in found.chain:
        axis = Axis(reduce.extent)
        sums.append(axis)
        env[reduce.index.name] = Linear(0, {axis: 1}) if axis.extent != 1 else Linear()
    aimed = [index.name for index in access.axes].index(found.axis.name)
    position = evaluator.place(reading.position(found.at, env))
    body = reading.value(found.body, env, short_name(node.array_type.dtype))
    outside = evaluator.function(
        "bool", "logical_or",
        evaluator.function("bool", "less", position, evaluator.number("i64", 0)),
        evaluator.function("bool", "greater_equal", position, evaluator.number("i64", node.array_type.shape[aimed])),
    )  # fmt: skip
    safe = evaluator.function("i64", "where", outside, evaluator.number("i64", 0), position)
    if found.into is not None:
        into = Into(node.inputs[found.into], outside)
        return Scatter(node, axes, aimed, safe, tuple(sums), body, "last", evaluator.checks, into)
    checks = [*evaluator.checks, (outside, node)]
    return Scatter(node, axes, aimed, safe, tuple(sums), body, found.chain[0].combiner, checks)
