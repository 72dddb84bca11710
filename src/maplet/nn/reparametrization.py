"""Layers whose weight is computed from other numbers: its length and its direction, or itself and its largest gain.

Both hold a layer with a ``weight`` whose last axis are the outputs, such as `Linear` or `Conv2d`, and run it with
another weight in its place. What is trained stays where it was, in ``layer.weight``.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array, Parameter
from maplet.core.context import entered
from maplet.errors import SettingError
from maplet.nn.module import Module
from maplet.ops.arguments import convert, widened
from maplet.ops.contraction import matmul
from maplet.ops.elementwise import maximum
from maplet.ops.identity import stop_gradient
from maplet.ops.movement import reshape
from maplet.ops.norms import vector_norm
from maplet.ops.random import as_generator
from maplet.ops.reduction import sum as total
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.ops.random import Rng


def require_weight(name: str, layer: Any) -> Array:
    """The weight of a layer that has one of two axes or more, and no state besides its parameters."""
    weight = vars(layer).get("weight") if isinstance(layer, Module) else None
    if not isinstance(weight, Array) or weight.ndim < 2:
        raise SettingError(
            f"{name} takes a layer with a weight of two axes or more, not {layer!r}",
            fix=f"wrap a single layer: {name}(nn.Linear(64, 32))",
        )
    module = cast("Module", layer)
    if set(module.state()) != set(module.parameters()):
        raise SettingError(f"{name} takes a layer whose arrays are parameters all, not {layer!r}, which has state")
    return weight


def weight_of(layer: Module) -> Array:
    """The weight of a layer that was found to have one."""
    return vars(layer)["weight"]


def normalized(x: Array) -> Array:
    """The vector of length 1 in the same direction; of a vector of zeros, zeros."""
    return x / maximum(vector_norm(x), 1e-12)


def run_with(layer: Module, weight: Array, args: Any, kwargs: Any) -> Any:
    """What a layer computes with another weight; itself it keeps its own."""
    twin = copy.copy(layer)
    vars(twin)["weight"] = weight  # not by assignment, which would make it a parameter
    with entered(layer):
        return type(layer).forward(twin, *args, **kwargs)  # what the class says, of the twin


class WeightNorm(Module):
    """A layer whose weight has its length apart from its direction: W = g · V / ‖V‖, for each output.

    ‖V‖ is the norm over all axes but the last. V is ``layer.weight``, g is ``length``, which begins with ‖V‖, so that
    the layer computes what it did before.

    Source: T. Salimans, D. Kingma, "Weight normalization: a simple reparameterization to accelerate training of deep
    neural networks", NIPS 2016.

    Parameters
    ----------
    layer
        A layer with a ``weight``: `Linear`, a convolution, `Embedding`.

    Attributes
    ----------
    length
        (outputs,): the norm of the weights of each output.

    Raises
    ------
    SettingError
        If the layer has no weight of two axes or more, or state besides its parameters.

    Examples
    --------
    >>> from maplet import nn
    >>> layer = WeightNorm(nn.Linear(4, 3))
    >>> list(layer.parameters())
    ['layer.weight', 'layer.bias', 'length']
    """

    def __init__(self, layer: Module) -> None:
        weight = require_weight("WeightNorm", layer)
        self.layer = layer
        self.length = Parameter(vector_norm(weight, axis=range(weight.ndim - 1)))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes with the weight g · V / ‖V‖."""
        return run_with(self.layer, self.weight(), args, kwargs)

    def weight(self) -> Array:
        """The weight that the layer is run with."""
        direction = weight_of(self.layer)
        wide = widened(direction)
        scale = widened(self.length) / vector_norm(wide, axis=range(wide.ndim - 1))
        return convert(wide * scale, direction.dtype)


class SpectralNorm(Module):
    """A layer whose weight is divided by its largest singular value, W / σ(W): it lengthens no vector.

    The weight counts as a matrix, of all axes but the last as one, times the outputs. σ is found by power iteration,
    u ← normalized(Wᵀ v), v ← normalized(W u), σ = vᵀ W u, whose vectors are kept from step to step, so that one
    iteration at a time follows a weight that changes slowly. They move in training only, and no gradient flows through
    them: ∂σ/∂W = v uᵀ, which is exact where they are singular vectors.

    Source: T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative adversarial networks",
    ICLR 2018.

    Parameters
    ----------
    layer
        A layer with a ``weight``: `Linear`, a convolution, `Embedding`.
    iterations
        How many iterations each call makes in training.
    rng
        Where the first vectors are drawn from; 15 iterations follow at once.

    Attributes
    ----------
    input_vector, output_vector
        v, of as many elements as the weights of an output, and u, (outputs,): state.

    Raises
    ------
    SettingError
        If the layer has no weight of two axes or more, or state besides its parameters.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> layer = SpectralNorm(nn.Linear(2, 2, weight_init="ones", bias=False))
    >>> round(float(layer(mp.asarray([1.0, 1.0]))[0]), 5)  # the largest singular value is 2
    1.0
    """

    def __init__(self, layer: Module, *, iterations: int = 1, rng: Rng = None) -> None:
        weight = require_weight("SpectralNorm", layer)
        self.layer = layer
        self.iterations = whole("SpectralNorm: iterations", iterations, least=1)
        generator = as_generator(rng)
        outputs = weight.shape[-1]
        self.input_vector = generator.normal((weight.size // outputs,))
        self.output_vector = generator.normal((outputs,))
        self._iterate(weight, 15)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes with the weight W / σ(W)."""
        weight = weight_of(self.layer)
        if self.training:
            self._iterate(weight, self.iterations)
        matrix, v, u = self._wide(weight)
        sigma = total(matmul(v, matrix) * u)
        return run_with(self.layer, convert(widened(weight) / sigma, weight.dtype), args, kwargs)

    def _iterate(self, weight: Array, times: int) -> None:
        dtype = self.input_vector.dtype
        matrix, v, u = self._wide(stop_gradient(weight))
        for _ in range(times):
            u = normalized(matmul(v, matrix))
            v = normalized(matmul(matrix, u))
        self.input_vector, self.output_vector = convert(v, dtype), convert(u, dtype)

    def _wide(self, weight: Array) -> tuple[Array, Array, Array]:
        """The weight as a matrix, v and u, in float32 where they are halves."""
        matrix = reshape(widened(weight), (-1, weight.shape[-1]))
        return matrix, widened(self.input_vector), widened(self.output_vector)
