"""Derivatives of functions: `grad`, `value_and_grad`, `vjp`.

Each traces the function, maps the graph, and applies the result to the arguments. Where those are themselves being
traced the nodes land in the outer graph, so derivatives nest to any order.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, Parameter
from maplet.core.recording import Recording, record
from maplet.core.trace import same
from maplet.core.tree import Stateful, leaves, places, replace
from maplet.core.types import is_floating, python_numbers, short_name
from maplet.errors import GradientError, ShapeError
from maplet.ops.arguments import as_array
from maplet.ops.creation import ones
from maplet.transforms.evaluate import apply
from maplet.transforms.gradient import gradient

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

out_of_graph: Any = (*python_numbers, np.ndarray, np.generic)  # what may once have been an array, and has no gradient


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
        If the value is no floating scalar, or an argument holds nothing that can be differentiated.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.value_and_grad(lambda x: x**2 - 2 * x + 1)(3.0)
    (Array(4.), Array(4.))
    """
    _require_function(f, argnums)

    @wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        chosen = _chosen(argnums, len(args))
        recording = record(_bound(f, kwargs), args, with_values=True)
        loss = _loss(recording.result, f, has_aux=has_aux)
        sources = [_differentiable(recording.arguments[n], n, f) for n in chosen]
        _require_array(_loss(recording.returned, f, has_aux=has_aux), f)
        _require_real_number(loss, f)
        backward, _ = gradient(
            recording.graph,
            [number for n, found in zip(chosen, sources, strict=True) for number in _numbers(recording, n, found)],
            (0,),
        )
        outputs = apply(backward, [*recording.given(), ones((), dtype=loss.dtype)], recording.values)
        count = len(recording.outputs)
        value = recording.finish(outputs[:count])
        found = iter(outputs[count:])
        gradients = [
            _gradient_tree(recording.arguments[n], {id(leaf): next(found) for leaf in leaves_})
            for n, leaves_ in zip(chosen, sources, strict=True)
        ]
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
        If the function returns nothing that is floating, or a cotangent does not have the structure of the value.
    ShapeError
        If a cotangent does not have the shape of the value.

    Examples
    --------
    >>> import maplet as mp
    >>> y, pullback = mp.vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> pullback(1.0)
    (Array(3.), Array(2.))
    """
    _require_function(f)
    recording = record(f, args, with_values=True)
    if isinstance(recording.returned, out_of_graph):
        _require_array(recording.returned, f)
    sources = [trainable_leaves(argument) for argument in recording.arguments]
    numbers = [number for n, found in enumerate(sources) for number in _numbers(recording, n, found)]
    results = recording.outputs[: recording.result_count]
    seeded = [n for n, array in enumerate(results) if is_floating(array.dtype)]
    if not seeded:
        raise GradientError("vjp: the function returns no floating array, so there is nothing to pull back")
    template = list(places(recording.result))
    backward, _ = gradient(recording.graph, numbers, seeded)
    given = [same(array) for array in recording.given()]  # what the caller's handles hold now; they may be rebound
    forward = apply(recording.graph, given, recording.values)
    value = recording.finish(forward)
    known = dict(recording.values)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        """One gradient per argument, for a cotangent of the result."""
        seeds = _cotangents(cotangent, template, [results[n] for n in seeded])
        outputs = apply(backward, [*given, *seeds], known)[len(recording.outputs) :]
        found = iter(outputs)
        return tuple(
            _gradient_tree(argument, {id(leaf): next(found) for leaf in own})
            for argument, own in zip(recording.arguments, sources, strict=True)
        )

    return value, pullback


# ── which leaves, and in which form ──────────────────────────────────────────────────────────────


def _bound(f: Callable[..., Any], kwargs: dict[str, Any]) -> Callable[..., Any]:
    if not kwargs:
        return f

    @wraps(f)
    def with_keywords(*args: Any) -> Any:
        return f(*args, **kwargs)

    return with_keywords


def _require_function(f: Any, argnums: Any = 0) -> None:
    if not callable(f):
        raise GradientError(
            f"what has a gradient is a function, given {type(f).__name__}", fix="mp.grad(f)(x), not mp.grad(f(x))"
        )
    numbers = cast("Any", argnums if isinstance(argnums, list | tuple | range) else (argnums,))
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise GradientError(
            f"argnums={argnums!r}: expected the number of an argument, counted from 0, or several",
            fix="a keyword argument is differentiated when it is passed by its position",
        )


def _chosen(argnums: int | Sequence[int], count: int) -> list[int]:
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)
    for n in numbers:
        if not -count <= n < count:
            raise GradientError(f"argnums={n}, but the function was called with {count} positional arguments")
    return [n % count for n in numbers]


def _loss(result: Any, f: Callable[..., Any], *, has_aux: bool) -> Any:
    if not has_aux:
        return result
    if not isinstance(result, tuple) or len(cast("tuple[Any, ...]", result)) != 2:
        result = cast("Any", result)
        name = getattr(f, "__name__", "f")
        raise GradientError(
            f"the gradient of {name}: it returned {type(result).__name__}, expected a pair (loss, extra)",
            fix="return such a pair, or leave out has_aux=True",
        )
    return cast("tuple[Any, Any]", result)[0]


def _require_array(loss: Any, f: Callable[..., Any]) -> None:
    if isinstance(loss, Array):
        return
    fix = "return the loss alone, or use has_aux=True for (loss, extra)"
    if isinstance(loss, out_of_graph):
        fix = "keep the array: .item(), float() and NumPy leave the graph, and with it the gradient is lost"
    raise GradientError(
        f"the gradient of {getattr(f, '__name__', 'f')}: its loss is {type(loss).__name__}, expected one array", fix=fix
    )


def _require_real_number(loss: Array, f: Callable[..., Any]) -> None:
    name = getattr(f, "__name__", "f")
    if loss.shape:
        raise GradientError(
            f"the gradient of {name}: it returned shape {loss.shape}, and only a single number has a gradient",
            fix="take mp.mean or mp.sum of it; for all derivatives of several numbers use mp.vjp",
        )
    if not is_floating(loss.dtype):
        raise GradientError(f"the gradient of {name}: it returned {short_name(loss.dtype)}, which is no real number")


def trainable_leaves(tree: Any) -> list[Array]:
    """What is differentiated in an argument: floating arrays, and of objects the trainable parameters."""
    found = {id(leaf): leaf for leaf in leaves(tree).values() if is_floating(leaf.dtype)}
    for leaf in leaves(_outermost_objects(tree)).values():
        if not (isinstance(leaf, Parameter) and leaf.trainable):
            found.pop(id(leaf), None)
    return list(found.values())


def _outermost_objects(tree: Any) -> list[Stateful]:
    found: list[Stateful] = []

    def visit(branch: Any) -> None:
        if isinstance(branch, Stateful):
            found.append(branch)
        elif isinstance(branch, dict):
            for child in cast("dict[Any, Any]", branch).values():
                visit(child)
        elif isinstance(branch, list | tuple):
            for child in cast("list[Any]", branch):
                visit(child)

    visit(tree)
    return found


def _differentiable(tree: Any, number: int, f: Callable[..., Any]) -> list[Array]:
    name = getattr(f, "__name__", "f")
    found = trainable_leaves(tree)
    if not found:
        fix = "unfreeze a parameter, or differentiate with respect to another argument"
        if isinstance(tree, int | Array):
            fix = "only real numbers have derivatives: write 3.0 instead of 3, or x.astype(mp.float32)"
        what = str(tree.type) if isinstance(tree, Array) else type(tree).__name__
        raise GradientError(
            f"the gradient of {name}: argument {number} ({what}) holds nothing that can be differentiated", fix=fix
        )
    if _outermost_objects(tree):
        return found
    integers = {path: leaf for path, leaf in leaves(tree).items() if not is_floating(leaf.dtype)}
    if integers:
        path, leaf = next(iter(integers.items()))
        raise GradientError(
            f"the gradient of {name}: {path or 'a leaf'} of argument {number} is {short_name(leaf.dtype)}",
            fix="pass integers and booleans as an argument of their own",
        )
    return found


def _numbers(recording: Recording, argument: int, found: list[Array]) -> list[int]:
    """The places of an argument's leaves among the inputs of the graph."""
    before = sum(len(own) for own in recording.argument_leaves[:argument])
    places_ = {id(own): before + n for n, own in enumerate(recording.argument_leaves[argument])}
    return [places_[id(leaf)] for leaf in found]


def _gradient_tree(tree: Any, found: dict[int, Array]) -> Any:
    """The gradient in the structure of its argument; an object becomes a dict of its parameters by name."""
    memo = {
        id(owner): {path: found[id(leaf)] for path, leaf in leaves(owner).items() if id(leaf) in found}
        for owner in _outermost_objects(tree)
    }
    return replace(tree, lambda leaf: found.get(id(leaf)) if isinstance(leaf, Array) else None, memo)


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
            raise GradientError(
                f"the pullback lacks {what} ({result.type}); given: {has}", fix="give a tree like the value"
            )
        one = as_array(given[path], result.dtype)
        if one.shape != result.shape:
            raise ShapeError(f"the pullback takes {what} of shape {result.shape}, given {one.shape}")
        gathered[id(result)] = gathered[id(result)] + one if id(result) in gathered else one
    return [gathered[id(result)] for result in seeded]
