"""Work that few elements need: it is done only where there is such an element among those that are computed together.

What it costs the others is a glance. `repaired` does it for one lane after the other, `corrected` for all at once.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from maplet.compiler.vector_numbers import Number, choose
from maplet.compiler.vectors import Vectors, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

_word = ir.IntType(64)


def repaired(found: Number, where: Number, name: str, function: Callable[..., Number], *arguments: Number) -> Number:
    """What was found, but the function (of that name) of the arguments in the lanes where a condition holds."""
    vectors = found.vectors
    if vectors.lanes == 1:
        return corrected(found, where, lambda: called(name, function, *arguments))
    builder = vectors.builder
    scalar = _function(Vectors(builder, 1), name, function, arguments)
    pending, nothing = _set(where)

    before = builder.block
    body, after = (builder.function.append_basic_block() for _ in range(2))
    builder.cbranch(builder.icmp_unsigned("!=", pending, nothing), body, after)
    builder.position_at_end(body)
    rest, result = builder.phi(pending.type), builder.phi(found.value.type)
    lane = _lowest(vectors, rest)
    one = builder.call(scalar, [builder.extract_element(argument.value, lane) for argument in arguments])
    replaced = builder.insert_element(result, one, lane)
    following = builder.and_(rest, builder.sub(rest, ir.Constant(pending.type, 1)))
    for phi, first, later in ((rest, pending, following), (result, found.value, replaced)):
        phi.add_incoming(first, before)
        phi.add_incoming(later, body)
    builder.cbranch(builder.icmp_unsigned("!=", following, nothing), body, after)
    builder.position_at_end(after)
    return _either(found, before, found.like(replaced), body)


def corrected(found: Number, where: Number, other: Callable[[], Number]) -> Number:
    """What was found, but another value where a condition holds; it is computed if there is such a lane."""
    builder = found.vectors.builder
    some, nothing = _set(where)
    before = builder.block
    body, after = (builder.function.append_basic_block() for _ in range(2))
    builder.cbranch(builder.icmp_unsigned("!=", some, nothing), body, after)
    builder.position_at_end(body)
    better = choose(where, other(), found)
    last = builder.block
    builder.branch(after)
    builder.position_at_end(after)
    return _either(found, before, better, last)


def called(name: str, function: Callable[..., Number], *arguments: Number) -> Number:
    """The function (of that name) of the arguments, called: its instructions do not stand between the others."""
    first = arguments[0]
    made = _function(first.vectors, name, function, arguments)
    return first.like(first.vectors.builder.call(made, [argument.value for argument in arguments]))


def _set(where: Number) -> tuple[Any, Any]:
    """The lanes where a condition holds, as the bits of an integer, and the empty set."""
    lanes = where.vectors.lanes
    kind = ir.IntType(lanes)
    found = where.value if lanes == 1 else where.vectors.builder.bitcast(where.value, kind)
    return found, ir.Constant(kind, 0)


def _either(one: Number, block: Any, other: Number, other_block: Any) -> Number:
    """The value from the block from which control came."""
    whole = one.vectors.builder.phi(one.value.type)
    whole.add_incoming(one.value, block)
    whole.add_incoming(other.value, other_block)
    return one.like(whole)


def _lowest(vectors: Vectors, lanes: Any) -> Any:
    """The number of the lowest lane of a set that is not empty."""
    builder = vectors.builder
    wide = builder.zext(lanes, _word) if lanes.type.width < _word.width else lanes
    found = Vectors(builder, 1).intrinsic("cttz", [wide, ir.Constant(ir.IntType(1), 1)])
    return builder.trunc(found, _word) if wide.type.width > _word.width else found


def _function(vectors: Vectors, name: str, function: Callable[..., Number], arguments: tuple[Number, ...]) -> Any:
    """The function of numbers in so many lanes, which a module has once."""
    module, dtype, lanes = vectors.builder.module, arguments[0].dtype, vectors.lanes
    full = f"maplet.{name}.{dtype}.{lanes}"
    known = module.globals.get(full)
    if known is not None:
        return known
    kind = type_of(dtype, lanes)
    made = ir.Function(module, ir.FunctionType(kind, [kind] * len(arguments)), full)
    made.linkage = "internal"
    inner = Vectors(ir.IRBuilder(made.append_basic_block("entry")), lanes)
    inner.builder.ret(function(*[Number(inner, dtype, value) for value in made.args]).value)
    return made
