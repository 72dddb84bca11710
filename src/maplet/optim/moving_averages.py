"""Moving averages of gradients and of their squares: what Adam and its kin remember.

In the formulas of all of them g is the gradient at step t = 1, 2 …, u the update; θ ← θ − α·u with the learning rate α.
Squares, roots and quotients are taken element by element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import default_int, float64
from maplet.ops.arguments import convert
from maplet.ops.creation import zeros
from maplet.ops.elementwise import square
from maplet.optim.transformation import zeros_beside
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.transformation import Arrays


def average(beta: float, old: Arrays, new: Arrays) -> Arrays:
    """The moving averages β·old + (1 − β)·new.

    Examples
    --------
    >>> import maplet as mp
    >>> average(0.5, {"w": mp.asarray(1.0)}, {"w": mp.asarray(3.0)})
    {'w': Array(2.)}
    """
    return {name: beta * old[name] + (1 - beta) * new[name] for name in new}


def squares(arrays: Arrays) -> Arrays:
    """Each array squared."""
    return {name: square(array) for name, array in arrays.items()}


def in_dtype_of(scalar: Array, like: Array) -> Array:
    """A float64 number in the dtype of what it will be taken times, so that it promotes nothing."""
    return convert(scalar, like.dtype)


def unbiased(moment: Array, weight: Array) -> Array:
    """A moving average that began at zero, divided by the weight 1 − βᵗ that its terms have together.

    It is multiplied by 1/(1 − βᵗ), which is worked out once: a division for each parameter takes longer than the rest.
    """
    return moment * in_dtype_of(1 / weight, moment)


def weight_after(beta: float, steps: Array) -> Array:
    """What the terms of a moving average weigh together after t steps from zero: 1 − βᵗ, in float64."""
    return 1 - beta ** convert(steps, float64)


def moments(parameters: Arrays) -> dict[str, Any]:
    """The memory of Adam and its kin, before the first step."""
    zero = zeros((), dtype=default_int)
    return {"steps": zero, "first_moment": zeros_beside(parameters), "second_moment": zeros_beside(parameters)}


def checked_betas(beta1: float, beta2: float, epsilon: float) -> tuple[float, float, float]:
    """The settings of Adam and its kin: 0 ≤ β < 1 and ε > 0."""
    betas = real("beta1", beta1, least=0, below=1), real("beta2", beta2, least=0, below=1)
    return *betas, real("epsilon", epsilon, above=0)
