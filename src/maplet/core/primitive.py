"""What an operation declares about itself, and the registry of all of them.

A primitive's record holds everything that is known about its mathematics. Nothing else in the project keeps a list
of operations: the tracer, the interpreter, the gradient, the tests and the reference page iterate over this registry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from maplet.core.context import thread
from maplet.core.types import ArrayType, bfloat16, default_float
from maplet.errors import GraphError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maplet.core.context import Origin

    Types = ArrayType | tuple[ArrayType, ...]


@dataclass(frozen=True, eq=False)
class Primitive:
    """One operation: a mapping from arrays to an array, or to a tuple of them, of which `item` takes one.

    Every field is a function of the inputs in order, then the static parameters by name.

    Parameters
    ----------
    name
        How it is written in a graph.
    shape
        Input types → output type; raises `ShapeError` or `DTypeError` that shows what was given.
    reference
        What it means, in NumPy: arrays → array. The only definition of its value.
    gradient
        The pullback ``(cotangent, output, *inputs, needed=…) → one cotangent per input``, written in maplet
        operations on arrays; ``None`` stands for zero. Where the primitive gives several arrays, cotangent and output
        are lists. ``needed`` tells which inputs want one. A primitive without a
        gradient has an output that carries none (integers, booleans, steps).
    batch
        How `vmap` moves a new axis through it: ``(size, *inputs, batched=(…), **params) → array``. ``batched`` tells
        which inputs carry the new axis, of length ``size``, at their front; the result carries it at its front (of
        several, each does). Called only where at least one input is batched, or always where the operation is
        ``per_row``. A primitive with nested graphs gets ``rows=`` too (see `batch`) and gives, for each output, the
        array and whether it is batched.
    tangent
        The pushforward of a primitive with nested graphs: ``(tangents, *inputs, **params) → (outputs, their
        tangents)``; None stands for zero. Elsewhere it is derived from the pullback.
    prepare
        For a loop: what stands in its place when its pullback is wanted, ``(*inputs, needed=…, **params) → node with
        the same outputs first and then those that the pullback reads``; None where nothing is to change.
    singular
        Whether its derivative can be infinite or NaN at numbers that it takes: √ at 0, ln at 0, e^x beyond the range.
    per_row
        Whether the rows of a batch get results of their own although they share all inputs: a random draw.
    access
        What it computes in index notation: input types → `Access`; ``None`` marks a host operation.
    notation
        How it is written for people, in LaTeX, with ``{0}``, ``{1}`` for the operands.
    convention
        What the textbooks leave open: the derivative at a kink, the share of ties, the fate of NaN.
    example
        Random generator → inputs (and parameters) inside the range where finite differences mean something; the
        law tests use it.
    """

    name: str
    shape: Callable[..., Types]
    reference: Callable[..., Any]
    gradient: Callable[..., Any] | None = None
    batch: Callable[..., Any] | None = None
    tangent: Callable[..., Any] | None = None
    prepare: Callable[..., Any] | None = None
    singular: bool = False
    per_row: bool = False
    access: Callable[..., Any] | None = None
    notation: str = ""
    convention: str = ""
    example: Callable[..., Any] | None = None

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def compute(
        self, values: Sequence[Any], params: Mapping[str, Any], gives: Types, origin: Origin | None = None
    ) -> Any:
        """Run the reference; every value that maplet computes in Python is computed here.

        ``origin`` tells where the operation comes from, where that is not the line that runs now.

        Raises
        ------
        TooLargeError
            If there is no memory for the result, or for what is needed on the way to it.
        NonFiniteError
            If `mp.debug` watches, and this is where a NaN or an infinity begins.
        """
        result = self._value(values, params, gives)
        if thread.watch is not None:
            thread.watch(self, values, params, result, origin)
        return result

    def _value(self, values: Sequence[Any], params: Mapping[str, Any], gives: Types) -> Any:
        try:
            return self.reference(*values, **params)
        except (MemoryError, ValueError, OverflowError) as error:
            size = sum(t.nbytes for t in (gives if isinstance(gives, tuple) else (gives,)))
            if not isinstance(error, MemoryError) and size < 2**63:  # beyond, NumPy has no words but ValueError
                raise
            shown = ", ".join(map(str, gives)) if isinstance(gives, tuple) else str(gives)
            raise TooLargeError(
                f"{self.name}: there is no memory for a result of type {shown}, which takes {size / 2**30:,.1f} GiB",
                fix="work on the data in smaller pieces (batches); mp.checkpoint keeps less for the gradient",
            ) from error


F = TypeVar("F", bound="Callable[..., Any]")

registry: dict[str, Primitive] = {}
operations: dict[str, Callable[..., Any]] = {}


def _in_float32(primitive: Primitive) -> Callable[..., Any]:
    """The reference of a primitive, which computes bfloat16 in float32 and rounds the result, as native code does."""
    reference, shape = primitive.reference, primitive.shape
    if primitive.name == "nextafter":  # which is about the dtype itself
        return reference

    def widened(*values: Any, **params: Any) -> Any:
        if bfloat16 not in [getattr(value, "dtype", None) for value in values] or _holds_graphs(params):
            return reference(*values, **params)
        gives = shape(*(ArrayType(value.shape, value.dtype) for value in values), **params)
        found = reference(*(v.astype(default_float) if v.dtype == bfloat16 else v for v in values), **params)
        several = zip(found, gives, strict=True) if isinstance(gives, tuple) else [(found, gives)]
        rounded = [np.asarray(one).astype(kind.dtype, copy=False) for one, kind in several]
        return tuple(rounded) if isinstance(gives, tuple) else rounded[0]

    return widened


def _holds_graphs(params: Mapping[str, Any]) -> bool:
    """Whether a primitive runs nested graphs, whose own nodes compute in the dtype that they have."""
    groups: list[Any] = [value if isinstance(value, tuple) else (value,) for value in params.values()]
    return any(hasattr(one, "outputs") for group in groups for one in group)


def register(primitive: Primitive) -> Primitive:
    """Enter a primitive into the registry; names are unique."""
    if primitive.name in registry:
        raise GraphError(f"there is already a primitive named {primitive.name!r}")
    known = registry[primitive.name] = replace(primitive, reference=_in_float32(primitive))
    return known


def operation(function: F) -> F:
    """Enter a public function under its name, so that the array's operators find it without importing it."""
    operations[function.__name__.rstrip("_")] = function
    return function
