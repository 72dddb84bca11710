"""Transformations that treat every element alike: scaling, momentum, weight decay, clipping.

In the formulas g is the gradient, θ the parameters, u the update; θ ← θ − α·u with the learning rate α.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.core.types import float64
from maplet.errors import SettingError
from maplet.ops import reduction
from maplet.ops.arguments import convert
from maplet.ops.composite import clip
from maplet.ops.elementwise import maximum, sqrt, square
from maplet.optim.transformation import Transformation, identity, recall, stateless, zeros_beside
from maplet.settings import flag, real

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.transformation import Arrays


def scale(factor: float) -> Transformation:
    """The update times a number: u = c·g.

    Examples
    --------
    >>> import maplet as mp
    >>> scale(-2.0).update({"w": mp.asarray(3.0)}, {}, {})[0]
    {'w': Array(-6.)}
    """
    c = real("factor", factor)
    return stateless(lambda gradients, _: {name: c * gradient for name, gradient in gradients.items()}, rests=True)


def momentum(beta: float, *, nesterov: bool = False) -> Transformation:
    """A ball that rolls on: v ← β·v + g, u = v; with Nesterov's look ahead, u = g + β·v.

    The learning rate is no part of v (as in PyTorch), so a change of it acts at once.

    Sources: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964; Y. Nesterov, "A
    method for solving the convex programming problem with convergence rate O(1/k²)", 1983, in the form of I. Sutskever,
    J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep learning", 2013.

    Parameters
    ----------
    beta
        β, 0 ≤ β < 1: the part of the velocity that is kept.
    nesterov
        Whether to look ahead; this needs β > 0.

    Examples
    --------
    >>> import maplet as mp
    >>> roll = momentum(0.5)
    >>> u, state = roll.update({"w": mp.asarray(1.0)}, roll.init({"w": mp.asarray(0.0)}), {})
    >>> roll.update({"w": mp.asarray(1.0)}, state, {})[0]
    {'w': Array(1.5)}
    """
    beta = real("momentum", beta, least=0, below=1)
    if flag("nesterov", nesterov) and not beta:
        raise SettingError("nesterov=True with momentum=0", fix="give a momentum, such as momentum=0.9")

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        before = recall(state, "velocity")
        velocity = {name: beta * before[name] + g for name, g in gradients.items()}
        ahead = {name: g + beta * velocity[name] for name, g in gradients.items()} if nesterov else velocity
        return ahead, {"velocity": velocity}

    return Transformation(lambda parameters: {"velocity": zeros_beside(parameters)}, update)


def decay_weights(rate: float) -> Transformation:
    """Weights that shrink: u = g + λθ.

    Early in a chain it is the gradient of the penalty λ/2·‖θ‖² (L2 regularisation); at the end of one, behind
    `scale_by_adam`, it is the decoupled weight decay of AdamW.

    Sources: A. Krogh, J. A. Hertz, "A simple weight decay can improve generalization", 1991; I. Loshchilov, F. Hutter,
    "Decoupled weight decay regularization", 2017.

    Examples
    --------
    >>> import maplet as mp
    >>> decay_weights(0.5).update({"w": mp.asarray(1.0)}, {}, {"w": mp.asarray(4.0)})[0]
    {'w': Array(3.)}
    """
    decay = real("weight_decay", rate, least=0)
    if not decay:
        return identity
    return stateless(
        lambda gradients, parameters: {name: g + decay * parameters[name] for name, g in gradients.items()}
    )


def clip_by_value(limit: float) -> Transformation:
    """Every element held between −c and c: u = max(−c, min(g, c)). NaN stays NaN.

    Source: T. Mikolov, "Statistical language models based on neural networks", 2012.

    Examples
    --------
    >>> import maplet as mp
    >>> clip_by_value(1.0).update({"w": mp.asarray([-3.0, 0.5])}, {}, {})[0]
    {'w': Array([-1. ,  0.5], dtype=float32)}
    """
    c = real("clip_value", limit, above=0)
    return stateless(
        lambda gradients, _: {name: clip(gradient, -c, c) for name, gradient in gradients.items()}, rests=True
    )


def clip_by_norm(limit: float) -> Transformation:
    """The whole gradient shortened to length c where it is longer: u = g·min(1, c/‖g‖).

    ‖g‖ = √Σg² runs over all parameters together, so the direction stays. It is computed in float64, where the square
    of no float32 number overflows. Clipping hides no NaN or infinity: the update then has NaN in it.

    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", 2013.

    Examples
    --------
    >>> import maplet as mp
    >>> clip_by_norm(1.0).update({"a": mp.asarray([3.0]), "b": mp.asarray([4.0])}, {}, {})[0]
    {'a': Array([0.6], dtype=float32), 'b': Array([0.8], dtype=float32)}
    """
    c = real("clip_norm", limit, above=0)

    def change(gradients: Arrays, _: Arrays) -> Arrays:
        factor = c / maximum(global_norm(gradients), c)  # c/c is exactly 1, and NaN passes through the maximum
        return {name: gradient * convert(factor, gradient.dtype) for name, gradient in gradients.items()}

    return stateless(change)


def global_norm(gradients: Arrays) -> Array:
    """√Σg² over every element of every array, in float64.

    Examples
    --------
    >>> import maplet as mp
    >>> global_norm({"a": mp.asarray([3.0]), "b": mp.asarray(4.0)})
    Array(5., dtype=float64)
    """
    first, *rest = [reduction.sum(square(convert(gradient, float64))) for gradient in gradients.values()]
    for square_sum in rest:
        first = first + square_sum
    return sqrt(first)
