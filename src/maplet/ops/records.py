"""How the record of an elementwise operation is made, and the public function that goes with it.

float16 and float32 are computed in float64 and rounded once: the reference is the exact value, as far as NumPy's
float64 functions go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core import index_notation
from maplet.core.primitive import Primitive, operation, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType, float64, kind_of, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_floating, broadcast_shape, meet
from maplet.ops.movement import align_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike

    Rule = Callable[..., Array | None] | None

example_of = {"b": "bool", "u": "uint64", "i": "int64", "f": "float32"}  # a dtype of each kind


def per_input(*rules: Rule) -> Callable[..., list[Array | None]] | None:
    """A pullback from one rule (or None, for zero) per input; a rule runs only where its cotangent is needed."""
    if not any(rules):
        return None

    def gradient(g: Array, out: Array, *xs: Array, needed: tuple[bool, ...], **params: Any) -> list[Array | None]:
        return [
            rule(g, out, *xs, **params) if wanted and rule else None for rule, wanted in zip(rules, needed, strict=True)
        ]

    return gradient


def aligned_batch(name: str) -> Callable[..., Array]:
    """The batch rule of what treats every element (or every matrix, the last two axes) alike: align the operands."""

    def batch(_: int, *xs: Array, batched: tuple[bool, ...], **params: Any) -> Array:
        ndim = max(x.ndim - carries for x, carries in zip(xs, batched, strict=True))
        aligned = [align_rows(x, ndim) if carries else x for x, carries in zip(xs, batched, strict=True)]
        return bind(name, *aligned, **params)

    return batch


# IEEE 754 rounds these correctly in every dtype, so that the way through float64 would give the same bits.
correctly_rounded = {
    np.add, np.subtract, np.multiply, np.divide, np.reciprocal, np.sqrt, np.square, np.negative, np.abs, np.sign,
    np.copysign, np.nextafter, np.maximum, np.minimum, np.floor, np.ceil, np.trunc, np.round,
}  # fmt: skip


def in_float64(function: Callable[..., Any], *, to_bool: bool) -> Callable[..., Any]:
    """A reference that computes narrow floats in float64 and rounds once; `to_bool` functions keep their dtype."""
    direct = to_bool or function in correctly_rounded

    def reference(*xs: Any) -> Any:
        dtype = xs[-1].dtype
        with np.errstate(all="ignore"):  # infinities and NaN are values here; `mp.debug` finds where they begin
            if direct or kind_of(dtype) != "f" or dtype == float64:
                return function(*xs)
            wide = [x.astype(float64) if x.dtype == dtype else x for x in xs]
            return np.asarray(function(*wide)).astype(dtype)

    return reference


def _random_inputs(domains: tuple[Any, ...], *, truth: bool) -> Callable[..., Any]:
    def one(rng: np.random.Generator, domain: tuple[Any, Any], shape: tuple[int, ...]) -> Any:
        if isinstance(domain[0], float):
            return rng.uniform(*domain, size=shape)
        return rng.integers(*domain, size=shape, dtype=np.bool_ if truth else np.int64)

    def example(rng: np.random.Generator) -> tuple[list[Any], dict[str, Any]]:
        return [one(rng, domain, shape) for domain, shape in zip(domains, [(2, 3), (3,), (2, 1)], strict=False)], {}

    return example


def elementwise(
    name: str,
    function: Callable[..., Any],
    *rules: Rule,
    domains: tuple[Any, ...],
    kinds: str = "f",
    gives: np.dtype[Any] | None = None,
    singular: bool = False,
    notation: str = "",
    convention: str = "",
) -> Primitive:
    """Register an elementwise primitive. ``kinds`` are those it takes, ``gives`` its dtype if not the inputs'."""

    def shape(*types: ArrayType) -> ArrayType:
        if len(types) != len(domains):
            raise ShapeError(f"{name} takes {len(domains)} arrays, given {len(types)}")
        dtype = types[-1].dtype
        if kind_of(dtype) not in kinds or any(t.dtype != dtype for t in types):
            shown = " and ".join(short_name(t.dtype) for t in types)
            raise DTypeError(
                f"{name} takes arrays of one dtype (kinds {kinds!r}), given {shown}",
                fix=f"convert: x.astype(mp.{example_of[kinds[-1]]})",
            )
        return ArrayType(broadcast_shape(name, *[t.shape for t in types]), gives or dtype)

    return register(Primitive(
        name, shape=shape, reference=in_float64(function, to_bool=gives is not None), gradient=per_input(*rules),
        batch=aligned_batch(name), singular=singular, access=lambda *types: index_notation.elementwise(name, *types),
        notation=notation, convention=convention, example=_random_inputs(domains, truth=kinds == "b"),
    ))  # fmt: skip


def _document(function: Callable[..., Any], name: str, meaning: str, convention: str) -> Any:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = meaning + (f"\n\n    Convention: {convention}" if convention else "")
    return operation(function)


def unary(
    name: str,
    function: Callable[..., Any],
    meaning: str,
    rule: Rule = None,
    *,
    domain: tuple[Any, Any] = (-2.0, 2.0),
    **options: Any,
) -> Callable[[ArrayLike], Array]:
    """A primitive of one input and its public function. Functions of real numbers take integers as float32."""
    primitive = elementwise(name, function, rule, domains=(domain,), **options)
    real = options.get("kinds", "f") == "f"

    def public(x: ArrayLike, /) -> Array:
        x = as_array(x)
        return bind(name, as_floating(x) if real else x)

    return _document(public, name, meaning, primitive.convention)


def binary(
    name: str,
    function: Callable[..., Any],
    meaning: str,
    *rules: Rule,
    domains: tuple[Any, Any] = ((-2.0, 2.0), (-2.0, 2.0)),
    **options: Any,
) -> Callable[[ArrayLike, ArrayLike], Array]:
    """A primitive of two inputs, which meet in one dtype and shape, and its public function."""
    primitive = elementwise(name, function, *rules, domains=domains, **options)
    real = options.get("kinds", "f") == "f"

    def public(x1: ArrayLike, x2: ArrayLike, /) -> Array:
        x, y = meet(x1, x2)
        return bind(name, as_floating(x), as_floating(y)) if real else bind(name, x, y)

    return _document(public, name, meaning, primitive.convention)
