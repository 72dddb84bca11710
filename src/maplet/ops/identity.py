"""Operations that hand a value on as it is: one of several results, and a value through which no gradient flows."""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.index_notation import Access, Read, indices
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.ops.arguments import as_array
from maplet.ops.records import aligned_batch

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.core.types import ArrayType

# ── one of several results ───────────────────────────────────────────────────────────────────────


def _item_shape(several: tuple[ArrayType, ...], *, index: int) -> ArrayType:
    return several[index]


register(Primitive("item", shape=_item_shape, reference=lambda several, *, index: several[index], notation="{0}"))


def several(name: str, /, *arrays: Array, **params: Any) -> list[Array]:
    """Apply a primitive that gives several arrays."""
    found: Any = bind(name, *arrays, **params)
    return [bind("item", found, index=n) for n in range(len(found.type))]


# ── cutting the gradient ─────────────────────────────────────────────────────────────────────────


@operation
def stop_gradient(x: Any) -> Array:
    """The same value, through which no gradient flows.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(lambda x: x * mp.stop_gradient(x))(3.0)
    Array(3.)
    """
    return bind("stop_gradient", as_array(x))


def _same_access(x: ArrayType) -> Access:
    axes = indices(x.ndim)
    return Access(axes, Read(0, axes))


register(Primitive(
    "stop_gradient", shape=lambda x: x, reference=lambda x: x, batch=aligned_batch("stop_gradient"),
    access=_same_access, notation="{0}", convention="the derivative is 0 by definition",
    example=lambda rng: ([rng.normal(size=(2, 3))], {}),
))  # fmt: skip
