"""Sharpness-aware minimization: the gradient where the loss is worst nearby, so that training ends in flat valleys."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from maplet.core.array import assign
from maplet.errors import SettingError
from maplet.ops.arguments import convert
from maplet.ops.elementwise import where
from maplet.optim.composite import Composite
from maplet.optim.described import register
from maplet.optim.resuming import fresh
from maplet.optim.targets import gradients_for, parameters_of
from maplet.optim.transformations import global_norm
from maplet.settings import real
from maplet.transforms.derivatives import value_and_grad
from maplet.transforms.selection import require_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array
    from maplet.optim.optimizer import Optimizer
    from maplet.optim.transformation import Arrays


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
    return _at_the_worst_point(value_and_grad(loss), real("rho", rho, above=0))


def _at_the_worst_point(both: Callable[..., Any], rho: float) -> Callable[..., tuple[Array, Any]]:
    """Of what gives value and gradient at a point, that which gives the value there and the gradient at the worst."""

    @wraps(both)
    def at_the_worst_point(target: Any, *args: Any, **kwargs: Any) -> tuple[Array, Any]:
        worst = fresh(target)
        value, gradients = both(target, *args, **kwargs)
        parameters = parameters_of(target)
        matched = gradients_for(parameters, target, gradients)
        norm = global_norm(matched)
        factor = where(norm > 0, rho / where(norm > 0, norm, 1.0), 0.0)
        for name, theta in parameters_of(worst).items():
            assign(theta, parameters[name] + convert(factor, theta.dtype) * matched[name])
        return value, both(worst, *args, **kwargs)[1]

    return at_the_worst_point


@register
class SAM(Composite):
    """Another optimizer that is given the gradients of `sam`, so that ``mp.fit`` trains with them too.

    Source and formula as in `sam`. In a loop of your own, where you take the gradient yourself, take it by `sam`.

    Parameters
    ----------
    optimizer
        What moves the weights: any optimizer.
    rho
        ρ > 0: how far the worst point is looked for.

    Raises
    ------
    SettingError
        At an update whose gradient it has not been asked for.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn, optim
    >>> x = mp.asarray([[0.0], [1.0], [2.0], [3.0]])
    >>> optimizer = optim.SAM(optim.SGD(0.1), rho=0.01)
    >>> run = mp.fit(nn.Linear(1, 1), (x, 2 * x + 1), loss="mse", optimizer=optimizer, epochs=100, progress=False)
    >>> bool(mp.abs(run.predict([[4.0]])[0, 0] - 9) < 0.1)
    True
    """

    def __init__(self, optimizer: Optimizer, rho: float = 0.05) -> None:
        self.optimizer = optimizer
        self.rho = real("rho", rho, above=0)
        super().__init__()

    def inner(self) -> list[Optimizer]:
        """The one that moves the weights."""
        return [self.optimizer]

    def gradients_from(self, both: Callable[..., Any]) -> Callable[..., Any]:
        """The gradient at the worst point."""
        asked.add(self)
        return _at_the_worst_point(super().gradients_from(both), self.rho)

    def begin(self, parameters: Arrays) -> None:
        """The optimizer inside begins anew."""
        super().begin(parameters)
        self.optimizer.begin(parameters)

    def move(self, parameters: Arrays, gradients: Arrays) -> None:
        """A step of the optimizer inside."""
        if self not in asked:
            raise SettingError(
                "SAM: the gradient of this update was taken at the weights as they are, and not by it",
                fix="in a loop of your own: value, gradients = optim.sam(loss)(net, x, y), and update with the "
                "optimizer inside; mp.fit does it by itself",
            )
        self.optimizer.move(parameters, gradients)
        self.steps = self.steps + 1


asked: WeakSet[SAM] = WeakSet()  # those whose way to take the gradient is known to be used; no part of their memory
