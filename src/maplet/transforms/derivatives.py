"""Derivatives of functions by backpropagation: `grad`, `value_and_grad`, `vjp`.

Each traces the function, maps the graph, and applies the result to the arguments. Where those are themselves being
traced the nodes land in the outer graph, so derivatives nest to any order.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.array import Array
from maplet.core.context import here
from maplet.core.recording import record
from maplet.core.tree import places
from maplet.core.types import is_floating, short_name
from maplet.errors import ShapeError
from maplet.ops.arguments import as_array
from maplet.ops.creation import ones
from maplet.transforms.evaluate import apply
from maplet.transforms.gradient import gradient
from maplet.transforms.linear_map import linear_map
from maplet.transforms.lost_path import refuse_lost_path
from maplet.transforms.selection import (
    as_derivative,
    asked_wrongly,
    bound,
    chosen_arguments,
    differentiable,
    input_numbers,
    name_of,
    out_of_graph,
    require_function,
    require_in_graph,
    trainable_leaves,
    without_aux,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """The function's value together with its gradient.

    Parameters
    ----------
    f
        A function whose result is one floating number; with ``has_aux``, a pair of that and anything else.
    argnums
        Which positional arguments to differentiate with respect to.
    has_aux
        Whether ``f`` returns (loss, extra); then the value is that pair.

    Returns
    -------
    A function with the same arguments that returns ``(value, gradient)``. The gradient has the structure of the
    argument: an array for an array, a dict for a dict. For a module (or any object) it is a dict from parameter
    names to arrays, over its trainable parameters. With several argnums it is a tuple.

    What ``f`` writes to modules (running statistics, generator counters) is written back once, after success.

    Raises
    ------
    GradientError
        If the value is no floating scalar, an argument holds nothing that can be differentiated, or the value depends
        on the arguments only through integers or truth values.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.value_and_grad(lambda x: x**2 - 2 * x + 1)(3.0)
    (Array(4.), Array(4.))
    """
    require_function(f, argnums)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        chosen = chosen_arguments(argnums, len(args))
        recording = record(bound(f, kwargs), args, with_values=True)
        loss = without_aux(recording.result, f, has_aux=has_aux)
        sources = [differentiable(recording.arguments[n], n, f) for n in chosen]
        require_loss(without_aux(recording.returned, f, has_aux=has_aux), loss, f)
        wrt = [
            number for n, found in zip(chosen, sources, strict=True) for number in input_numbers(recording, n, found)
        ]
        refuse_lost_path(recording.graph, wrt, (0,), f"the gradient of {name_of(f)}")
        backward, _ = gradient(recording.graph, wrt, (0,))
        outputs = apply(backward, [*recording.given(), ones((), dtype=loss.dtype)], recording.values)
        count = len(recording.outputs)
        found = iter(outputs[count:])
        gradients = [
            as_derivative(recording.arguments[n], {id(leaf): next(found) for leaf in leaves_})
            for n, leaves_ in zip(chosen, sources, strict=True)
        ]
        value = recording.finish(outputs[:count])  # last, as it may put other parameters into the arguments
        return value, gradients[0] if isinstance(argnums, int) else tuple(gradients)

    return value_and_gradient


def grad(f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a function; see `value_and_grad`. With ``has_aux`` the result is (gradient, extra).

    Examples
    --------
    >>> import maplet as mp
    >>> mp.grad(lambda x: x**2 - 2 * x + 1)(3.0)
    Array(4.)
    """
    both = value_and_grad(f, argnums, has_aux=has_aux)

    @wraps(f)
    def gradient_of(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient_of


def vjp(f: Callable[..., Any], *args: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value of a function, and its pullback: the map from a cotangent of the result to those of the arguments.

    For y = f(x) with Jacobian J, the pullback maps v to vᵀJ. It may be called any number of times.

    Returns
    -------
    value
        ``f(*args)``, any tree of arrays.
    pullback
        Takes a tree like the value (where that is not floating, anything), gives a tuple with one gradient per
        argument; None for what carries none. Cotangents are converted to the dtype of the value.

    Raises
    ------
    GradientError
        If the function returns nothing that is floating or depends on the arguments only through integers or truth
        values, or if a cotangent does not have the structure of the value.
    ShapeError
        If a cotangent does not have the shape of the value.

    Examples
    --------
    >>> import maplet as mp
    >>> y, pullback = mp.vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> pullback(1.0)
    (Array(3.), Array(2.))
    """
    require_function(f, example="mp.vjp(f, x), not mp.vjp(f(x))")
    recording = record(f, args, with_values=True)
    require_in_graph(recording.returned, f)
    sources = [trainable_leaves(argument) for argument in recording.arguments]
    wrt = [number for n, found in enumerate(sources) for number in input_numbers(recording, n, found)]
    results = recording.outputs[: recording.result_count]
    seeded = [n for n, array in enumerate(results) if is_floating(array.dtype)]
    if not seeded:
        raise asked_wrongly("vjp: the function returns no floating array, so there is nothing to pull back")
    refuse_lost_path(recording.graph, wrt, seeded, f"the pullback of {name_of(f)}")
    template = list(places(recording.result))
    backward, _ = gradient(recording.graph, wrt, seeded)
    given = recording.given()
    transposed = linear_map(backward, given, backward.outputs[len(recording.outputs) :], recording.values)
    # The writes may put other parameters into the arguments, so the form of the gradients is taken before.
    forms = [
        as_derivative(argument, {id(leaf): leaf for leaf in own})
        for argument, own in zip(recording.arguments, sources, strict=True)
    ]
    value = recording.finish(apply(recording.graph, given, recording.values))

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        """One gradient per argument, for a cotangent of the result."""
        found = iter(transposed(_cotangents(cotangent, template, [results[n] for n in seeded])))
        return tuple(
            as_derivative(form, {id(leaf): next(found) for leaf in own})
            for form, own in zip(forms, sources, strict=True)
        )

    return value, pullback


# ── what is asked of a loss, and of a cotangent ──────────────────────────────────────────────────


def require_loss(returned: Any, loss: Any, f: Callable[..., Any], asks: str = "the gradient of") -> None:
    """Refuse what is no loss: anything but one real number that stands in the graph."""
    what = f"{asks} {name_of(f)}"
    if not isinstance(returned, Array):
        fix = "return the loss alone" + (", or use has_aux=True for (loss, extra)" if asks == "the gradient of" else "")
        if isinstance(returned, out_of_graph):
            fix = "keep the array: .item(), float() and NumPy leave the graph, and with it the gradient is lost"
        raise asked_wrongly(f"{what}: its loss is {type(returned).__name__}, expected one array", fix)
    if loss.shape:
        raise asked_wrongly(
            f"{what}: it returned shape {loss.shape}, and only a single number has a gradient",
            "take mp.mean or mp.sum of it; for the derivatives of all its numbers use mp.jacobian(f), for a gradient "
            "per example mp.vmap(mp.grad(f)) of an f that takes one example, and mp.vjp to choose a combination",
        )
    if not is_floating(loss.dtype):
        raise asked_wrongly(
            f"{what}: it returned {short_name(loss.dtype)}, which is no real number",
            "return a real number that depends on the argument: integers and truth values have no derivative",
        )


def _cotangents(cotangent: Any, template: Sequence[tuple[str, Any]], seeded: Sequence[Array]) -> list[Array]:
    """One cotangent per seeded result. A result that stands in several places gets the sum of theirs."""
    given = dict(places(cotangent))
    strange = given.keys() - dict(template).keys()
    gathered: dict[int, Array] = {}
    for path, result in template:
        if not any(result is wanted for wanted in seeded):
            continue
        what = f"a cotangent for {path!r} of the value" if path else "a cotangent for the value"
        if strange or not isinstance(given.get(path), Array | np.ndarray | np.generic | int | float):
            has = ", ".join(name or "one array" for name in given) or "nothing"
            raise asked_wrongly(
                f"the pullback lacks {what} ({result.type}); given: {has}", "give a tree like the value"
            )
        one = as_array(given[path], result.dtype)
        if one.shape != result.shape:
            raise ShapeError(
                f"the pullback takes {what} of shape {result.shape}, given {one.shape}", where=str(here()) or None
            )
        gathered[id(result)] = gathered[id(result)] + one if id(result) in gathered else one
    return [gathered[id(result)] for result in seeded]
