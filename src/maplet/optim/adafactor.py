"""Adafactor: Adam for large matrices, whose second moments are remembered by row and by column only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.types import default_int, float64, float_limits
from maplet.ops.arguments import convert
from maplet.ops.creation import zeros
from maplet.ops.elementwise import maximum, sqrt, square
from maplet.ops.reduction import mean
from maplet.optim.described import register
from maplet.optim.moving_averages import in_dtype_of
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, chain
from maplet.optim.transformations import decay_weights, global_norm
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_adafactor(
    beta2_decay: float = -0.8, epsilon: float | None = None, *, smallest_scale: float = 1e-3, threshold: float = 1.0
) -> Transformation:
    """Divided by a root mean square of which only the rows and columns are known, in the unit of the parameters.

    With w = t^c, the weight of the newest gradient, R ← (1−w)R + w·mean of g² over columns and C ← (1−w)C + w·mean of
    g² over rows; V = R·C / mean(R), the one matrix of rank 1 that has these row and column means. Where there is no
    matrix (fewer than two axes), V ← (1−w)V + w·g². With U = g/√V, the update is u = s·U / max(1, rms(U)/d) with
    s = max(ε₂, rms(θ)), where rms(x) = √mean(x²). Of more than two axes the last two are the matrix.

    Source: N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, without
    momentum, in the form of PyTorch: ε₁ bounds √V from below, and is not added to g².

    Parameters
    ----------
    beta2_decay
        c < 0: how fast the newest gradient loses weight.
    epsilon
        ε₁ > 0, the least √V and the least mean(R); None: the distance from 1 to the next number of the dtype.
    smallest_scale, threshold
        ε₂ > 0, so that a parameter can leave 0; and d > 0, where a step is cut.

    Examples
    --------
    >>> import maplet as mp
    >>> rule, w = scale_by_adafactor(), {"w": mp.asarray([[4.0, 4.0], [4.0, 4.0]])}
    >>> rule.update({"w": mp.asarray([[1.0, 2.0], [2.0, 4.0]])}, rule.init(w), w)[0]
    {'w': Array([[4., 4.],
           [4., 4.]], dtype=float32)}
    """
    decay = real("beta2_decay", beta2_decay, below=0)
    given = None if epsilon is None else real("epsilon", epsilon, above=0)
    smallest = real("smallest_scale", smallest_scale, above=0)
    limit = real("threshold", threshold, above=0)

    def init(parameters: Arrays) -> dict[str, Any]:
        return {
            "steps": zeros((), dtype=default_int),
            "second_moment": {name: [zeros_of(p, axes) for axes in kept_means(p)] for name, p in parameters.items()},
        }

    def scaled(g: Array, moments: list[Array], theta: Array) -> Array:
        least = float(float_limits(g.dtype).eps) if given is None else given
        variance = moments[0]
        if len(moments) == 2:
            rows, columns = moments
            variance = rows * (columns / maximum(mean(rows, axis=-2, keepdims=True), least))
        scaled = g / maximum(sqrt(variance), least)
        size = maximum(smallest, root_mean_square(theta)) / maximum(1.0, root_mean_square(scaled) / limit)
        return scaled * in_dtype_of(size, g)

    def update(gradients: Arrays, state: dict[str, Any], parameters: Arrays) -> tuple[Arrays, dict[str, Any]]:
        steps: Array = state["steps"] + 1
        newest = convert(steps, float64) ** decay
        new: dict[str, list[Array]] = {}
        for name, g in gradients.items():
            weight = in_dtype_of(newest, g)
            found = [mean(square(g), axis=axis, keepdims=True) if axis else square(g) for axis in kept_means(g)]
            before = state["second_moment"][name]
            new[name] = [(1 - weight) * old + weight * now for old, now in zip(before, found, strict=True)]
        updates = {name: scaled(g, new[name], parameters[name]) for name, g in gradients.items()}
        return updates, {"steps": steps, "second_moment": new}

    return Transformation(init, update)


def kept_means(array: Array) -> tuple[int, ...]:
    """The axes over which g² is averaged, for each thing that is remembered; 0 stands for none.

    Examples
    --------
    >>> import maplet as mp
    >>> kept_means(mp.zeros((2, 3))), kept_means(mp.zeros((3,)))
    ((-1, -2), (0,))
    """
    return (-1, -2) if len(array.shape) > 1 else (0,)


def zeros_of(array: Array, axis: int) -> Array:
    """A zero for each mean over an axis (none where it is 0), which stays as an axis of length 1."""
    shape = list(array.shape)
    if axis:
        shape[axis] = 1
    return zeros(tuple(shape), dtype=array.dtype)


def root_mean_square(array: Array) -> Array:
    """√mean(x²), in float64."""
    return global_norm({"x": array}) / max(array.size, 1) ** 0.5


@register
class Adafactor(Standard):
    """Relative steps with little memory: θ ← θ − α·(u + λθ) with u from `scale_by_adafactor`.

    Of a matrix of n·m numbers it remembers n + m. The rate is relative: a step of α changes a parameter by about α of
    its root mean square. The article lowers it to 1/√t in the end: that is the schedule `InverseRoot`.

    Source: N. Shazeer, M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule.
    beta2_decay
        c < 0; the newest g² has the weight t^c at step t.
    epsilon, smallest_scale
        The bound of the divisor, ε₁ > 0 (None: that of the dtype), and that of the root mean square of θ, ε₂ > 0.
    threshold
        d > 0: an update with a root mean square above it is shortened.
    weight_decay
        λ ≥ 0; as in `AdamW` it stands apart from the gradient.
    clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x = mp.asarray([3.0, -3.0])
    >>> optim.Adafactor(0.5).update(x, mp.asarray([7.0, 7.0]))
    >>> x
    Array([ 1.5, -4.5], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-2, *, beta2_decay: float = -0.8, epsilon: float | None = None,
        smallest_scale: float = 1e-3, threshold: float = 1.0,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.beta2_decay, self.epsilon = beta2_decay, epsilon
        self.smallest_scale, self.threshold = smallest_scale, threshold
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def rule(self) -> Transformation:
        """Clip, scale, decay."""
        scaling = scale_by_adafactor(
            self.beta2_decay, self.epsilon, smallest_scale=self.smallest_scale, threshold=self.threshold
        )
        return chain(*self.clipping(), scaling, decay_weights(self.weight_decay))
