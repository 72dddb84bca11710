"""Find where NaN and infinities begin: `debug` looks at every value that is computed, forward and backward."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from maplet.core.context import Origin, here, thread
from maplet.core.graph import Graph
from maplet.core.kinds import access_of, is_elementwise, only_moves
from maplet.core.types import ArrayType, kind_of
from maplet.errors import NonFiniteError
from maplet.transforms.remedies import remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from maplet.bilingual import Bilingual
    from maplet.core.array import Value
    from maplet.core.context import Derivation
    from maplet.core.primitive import Primitive


class Found(NamedTuple):
    """What was found, in parts, for whoever says it in words of their own: `maplet.errors.NonFiniteError.found`."""

    phase: str  # "forward pass", "backward pass" or "forward-mode derivative"
    maker: str | Derivation  # the operation, or the derivative of which one
    made: str  # "NaN", "infinity" or "−infinity"
    place: str  # "[0, 1]" in its result; empty where that is one number
    type: str  # of its result
    others: int  # further elements that are such
    remedy: Bilingual | None


@contextmanager
def debug(*, infinities: bool = True) -> Generator[None]:
    """Within this context, the first operation that makes a NaN or an infinity raises an error that shows how.

    Every value is looked at: in the forward and the backward pass, in forward mode, in loops, branches and checkpoints.
    An operation is accused when NaN comes out of inputs without NaN, or ±∞ out of inputs that are all finite; of an
    operation that works element by element, each element by itself. Constants, inputs, and operations that only move
    or choose numbers are never accused, so an attention mask of −∞ is legal; and what came in with the data is not
    looked for. Nothing else changes, save that every step takes longer. Contexts nest; the innermost decides, in its
    own thread.

    Parameters
    ----------
    infinities
        Whether infinities are looked for too, or only NaN.

    Raises
    ------
    NonFiniteError
        Names the operation, the pass, the layer and the user's line, the first bad element, the inputs that made it,
        and a likely remedy.

    Examples
    --------
    >>> import maplet as mp
    >>> with mp.debug():
    ...     mp.grad(lambda x: mp.sum(mp.sqrt(x)))(mp.asarray([4.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    maplet.errors.NonFiniteError: backward pass: divide made infinity at [1] of its result, f32[2]
      divide(1.0, 0.0) = inf
      at:  pullback of sqrt · ...
      fix: the derivative of √x at 0 is infinite: mp.sqrt(x + 1e-12), or √ of mp.where(x > 0, x, 1.0)
    """
    outer, thread.watch = thread.watch, partial(_examine, infinities=infinities)
    try:
        yield
    finally:
        thread.watch = outer


def _examine(
    primitive: Primitive,
    values: Sequence[Any],
    params: Mapping[str, Any],
    result: Any,
    origin: Origin | None,
    *,
    infinities: bool,
) -> None:
    """Raise if this operation is where a NaN or an infinity begins."""
    results = cast("tuple[Value, ...]", result) if isinstance(result, tuple) else (np.asarray(result),)
    suspects = [n for n, out in enumerate(results) if kind_of(out.dtype) == "f" and not np.isfinite(out).all()]
    guard = origin.guard if origin is not None else ""
    if not suspects or guard == "inside" or _is_innocent(values, params):
        return
    inputs = [np.asarray(value) for value in values]
    access = access_of(primitive, [ArrayType(x.shape, x.dtype) for x in inputs], params)
    if guard != "end" and access is not None and only_moves(access.value):
        return
    by_element = access is not None and is_elementwise(access)
    for number in suspects:
        out = np.asarray(results[number])
        known = [] if guard == "end" else inputs  # what came in was not looked at before
        guilty = _guilty(out, known, infinities=infinities, by_element=by_element)
        if guilty.any():
            raise _accusation(primitive, inputs, out, guilty, origin or here(), by_element=by_element)


def _is_innocent(values: Sequence[Any], params: Mapping[str, Any]) -> bool:
    """Constants, parts of a result, and nodes with nested graphs, inside which every value is looked at by itself."""
    if not values or any(isinstance(value, tuple) for value in values):
        return True
    return any(isinstance(item, Graph) for value in params.values() for item in _several(value))


def _several(value: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)


def _guilty(out: Value, inputs: Sequence[Value], *, infinities: bool, by_element: bool) -> Value:
    """Which elements of the result are bad and have no excuse among the inputs."""
    floating = [x for x in inputs if kind_of(x.dtype) == "f"]

    def without_excuse(is_good: Callable[[Value], Value]) -> Value:
        """Where all inputs are good: there or, if the operation mixes elements, everywhere."""
        found = np.ones(out.shape, bool)
        for x in floating:
            found &= is_good(x) if by_element else is_good(x).all()
        return found

    guilty: Value = np.isnan(out) & without_excuse(lambda x: ~np.isnan(x))
    if infinities:
        guilty |= np.isinf(out) & without_excuse(np.isfinite)
    return guilty


# ── the words ────────────────────────────────────────────────────────────────────────────────────


def _accusation(
    primitive: Primitive, inputs: Sequence[Value], out: Value, guilty: Value, origin: Origin, *, by_element: bool
) -> NonFiniteError:
    index = tuple(map(int, np.argwhere(guilty)[0]))
    bad = out[index]
    numbers = [np.broadcast_to(x, out.shape)[index] for x in inputs] if by_element else []
    if by_element:
        evidence = [f"{primitive.name}({', '.join(map(str, numbers))}) = {bad!s}"]
    else:
        evidence = [f"input {n}: {_described(x)}" for n, x in enumerate(inputs)]
    # What a `where` lets through at the end of a guarded way was made on the way.
    maker = origin.derivations[0] if origin.guard == "end" and origin.derivations else primitive.name
    found = Found(
        _phase(origin),
        maker,
        "NaN" if np.isnan(bad) else "−infinity" if bad < 0 else "infinity",
        f"[{', '.join(map(str, index))}]" if index else "",
        str(ArrayType(out.shape, out.dtype)),
        int(guilty.sum()) - 1,
        remedy(primitive.name, origin.derivations, numbers, inputs, bad),
    )
    place = f" at {found.place} of its result," if found.place else ":"
    others = f"; {found.others:,} more of its elements are such" if found.others else ""
    error = NonFiniteError(
        "\n  ".join([f"{found.phase}: {maker} made {found.made}{place} {found.type}{others}", *evidence]),
        fix=found.remedy,
        where=str(origin) or None,
    )
    error.found = found
    return error


def _phase(origin: Origin) -> str:
    if not origin.derivations:
        return "forward pass"
    return "backward pass" if origin.derivations[0].kind == "pullback" else "forward-mode derivative"


def _described(x: Value) -> str:
    text = str(ArrayType(x.shape, x.dtype))
    if not x.size or kind_of(x.dtype) == "b":
        return text
    finite = x[np.isfinite(x)] if kind_of(x.dtype) == "f" else x.reshape(-1)
    parts = [f"from {finite.min()!s} to {finite.max()!s}"] if finite.size else ["no finite number"]
    if kind_of(x.dtype) == "f":
        parts += [f"{n:,} {name}" for n, name in ((np.isnan(x).sum(), "NaN"), (np.isinf(x).sum(), "infinite")) if n]
    return f"{text}, {', '.join(parts)}"
