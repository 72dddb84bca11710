"""Derivatives in a direction, by pushing tangents forward: `jvp`, `linearize`, and `hvp`, forward over reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.recording import Recording, as_tree, record
from maplet.core.types import is_floating
from maplet.ops.creation import zeros
from maplet.transforms.derivatives import grad
from maplet.transforms.evaluate import apply
from maplet.transforms.forward import pushforward
from maplet.transforms.linear_map import linear_map
from maplet.transforms.lost_path import refuse_lost_path
from maplet.transforms.selection import (
    as_derivative,
    asked_wrongly,
    input_numbers,
    name_of,
    require_function,
    require_in_graph,
    trainable_leaves,
)
from maplet.transforms.tangents import entries, one_each, own_tangents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The value of a function, and its derivative in a direction: for y = f(x) with Jacobian J, (y, J t).

    Parameters
    ----------
    f
        A function of arrays, trees or modules, with any tree of arrays as value.
    primals
        Where: a tuple (or list) with one entry per positional argument.
    tangents
        In which direction: one entry per argument, with the structure that `grad` returns for it. That is an array
        for an array, a tree for a tree; for a module (or any object) a dict from the names of its trainable
        parameters to arrays. None stands for zero, for an argument or a part of it; integers and booleans have None.
        Shapes and dtypes are those of the primals; Python numbers take the dtype.

    Returns
    -------
    value
        ``f(*primals)``.
    tangent
        A tree like the value; None where that is not floating.

    What ``f`` writes to modules (running statistics, generator counters) is written once, after success.

    Raises
    ------
    GradientError
        If a tangent does not have the structure of its primal, a tangent is given for what is no real number, or the
        value depends on the primals only through integers or truth values.
    ShapeError, DTypeError
        If a tangent has another shape or dtype than its primal.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, None))
    (Array(6.), Array(3.))
    """
    require_function(f, example="mp.jvp(f, (x,), (t,)), not mp.jvp(f(x), …)")
    primals = entries("jvp", f, primals)
    tangents = one_each("jvp", f, tangents, len(primals))
    recording = record(f, primals, with_values=True)
    wrt: list[int] = []
    directions: list[Array] = []
    for n, own in enumerate(own_tangents(f, recording.arguments, tangents)):
        wrt += input_numbers(recording, n, [leaf for leaf, _ in own])
        directions += [tangent for _, tangent in own]
    _require_differentiable("jvp", f, [1 for argument in recording.arguments if trainable_leaves(argument)])
    _require_real_result("jvp", f, recording, wrt)
    extended, has = pushforward(recording.graph, wrt)
    outputs = apply(extended, [*recording.given(), *directions])
    value = recording.finish(outputs[: len(has)])
    return value, _tangent_of_result(recording, has, outputs[len(has) :])


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function, and its derivative as a linear map: t ↦ J t, for as many directions as are wanted.

    The function is traced once, and what does not depend on the direction is computed once.

    Returns
    -------
    value
        ``f(*primals)``.
    linear_map
        A function of one tangent per argument that returns the tangent of the value; their form is that of `jvp`.

    Examples
    --------
    >>> import maplet as mp
    >>> value, along = mp.linearize(lambda x: x**3, 2.0)
    >>> value, along(1.0), along(10.0)
    (Array(8.), Array(12.), Array(120.))
    """
    require_function(f, example="mp.linearize(f, x), not mp.linearize(f(x))")
    recording = record(f, primals, with_values=True)
    sources = [trainable_leaves(argument) for argument in recording.arguments]
    wrt = [number for n, own in enumerate(sources) for number in input_numbers(recording, n, own)]
    _require_differentiable("linearize", f, wrt)
    _require_real_result("linearize", f, recording, wrt)
    extended, has = pushforward(recording.graph, wrt)
    given = recording.given()
    linear = linear_map(extended, given, extended.outputs[len(has) :])
    # The writes may put other parameters into the arguments, so the form of the tangents is taken before.
    forms = [
        as_derivative(argument, {id(leaf): leaf for leaf in own})
        for argument, own in zip(recording.arguments, sources, strict=True)
    ]
    value = recording.finish(apply(recording.graph, given, recording.values))

    def linear_map_of(*tangents: Any) -> Any:
        """The tangent of the value, for one tangent per argument."""
        tangents = tuple(one_each("linearize", f, tangents, len(sources)))
        directions: list[Array] = []
        for own, given in zip(sources, own_tangents(f, forms, tangents), strict=True):
            known = {id(leaf): tangent for leaf, tangent in given}
            directions += [known.get(id(leaf), zeros(leaf.shape, dtype=leaf.dtype)) for leaf in own]
        return _tangent_of_result(recording, has, linear(directions))

    return value, linear_map_of


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The product of the Hessian with a vector, H t, without the Hessian: the derivative of the gradient along t.

    Parameters
    ----------
    f
        A function whose value is one floating number.
    primals, tangents
        Where, and in which direction, as in `jvp`: one entry per positional argument; None is zero.

    Returns
    -------
    For one primal what `grad` returns for it: an array, a tree, a dict of the parameters of a module. For several a
    tuple of these, one per primal, with None for those (labels, settings) that hold no real numbers.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.hvp(lambda x: mp.sum(x**3), (mp.asarray([1.0, 2.0]),), (mp.asarray([1.0, 10.0]),))
    Array([  6., 120.], dtype=float32)
    """
    require_function(f, example="mp.hvp(f, (x,), (t,)), not mp.hvp(f(x), …)")
    primals = [as_tree(primal) for primal in entries("hvp", f, primals)]
    chosen = [n for n, primal in enumerate(primals) if trainable_leaves(primal)]
    _require_differentiable("hvp", f, chosen)
    found = iter(jvp(grad(f, chosen), primals, tangents)[1])
    products = tuple([next(found) if n in chosen else None for n in range(len(primals))])
    return products[0] if len(products) == 1 else products


# ── what is asked of a function, and the tangent of its value ────────────────────────────────────


def _require_differentiable(what: str, f: Callable[..., Any], found: Sequence[int]) -> None:
    if not found:
        raise asked_wrongly(
            f"{what} of {name_of(f)}: no argument holds anything that can be differentiated",
            "only real numbers have derivatives: write 3.0 instead of 3, or x.astype(mp.float32)",
        )


def _require_real_result(what: str, f: Callable[..., Any], recording: Recording, wrt: Sequence[int]) -> None:
    require_in_graph(recording.returned, f)
    real = [n for n, array in enumerate(recording.outputs[: recording.result_count]) if is_floating(array.dtype)]
    if not real:
        raise asked_wrongly(
            f"{what} of {name_of(f)}: it returns no floating array, so there is no tangent",
            "integers and truth values have no derivative: return a real number that depends on the argument",
        )
    refuse_lost_path(recording.graph, wrt, real, f"{what} of {name_of(f)}")


def _tangent_of_result(recording: Recording, has: Sequence[bool], tangents: Sequence[Array]) -> Any:
    """The tangents in the form of the value; zeros where it does not depend on what moves."""
    given = iter(tangents)
    each = [next(given) if one else None for one in has]
    found: dict[int, Array] = {}
    for array, tangent in zip(recording.outputs[: recording.result_count], each, strict=False):
        if is_floating(array.dtype):
            found[id(array)] = zeros(array.shape, dtype=array.dtype) if tangent is None else tangent
    return as_derivative(recording.result, found)
