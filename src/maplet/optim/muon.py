"""Muon: momentum whose singular values are all made 1, so that a step moves every direction of a matrix alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.control.loops import fori_loop
from maplet.ops.contraction import matmul
from maplet.ops.elementwise import maximum
from maplet.ops.movement import matrix_transpose, reshape
from maplet.optim.adam import scale_by_adam
from maplet.optim.described import register
from maplet.optim.moving_averages import in_dtype_of
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, chain, partition, stateless
from maplet.optim.transformations import decay_weights, global_norm, momentum
from maplet.settings import choice, flag, real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate

coefficients = (3.4445, -4.7750, 2.0315)  # K. Jordan's: steep at 0, so that small singular values rise soon
shortest = 1e-7  # a shorter matrix is divided by this instead of its length: zero stays zero
of_adam = 0.2  # the root mean square of a usual update of Adam


def orthogonalize(iterations: int = 5, size: str = "rms") -> Transformation:
    """The nearest semi-orthogonal matrix, about: G = UΣVᵀ becomes UΣ′Vᵀ with singular values Σ′ between 0.7 and 1.2.

    X = G/‖G‖, then X ← aX + (bA + cA²)X with A = XXᵀ, several times (Newton–Schulz): an odd polynomial of the singular
    values, computed by products of matrices alone. Of more than two axes (a convolution's kernel) the last one is the
    columns, and all others together the rows.

    Sources: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; the size ``"rms"``:
    J. Liu et al., "Muon is scalable for LLM training", 2025.

    Parameters
    ----------
    iterations
        How many, ≥ 1.
    size
        What the result is taken times. ``"rms"``: 0.2·√max(n, m) for n rows and m columns, and its root mean square is
        about 0.2, as that of an update of Adam. ``"spectral"``: √max(1, m/n), for n inputs and m outputs.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = orthogonalize(iterations=20, size="spectral")
    >>> u, _ = rule.update({"w": mp.asarray([[3.0, 0.0], [0.0, -0.1]])}, {}, {})
    >>> bool(mp.all(mp.abs(mp.abs(u["w"]) - mp.eye(2)) < 0.35))
    True
    """
    iterations = whole("iterations", iterations, least=1)
    choice("size", size, ("rms", "spectral"))

    def of(gradient: Array) -> Array:
        rows, columns = -1 if gradient.size else 0, gradient.shape[-1]
        matrix = reshape(gradient, (rows, columns))
        rows = matrix.shape[0]
        factor = of_adam * max(rows, columns) ** 0.5 if size == "rms" else max(1.0, columns / max(rows, 1)) ** 0.5
        return reshape(factor * orthogonal(matrix, iterations), gradient.shape)

    return stateless(lambda gradients, _: {name: of(gradient) for name, gradient in gradients.items()})


def orthogonal(matrix: Array, iterations: int) -> Array:
    """Newton–Schulz on a matrix; XXᵀ has the size of its shorter side."""
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix_transpose(matrix) if tall else matrix
    x = wide * in_dtype_of(1 / maximum(global_norm({"x": wide}), shortest), wide)

    def improve(_: Array, x: Array) -> Array:
        gram = matmul(x, matrix_transpose(x))
        return a * x + matmul(b * gram + c * matmul(gram, gram), x)

    x = fori_loop(0, iterations, improve, x)
    return matrix_transpose(x) if tall else x


def kind_of(_: str, parameter: Array) -> str:
    """Whether a parameter is moved as a matrix."""
    return "matrices" if len(parameter.shape) >= 2 else "others"


@register
class Muon(Standard):
    """Momentum made orthogonal for matrices, Adam for all else: θ ← θ − α·(u + λθ).

    For parameters with two axes or more v ← βv + g, and u is `orthogonalize` of v, or of g + βv with Nesterov's look
    ahead. Biases, and whatever has fewer than two axes, get the u of `scale_by_adam` with its usual settings; with the
    size ``"rms"`` one rate is right for both. An embedding and the last layer are often better moved by Adam too: say
    so with `Groups`, ``optim.Groups({"embedding.*|head.*": optim.AdamW(), "*": optim.Muon()})``.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. PyTorch takes matrices
    only, has the size ``"spectral"`` unless told otherwise, and iterates in bfloat16, maplet in the parameter's dtype.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    momentum, nesterov
        0 ≤ β < 1, and whether to look ahead, which needs β > 0.
    iterations, size
        As for `orthogonalize`.
    weight_decay
        λ ≥ 0; as in `AdamW` it stands apart from the gradient.
    clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> net = {"weight": mp.ones((2, 2)), "bias": mp.ones(2)}
    >>> optim.Muon(0.5, weight_decay=0.0).update(net, {"weight": mp.zeros((2, 2)), "bias": mp.ones(2)})
    >>> net["bias"]
    Array([0.5, 0.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-3, *, momentum: float = 0.95, nesterov: bool = True,
        iterations: int = 5, size: str = "rms",
        weight_decay: float = 0.1, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.momentum = real("momentum", momentum, least=0, below=1)
        self.nesterov = flag("nesterov", nesterov)
        self.iterations, self.size = iterations, size
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def rule(self) -> Transformation:
        """Clip, move each kind in its way, decay."""
        rolling = momentum(self.momentum, nesterov=self.nesterov)
        kinds = {"matrices": chain(rolling, orthogonalize(self.iterations, self.size)), "others": scale_by_adam()}
        return chain(*self.clipping(), partition(kind_of, kinds), decay_weights(self.weight_decay))
