"""Work that few elements need: it is done by a function of one number, for one lane after the other.

What it costs is a glance at whether there is such a lane.
"""

# llvmlite has no type hints.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir

from maplet.compiler.vector_numbers import Number
from maplet.compiler.vectors import Vectors, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

_number = ir.IntType(32)


def repaired(found: Number, where: Number, function: Callable[..., Number], *arguments: Number) -> Number:
    """What was found, but the function of the arguments in the lanes where a condition holds."""
    vectors = found.vectors
    builder, lanes = vectors.builder, vectors.lanes
    scalar = _scalar_function(builder.module, function, arguments, found.dtype)
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


def _lowest(vectors: Vectors, lanes: Any) -> Any:
    """The number of the lowest lane of a set, of at most 32, that is not empty."""
    wide = lanes if lanes.type == _number else vectors.builder.zext(lanes, _number)
    return Vectors(vectors.builder, 1).intrinsic("cttz", [wide, ir.Constant(ir.IntType(1), 1)])


def _scalar_function(module: Any, function: Callable[..., Number], arguments: tuple[Number, ...], dtype: str) -> Any:
    """The function of single numbers, which a module has once."""
    name = f"maplet.{function.__module__}.{function.__qualname__}.{arguments[0].dtype}"
    known = module.globals.get(name)
    if known is not None:
        return known
    kinds = [type_of(argument.dtype, 1) for argument in arguments]
    made = ir.Function(module, ir.FunctionType(type_of(dtype, 1), kinds), name)
    made.linkage = "internal"
    vectors = Vectors(ir.IRBuilder(made.append_basic_block("entry")), 1)
    numbers = [Number(vectors, argument.dtype, value) for argument, value in zip(arguments, made.args, strict=True)]
    vectors.builder.ret(function(*numbers).value)
    return made
