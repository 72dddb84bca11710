"""Transformations that give every element a step size of its own, from the gradients that it has seen.

In the formulas g is the gradient at step t = 1, 2 …, u the update; θ ← θ − α·u with the learning rate α. Squares,
roots and quotients are taken element by element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import default_int, float64
from maplet.ops import elementwise
from maplet.ops.arguments import convert
from maplet.ops.creation import full, ones, zeros
from maplet.ops.elementwise import maximum, sqrt, square
from maplet.ops.settings import flag, real
from maplet.optim.transformation import Transformation, recall, zeros_beside

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


def scale_by_adagrad(*, initial_accumulator: float = 0.0, epsilon: float = 1e-10) -> Transformation:
    """Divided by the root of all squares so far: s ← s + g², u = g / (√s + ε).

    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adagrad()
    >>> rule.update({"w": mp.asarray([2.0, -8.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 1., -1.], dtype=float32)}
    """
    start = real("initial_accumulator", initial_accumulator, least=0)
    epsilon = real("epsilon", epsilon, above=0)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        return {"sum_of_squares": {name: full(p.shape, start, dtype=p.dtype) for name, p in parameters.items()}}

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        total = {name: state["sum_of_squares"][name] + square(g) for name, g in gradients.items()}
        return {name: g / (sqrt(total[name]) + epsilon) for name, g in gradients.items()}, {"sum_of_squares": total}

    return Transformation(init, update)


def scale_by_adadelta(rho: float = 0.9, epsilon: float = 1e-6) -> Transformation:
    """Steps in the unit of the parameters: E ← ρE + (1−ρ)g², u = g·√(D + ε) / √(E + ε), D ← ρD + (1−ρ)u².

    Source: M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adadelta(rho=0.5, epsilon=1.0)
    >>> rule.update({"w": mp.asarray(4.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(1.3333334)}
    """
    rho = real("rho", rho, least=0, below=1)
    epsilon = real("epsilon", epsilon, above=0)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        return {"squared_gradient": zeros_beside(parameters), "squared_update": zeros_beside(parameters)}

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        seen, moved = average(rho, state["squared_gradient"], squares(gradients)), state["squared_update"]
        updates = {
            name: g * (sqrt(moved[name] + epsilon) / sqrt(seen[name] + epsilon)) for name, g in gradients.items()
        }
        return updates, {"squared_gradient": seen, "squared_update": average(rho, moved, squares(updates))}

    return Transformation(init, update)


def scale_by_rms(rho: float = 0.99, epsilon: float = 1e-8, *, centered: bool = False) -> Transformation:
    """Divided by the root of the mean square: E ← ρE + (1−ρ)g², u = g / (√E + ε).

    Centered, by the standard deviation: m ← ρm + (1−ρ)g, u = g / (√(E − m²) + ε). Rounding can make E − m² a little
    less than 0; then 0 stands for it.

    Sources: T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; centered: A. Graves, "Generating sequences
    with recurrent neural networks", 2013.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_rms(rho=0.75)
    >>> rule.update({"w": mp.asarray(4.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(2.)}
    """
    rho = real("rho", rho, least=0, below=1)
    epsilon = real("epsilon", epsilon, above=0)
    centered = flag("centered", centered)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        state = {"squared_gradient": zeros_beside(parameters)}
        return state | {"mean_gradient": zeros_beside(parameters)} if centered else state

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        new = {"squared_gradient": average(rho, state["squared_gradient"], squares(gradients))}
        spread = new["squared_gradient"]
        if centered:
            new["mean_gradient"] = average(rho, recall(state, "mean_gradient"), gradients)
            spread = {name: maximum(spread[name] - square(mean), 0.0) for name, mean in new["mean_gradient"].items()}
        return {name: g / (sqrt(spread[name]) + epsilon) for name, g in gradients.items()}, new

    return Transformation(init, update)


def scale_by_adam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, amsgrad: bool = False
) -> Transformation:
    """Mean over root mean square, both corrected for their start at zero.

    m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², u = m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ).

    With AMSGrad the largest v so far, n ← max(n, v), stands in the place of v, so that no step size ever grows.

    Sources: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014; S. J. Reddi, S. Kale, S. Kumar,
    "On the convergence of Adam and beyond", 2018.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adam()
    >>> rule.update({"w": mp.asarray([0.1, -5.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 0.99999994, -1.        ], dtype=float32)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)
    amsgrad = flag("amsgrad", amsgrad)

    def init(parameters: Arrays) -> dict[str, Any]:
        state = moments(parameters)
        return state | {"largest_second_moment": zeros_beside(parameters)} if amsgrad else state

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        second = average(beta2, state["second_moment"], squares(gradients))
        new = {"steps": steps, "first_moment": first, "second_moment": second}
        if amsgrad:
            before = recall(state, "largest_second_moment")
            second = {name: maximum(before[name], v) for name, v in second.items()}
            new["largest_second_moment"] = second
        weight1, weight2 = weight_after(beta1, steps), weight_after(beta2, steps)
        updates = {
            name: unbiased(m, weight1) / (sqrt(unbiased(second[name], weight2)) + epsilon) for name, m in first.items()
        }
        return updates, new

    return Transformation(init, update)


def scale_by_adamax(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Transformation:
    """Adam with the largest in the place of the root mean square: n ← max(β₂n, |g| + ε), u = m̂ / n.

    m̂ is as in Adam; ε stands inside the maximum, as in PyTorch, so that n is never 0.

    Source: D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2014, section 7.1.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_adamax()
    >>> rule.update({"w": mp.asarray([0.5, -5.0])}, rule.init({"w": mp.zeros((2,))}), {})[0]
    {'w': Array([ 1., -1.], dtype=float32)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)

    def init(parameters: Arrays) -> dict[str, Any]:
        zero = zeros((), dtype=default_int)
        return {"steps": zero, "first_moment": zeros_beside(parameters), "largest": zeros_beside(parameters)}

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        largest = {
            name: maximum(beta2 * state["largest"][name], elementwise.abs(g) + epsilon) for name, g in gradients.items()
        }
        weight = weight_after(beta1, steps)
        updates = {name: unbiased(m, weight) / largest[name] for name, m in first.items()}
        return updates, {"steps": steps, "first_moment": first, "largest": largest}

    return Transformation(init, update)


def scale_by_nadam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, momentum_decay: float = 0.004
) -> Transformation:
    """Adam that looks ahead as Nesterov does, with a momentum that warms up.

    μₜ = β₁(1 − ½·0.96^(tψ)) and u = [μₜ₊₁·m / (1 − Πᵢ₌₁ᵗ⁺¹ μᵢ) + (1 − μₜ)·g / (1 − Πᵢ₌₁ᵗ μᵢ)] / (√v̂ + ε), with m, v
    and v̂ as in Adam and ψ the momentum decay.

    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_nadam(momentum_decay=0.0)
    >>> rule.update({"w": mp.asarray(2.0)}, rule.init({"w": mp.asarray(0.0)}), {})[0]
    {'w': Array(1.0564263)}
    """
    beta1, beta2, epsilon = checked_betas(beta1, beta2, epsilon)
    psi = real("momentum_decay", momentum_decay, least=0)

    def init(parameters: Arrays) -> dict[str, Any]:
        return moments(parameters) | {"momentum_product": ones((), dtype=float64)}

    def momentum_at(t: Array) -> Array:
        return beta1 * (1 - 0.5 * 0.96 ** (t * psi))

    def update(gradients: Arrays, state: dict[str, Any], _: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        first = average(beta1, state["first_moment"], gradients)
        second = average(beta2, state["second_moment"], squares(gradients))
        t = convert(steps, float64)
        now, ahead = momentum_at(t), momentum_at(t + 1)
        product = state["momentum_product"] * now
        of_gradient, of_moment = (1 - now) / (1 - product), ahead / (1 - product * ahead)
        weight2 = weight_after(beta2, steps)
        updates = {
            name: (in_dtype_of(of_moment, g) * first[name] + in_dtype_of(of_gradient, g) * g)
            / (sqrt(unbiased(second[name], weight2)) + epsilon)
            for name, g in gradients.items()
        }
        return updates, {"steps": steps, "first_moment": first, "second_moment": second, "momentum_product": product}

    return Transformation(init, update)


def checked_betas(beta1: float, beta2: float, epsilon: float) -> tuple[float, float, float]:
    """The settings of Adam and its kin: 0 ≤ β < 1 and ε > 0."""
    betas = real("beta1", beta1, least=0, below=1), real("beta2", beta2, least=0, below=1)
    return *betas, real("epsilon", epsilon, above=0)
