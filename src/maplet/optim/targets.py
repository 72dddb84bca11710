"""Which arrays an optimizer moves, and which gradient belongs to which of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.core.tree import Stateful, leaves
from maplet.errors import DTypeError, GradientError, ShapeError
from maplet.ops.arguments import as_array
from maplet.transforms.selection import trainable_leaves

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.transformation import Arrays

whole = "x"
"""The name of an array that is the whole target, and so has no path in it."""


def parameters_of(target: Any) -> Arrays:
    """The arrays that training moves, by name: a module's trainable parameters, the floating arrays of other trees.

    A tied parameter stands under its first name only.

    Raises
    ------
    GradientError
        If there is nothing to move, or a plain number stands in the tree, which nothing can move in place.

    Examples
    --------
    >>> import maplet as mp
    >>> list(parameters_of({"layers": [mp.asarray(1.0), mp.asarray(2.0)]}))
    ['layers.0', 'layers.1']
    """
    trained = {id(leaf) for leaf in trainable_leaves(target)}
    found = {path or whole: leaf for path, leaf in leaves(target).items() if id(leaf) in trained}
    for path, value in _entries(target).items():
        if isinstance(value, float | np.ndarray | np.generic):
            kind = type(cast("object", value)).__name__
            raise GradientError(
                f"{path} is a {kind}, which an optimizer cannot change in place",
                fix="make it an array that stays: x = mp.asarray(x)",
            )
    if not found:
        raise GradientError(
            f"there is nothing to train in this {type(target).__name__}",
            fix="pass a module with trainable parameters (net.unfreeze()), or floating arrays",
        )
    return found


def gradients_for(parameters: Arrays, target: Any, gradients: Any) -> Arrays:
    """The gradient of each parameter, under its name.

    Raises
    ------
    GradientError
        If a gradient is missing or belongs to nothing in the target.
    ShapeError, DTypeError
        If a gradient does not have the shape and dtype of its parameter.

    Examples
    --------
    >>> import maplet as mp
    >>> point = {"a": mp.asarray(1.0)}
    >>> gradients_for(parameters_of(point), point, {"a": mp.asarray(2.0)})
    {'a': Array(2.)}
    """
    given = {path: value for path, value in _entries(gradients).items() if value is not None}
    missing = [name for name in parameters if name not in given]
    extra = [name for name in given if name not in parameters and name not in _entries(target)]
    if missing or extra:
        fix = "differentiate with respect to what is updated: optimizer.update(net, mp.grad(loss)(net))"
        if isinstance(gradients, tuple) and not isinstance(target, tuple):
            fix = (
                "this is a tuple: a pullback, and mp.grad with several argnums, give one gradient for each argument; "
                "take that of what is updated: optimizer.update(net, pullback(v)[0])"
            )
        raise GradientError(
            "the gradients do not belong to these parameters"
            + (f"; none is given for {_listed(missing)}" if missing else "")
            + (f"; there is no trainable parameter for {_listed(extra)}" if extra else ""),
            fix=fix,
        )
    return {name: _fitting(name, given[name], parameter) for name, parameter in parameters.items()}


def _fitting(name: str, gradient: Any, parameter: Array) -> Array:
    array = as_array(
        gradient,
        parameter.dtype if isinstance(gradient, int | float) and not isinstance(gradient, np.generic) else None,
    )
    if array.shape != parameter.shape:
        raise ShapeError(
            f"the gradient of {name} has shape {array.shape}, the parameter {parameter.shape}",
            fix="a hand-written gradient is summed over the axes that were broadcast: over the rows for a bias",
        )
    if array.dtype != parameter.dtype:
        raise DTypeError(
            f"the gradient of {name} is {array.dtype}, the parameter {parameter.dtype}",
            fix=f"convert it where it was made: gradient.astype({str(parameter.dtype)!r})",
        )
    return array


def _entries(tree: Any) -> dict[str, Any]:
    """What stands in a tree of lists, tuples and dicts, by path: a leaf that stands in two places is there twice.

    `leaves` would give one of them; but two parameters may have one array as their gradient.
    """
    found: dict[str, Any] = {}

    def visit(branch: Any, path: str) -> None:
        if isinstance(branch, dict):
            children = [(str(key), child) for key, child in cast("dict[Any, Any]", branch).items()]
        elif isinstance(branch, list | tuple):
            children = [(str(n), child) for n, child in enumerate(cast("list[Any]", branch))]
        else:
            if not isinstance(branch, Stateful):
                found[path or whole] = branch
            return
        for name, child in children:
            visit(child, f"{path}.{name}" if path else name)

    visit(tree, "")
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
