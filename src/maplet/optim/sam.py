"""SAM: the gradient where the loss is worst nearby, so that training ends in flat valleys."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from maplet.core.array import assign
from maplet.ops.arguments import convert
from maplet.ops.elementwise import where
from maplet.optim.resuming import fresh
from maplet.optim.settings import real
from maplet.optim.targets import gradients_for, parameters_of
from maplet.optim.transformations import global_norm
from maplet.transforms.derivatives import grad, value_and_grad
from maplet.transforms.selection import require_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array


def sam(loss: Callable[..., Array], rho: float = 0.05) -> Callable[..., tuple[Array, Any]]:
    """The loss, and its gradient at the worst point within ρ: ∇J(θ + ρ·g/‖g‖) with g = ∇J(θ).

    What ``mp.value_and_grad`` is for other training: hand the gradient to any optimizer. It costs two gradients. The
    norm runs over all trainable parameters; where it is 0 the gradient is that of the point itself.

    The second gradient is taken with a copy of the network as it was at the call. So dropout draws the same numbers in
    both, and what the forward pass writes, such as running statistics, is that of the first.

    Source: P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-aware minimization for efficiently improving
    generalization", 2021.

    Parameters
    ----------
    loss
        A function that is differentiated in its first argument, the network (or a tree of arrays).
    rho
        ρ > 0.

    Returns
    -------
    A function with the arguments of ``loss``, which gives (loss at θ, gradient at the worst point).

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> optim.sam(lambda x: mp.sum(x**2), rho=0.5)(mp.asarray([3.0, 4.0]))
    (Array(25.), Array([6.6, 8.8], dtype=float32))
    """
    require_function(loss, example="optim.sam(loss)(net, x, y), not optim.sam(loss(net, x, y))")
    rho = real("rho", rho, above=0)

    @wraps(loss)
    def at_the_worst_point(target: Any, *args: Any, **kwargs: Any) -> tuple[Array, Any]:
        worst = fresh(target)
        value, gradients = value_and_grad(loss)(target, *args, **kwargs)
        parameters = parameters_of(target)
        matched = gradients_for(parameters, target, gradients)
        norm = global_norm(matched)
        factor = where(norm > 0, rho / where(norm > 0, norm, 1.0), 0.0)
        for name, theta in parameters_of(worst).items():
            assign(theta, parameters[name] + convert(factor, theta.dtype) * matched[name])
        return value, grad(loss)(worst, *args, **kwargs)

    return at_the_worst_point
