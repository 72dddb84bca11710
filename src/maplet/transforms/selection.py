"""What is differentiated, and in which form a derivative comes: which leaves of an argument, as which tree.

The form of a derivative is that of its argument: an array for an array, a tree for a tree, None for what carries no
derivative. An object (a module) becomes a dict from the names of its trainable parameters to arrays. Gradients,
tangents and the parts of a Jacobian all have it.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.array import Array, Parameter
from maplet.core.context import here
from maplet.core.tree import Stateful, leaves, replace
from maplet.core.types import is_floating, python_numbers, short_name
from maplet.errors import GradientError
from maplet.settings import flag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.recording import Recording

out_of_graph: Any = (*python_numbers, np.ndarray, np.generic)  # what may once have been an array, and has no gradient


def asked_wrongly(message: str, fix: str | None = None) -> GradientError:
    """The error for a derivative that cannot be given, with the user's line."""
    return GradientError(message, fix=fix, where=str(here()) or None)


def name_of(f: Callable[..., Any]) -> str:
    """What errors call a function."""
    return getattr(f, "__name__", "f")


# ── the function and its arguments ───────────────────────────────────────────────────────────────


def bound(f: Callable[..., Any], kwargs: dict[str, Any]) -> Callable[..., Any]:
    """The function with its keyword arguments fixed: a derivative treats them as constants."""
    if not kwargs:
        return f

    @wraps(f)
    def with_keywords(*args: Any) -> Any:
        return f(*args, **kwargs)

    return with_keywords


def require_function(f: Any, argnums: Any = 0, *, example: str = "mp.grad(f)(x), not mp.grad(f(x))") -> None:
    """Refuse what is no function, and argnums that are no numbers."""
    if not callable(f):
        raise asked_wrongly(f"what has a derivative is a function, given {type(f).__name__}", example)
    numbers = cast("Any", argnums if isinstance(argnums, list | tuple | range) else (argnums,))
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise asked_wrongly(
            f"argnums={argnums!r}: expected the number of an argument, counted from 0, or several",
            "a keyword argument is differentiated when it is passed by its position",
        )


def chosen_arguments(argnums: int | Sequence[int], count: int) -> list[int]:
    """The numbers of the arguments that are differentiated, counted from the front."""
    numbers = [argnums] if isinstance(argnums, int) else list(argnums)
    for n in numbers:
        if not -count <= n < count:
            raise asked_wrongly(
                f"argnums={n}, but the function was called with {count} positional arguments",
                f"count from 0: argnums=0 is the first, argnums={max(count - 1, 0)} the last",
            )
    return [n % count for n in numbers]


def without_aux(result: Any, f: Callable[..., Any], *, has_aux: bool) -> Any:
    """What is differentiated of a result: all of it, or the first of a pair."""
    if not flag("has_aux", has_aux):
        return result
    if not isinstance(result, tuple) or len(cast("tuple[Any, ...]", result)) != 2:
        result = cast("Any", result)
        raise asked_wrongly(
            f"the derivative of {name_of(f)}: it returned {type(result).__name__}, expected a pair (value, extra)",
            "return such a pair, or leave out has_aux=True",
        )
    return cast("tuple[Any, Any]", result)[0]


def require_in_graph(value: Any, f: Callable[..., Any]) -> None:
    """Refuse a number of Python's or NumPy's: it may have been an array, and its derivative would be 0 in silence."""
    if isinstance(value, out_of_graph):
        raise asked_wrongly(
            f"the derivative of {name_of(f)}: its value is {type(value).__name__}, expected an array or a tree of them",
            "keep the array: .item(), float() and NumPy leave the graph, and with it the gradient is lost",
        )


# ── its leaves ───────────────────────────────────────────────────────────────────────────────────


def trainable_leaves(tree: Any) -> list[Array]:
    """What is differentiated in an argument: floating arrays, and of objects the trainable parameters."""
    found = {id(leaf): leaf for leaf in leaves(tree).values() if is_floating(leaf.dtype)}
    for leaf in leaves(outermost_objects(tree)).values():
        if not (isinstance(leaf, Parameter) and leaf.trainable):
            found.pop(id(leaf), None)
    return list(found.values())


def outermost_objects(tree: Any) -> list[Stateful]:
    """The objects of a tree that stand in no other object."""
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


def differentiable(tree: Any, number: int, f: Callable[..., Any], what: str = "gradient") -> list[Array]:
    """The trainable leaves of an argument of which a derivative is asked; it must have some, and no integers beside."""
    name = name_of(f)
    found = trainable_leaves(tree)
    if not found:
        fix = "unfreeze a parameter, or differentiate with respect to another argument"
        if not outermost_objects(tree):
            fix = "give a float, an array, or a tree of them: a list, tuple, dict, NamedTuple or nn.Module"
        if isinstance(tree, int | Array):
            fix = "only real numbers have derivatives: write 3.0 instead of 3, or x.astype(mp.float32)"
        kind = str(tree.type) if isinstance(tree, Array) else type(tree).__name__
        raise asked_wrongly(
            f"the {what} of {name}: argument {number} ({kind}) holds nothing that can be differentiated", fix
        )
    if outermost_objects(tree):
        return found
    integers = {path: leaf for path, leaf in leaves(tree).items() if not is_floating(leaf.dtype)}
    if integers:
        path, leaf = next(iter(integers.items()))
        raise asked_wrongly(
            f"the {what} of {name}: {path or 'a leaf'} of argument {number} is {short_name(leaf.dtype)}",
            "pass integers and booleans as an argument of their own",
        )
    return found


def input_numbers(recording: Recording, argument: int, found: Sequence[Array]) -> list[int]:
    """The places of an argument's leaves among the inputs of the graph."""
    before = sum(len(own) for own in recording.argument_leaves[:argument])
    every = [leaf for own in recording.argument_leaves for leaf in own]
    places = {id(leaf): n for n, leaf in enumerate(every)}  # of an object that is in two arguments: in the first
    places |= {id(own): before + n for n, own in enumerate(recording.argument_leaves[argument])}
    return [places[id(leaf)] for leaf in found]


def as_derivative(tree: Any, found: dict[int, Any]) -> Any:
    """The form of a derivative for a tree; ``found`` maps the identity of a leaf to what is to stand in its place."""
    memo = {
        id(owner): {path: found[id(leaf)] for path, leaf in leaves(owner).items() if id(leaf) in found}
        for owner in outermost_objects(tree)
    }
    return replace(tree, lambda leaf: found.get(id(leaf)) if isinstance(leaf, Array) else None, memo)
