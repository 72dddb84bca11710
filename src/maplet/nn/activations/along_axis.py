"""Activations that look at a whole axis, as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maplet.nn.module import Module
from maplet.ops import activations as functions
from maplet.ops import composite
from maplet.settings import choice

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike


class Softmax(Module):
    """e^x / Σ e^x along an axis: positive numbers that add up to 1.

    No net that is trained with `cross_entropy` ends in this layer: that loss takes logits and contains the softmax.

    Parameters
    ----------
    axis
        The axis whose elements add up to 1; by default the last, the classes.

    Examples
    --------
    >>> import maplet as mp
    >>> Softmax()(mp.asarray([[1.0, 1.0]]))
    Array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Array:
        """softmax(x)."""
        return composite.softmax(x, axis=self.axis)


class LogSoftmax(Module):
    """x − ln Σ e^x along an axis, the logarithm of softmax: as `kl_divergence` and `ctc` take probabilities.

    Parameters
    ----------
    axis
        As in `Softmax`.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Array:
        """The logarithm of softmax(x)."""
        return composite.log_softmax(x, axis=self.axis)


class Softmin(Module):
    """e^−x / Σ e^−x along an axis: positive numbers that add up to 1, the greatest where x is least.

    Parameters
    ----------
    axis
        As in `Softmax`.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Array:
        """softmax(−x)."""
        return composite.softmin(x, axis=self.axis)


class GLU(Module):
    """A gated linear unit, a·σ(b): half of the features, each held back by a gate from the other half.

    The layer before it gives twice the features that are wanted. With ``gate="silu"`` it is SwiGLU, with ``"gelu"``
    GEGLU, with ``"relu"`` ReGLU.

    Sources: Y. N. Dauphin, A. Fan, M. Auli, D. Grangier, "Language modeling with gated convolutional networks", ICML
    2017; N. Shazeer, "GLU variants improve transformer", 2020.

    Parameters
    ----------
    axis
        The axis that is halved: a is its first half, b its second.
    gate
        ``"sigmoid"``, ``"relu"``, ``"gelu"`` or ``"silu"``.

    Raises
    ------
    ShapeError
        If the length of the axis is odd.

    Examples
    --------
    >>> import maplet as mp
    >>> GLU()(mp.zeros((5, 8))).shape
    (5, 4)
    """

    def __init__(self, axis: int = -1, *, gate: str = "sigmoid") -> None:
        self.axis, self.gate = axis, choice("GLU: gate", gate, tuple(functions.gates))

    def forward(self, x: ArrayLike) -> Array:
        """(…, 2·features, …) ↦ (…, features, …)."""
        return functions.glu(x, axis=self.axis, gate=self.gate)
