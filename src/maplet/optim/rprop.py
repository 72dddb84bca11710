"""Rprop: every element has a step of its own, which grows while the gradient keeps its sign; for whole batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.ops.composite import clip
from maplet.ops.creation import ones_like
from maplet.ops.elementwise import sign, where
from maplet.optim.described import register
from maplet.optim.standard import Standard
from maplet.optim.transformation import Transformation, zeros_beside
from maplet.settings import real

if TYPE_CHECKING:
    from maplet.optim.standard import Rate
    from maplet.optim.transformation import Arrays


def scale_by_rprop(
    shrink: float = 0.5, grow: float = 1.2, *, smallest: float = 1e-4, largest: float = 5e3
) -> Transformation:
    """The sign of the gradient times a step size Δ that begins at 1: u = Δ·sign(g).

    First Δ is taken times η⁺ where g has the sign that it had before, times η⁻ where it has the other one, and held
    between its bounds. After a change of sign an element rests for a step, and its next gradient is compared with 0.

    Sources: M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm", 1993; the rest after a change of sign: C. Igel, M. Hüsken, "Improving the Rprop learning algorithm",
    2000.

    Examples
    --------
    >>> import maplet as mp
    >>> rule = scale_by_rprop()
    >>> u, state = rule.update({"w": mp.asarray([2.0, -8.0])}, rule.init({"w": mp.zeros((2,))}), {})
    >>> rule.update({"w": mp.asarray([1.0, 3.0])}, state, {})[0]
    {'w': Array([1.2, 0. ], dtype=float32)}
    """
    shrink, grow = real("shrink", shrink, above=0, below=1), real("grow", grow, above=1)
    smallest = real("smallest", smallest, above=0, most=1)
    largest = real("largest", largest, least=1)

    def init(parameters: Arrays) -> dict[str, Arrays]:
        return {
            "previous_sign": zeros_beside(parameters),
            "step_size": {name: ones_like(parameter) for name, parameter in parameters.items()},
        }

    def update(gradients: Arrays, state: dict[str, Arrays], _: Arrays) -> tuple[Arrays, dict[str, Arrays]]:
        signs: Arrays = {}
        sizes: Arrays = {}
        for name, g in gradients.items():
            now = sign(g)
            agreement = now * state["previous_sign"][name]  # 1, −1, or 0 where there is nothing to compare
            before = state["step_size"][name]
            factor = where(agreement > 0, grow * before, where(agreement < 0, shrink * before, before))
            sizes[name] = clip(factor, smallest, largest)
            signs[name] = where(agreement < 0, 0.0, now)
        updates = {name: sizes[name] * now for name, now in signs.items()}
        return updates, {"previous_sign": signs, "step_size": sizes}

    return Transformation(init, update)


@register
class Rprop(Standard):
    """Steps that the size of the gradient has no part in: θ ← θ − α·Δ·sign(g), with Δ from `scale_by_rprop`.

    For gradients of the whole data: the noise of a minibatch turns signs, and the steps shrink to nothing.

    Sources: M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm", 1993; the rest after a change of sign: C. Igel, M. Hüsken, "Improving the Rprop learning algorithm",
    2000.

    Parameters
    ----------
    learning_rate
        α, a number > 0 or a schedule: the first step of every element.
    shrink, grow
        0 < η⁻ < 1 and η⁺ > 1.
    smallest, largest
        The bounds of Δ, in units of α: 0 < smallest ≤ 1 ≤ largest. With α = 0.01 they are those of PyTorch and of the
        article, 10⁻⁶ and 50.
    weight_decay, clip_norm, clip_value
        As for every optimizer.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import optim
    >>> x, optimizer = mp.asarray([1.0, 2.0]), optim.Rprop(0.5)
    >>> for _ in range(2):
    ...     optimizer.update(x, mp.asarray([10.0, -0.1]))
    >>> x
    Array([-0.10000002,  3.1       ], dtype=float32)
    """

    def __init__(
        self, learning_rate: Rate = 1e-2, *, shrink: float = 0.5, grow: float = 1.2,
        smallest: float = 1e-4, largest: float = 5e3,
        weight_decay: float = 0.0, clip_norm: float | None = None, clip_value: float | None = None,
    ) -> None:  # fmt: skip
        self.shrink, self.grow, self.smallest, self.largest = shrink, grow, smallest, largest
        super().__init__(learning_rate, weight_decay, clip_norm, clip_value)

    def scaling(self) -> list[Transformation]:
        """`scale_by_rprop`."""
        return [scale_by_rprop(self.shrink, self.grow, smallest=self.smallest, largest=self.largest)]
