"""Work that not all elements need: that of few is done by a function of one number, for one lane after the other.

What it costs is a glance at whether there is such a lane.
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
    builder, lanes = vectors.builder, vectors.lanes
    scalar = _scalar_function(builder.module, name, function, arguments)
    values = [argument.value for argument in arguments]
    set_of_lanes = ir.IntType(lanes)
    pending = where.value if lanes == 1 else builder.bitcast(where.value, set_of_lanes)
    nothing = ir.Constant(set_of_lanes, 0)

    before = builder.block
    body, after = (builder.function.append_basic_block() for _ in range(2))
    builder.cbranch(builder.icmp_unsigned("!=", pending, nothing), body, after)
    builder.position_at_end(body)
    if lanes == 1:
        replaced = builder.call(scalar, values)
        builder.branch(after)
    else:
        rest, result = builder.phi(set_of_lanes), builder.phi(found.value.type)
        lane = _lowest(vectors, rest)
        one = builder.call(scalar, [builder.extract_element(value, lane) for value in values])
        replaced = builder.insert_element(result, one, lane)
        following = builder.and_(rest, builder.sub(rest, ir.Constant(set_of_lanes, 1)))
        for phi, first, later in ((rest, pending, following), (result, found.value, replaced)):
            phi.add_incoming(first, before)
            phi.add_incoming(later, body)
        builder.cbranch(builder.icmp_unsigned("!=", following, nothing), body, after)
    builder.position_at_end(after)
    whole = builder.phi(found.value.type)
    whole.add_incoming(found.value, before)
    whole.add_incoming(replaced, body)
    return found.like(whole)


def replaced(found: Number, where: Number, function: Callable[[], Number]) -> Number:
    """What was found, but what a function gives in the lanes where a condition holds.

    The function writes code for all lanes, which runs where there is such a lane: many elements may need it.
    """
    vectors = found.vectors
    builder, set_of_lanes = vectors.builder, ir.IntType(vectors.lanes)
    pending = where.value if vectors.lanes == 1 else builder.bitcast(where.value, set_of_lanes)
    before = builder.block
    body, after = (builder.function.append_basic_block() for _ in range(2))
    builder.cbranch(builder.icmp_unsigned("!=", pending, ir.Constant(set_of_lanes, 0)), body, after)
    builder.position_at_end(body)
    mixed = choose(where, function(), found)
    end = builder.block
    builder.branch(after)
    builder.position_at_end(after)
    whole = builder.phi(found.value.type)
    whole.add_incoming(found.value, before)
    whole.add_incoming(mixed.value, end)
    return found.like(whole)


def _lowest(vectors: Vectors, lanes: Any) -> Any:
    """The number of the lowest lane of a set, of at most 64, that is not empty."""
    wide = lanes if lanes.type == _word else vectors.builder.zext(lanes, _word)
    return Vectors(vectors.builder, 1).intrinsic("cttz", [wide, ir.Constant(ir.IntType(1), 1)])


def _scalar_function(module: Any, name: str, function: Callable[..., Number], arguments: tuple[Number, ...]) -> Any:
    """The function of single numbers, which a module has once."""
    dtype = arguments[0].dtype
    full = f"maplet.{name}.{dtype}"
    known = module.globals.get(full)
    if known is not None:
        return known
    kind = type_of(dtype, 1)
    made = ir.Function(module, ir.FunctionType(kind, [kind] * len(arguments)), full)
    made.linkage = "internal"
    vectors = Vectors(ir.IRBuilder(made.append_basic_block("entry")), 1)
    vectors.builder.ret(function(*[Number(vectors, dtype, value) for value in made.args]).value)
    return made
