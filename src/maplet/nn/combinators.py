"""Layers made of layers and functions: branches that are added or joined, and a function as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from maplet.errors import SettingError, ShapeError
from maplet.nn.construction import name_of, require_layers
from maplet.nn.module import Module
from maplet.ops.arguments import as_array, count_axis
from maplet.ops.slicing import concat, stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike

combinations = ("concat", "sum", "stack")


class Residual(Module):
    """x + layer(x): the layer learns what is to be changed, and the gradient has a way round it.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016.

    Parameters
    ----------
    layer
        A module, or a function of one array, that keeps the shape of its input.

    Raises
    ------
    ShapeError
        If it does not; nothing is broadcast.

    Examples
    --------
    >>> import maplet as mp
    >>> Residual(mp.relu)(mp.asarray([-1.0, 2.0]))
    Array([-1.,  4.], dtype=float32)
    """

    def __init__(self, layer: Callable[[Any], Any]) -> None:
        require_layers("Residual", layer)
        self.layer = layer

    def forward(self, x: ArrayLike) -> Array:
        """(…) ↦ (…), of the same shape."""
        x = as_array(x)
        y = as_array(self.layer(x))
        if y.shape != x.shape:
            raise ShapeError(
                f"Residual adds the input {x.shape} and what {name_of(self.layer)} makes of it, {y.shape}",
                fix="let the layer keep the shape; a shortcut that changes it, too, is "
                'Parallel(layer, shortcut, combine="sum")',
            )
        return x + y


class Parallel(Module):
    """Layers that are all given the same input, and whose outputs are put together.

    Parameters
    ----------
    *layers
        Modules, or functions of one array; at least one.
    combine
        ``"concat"``: joined along an axis; ``"sum"``: added; ``"stack"``: joined along a new axis.
    axis
        The axis of ``"concat"``, or the place of the new one; by default the last, the channels.

    Raises
    ------
    ShapeError
        If the outputs do not fit; nothing is broadcast.

    Examples
    --------
    >>> import maplet as mp
    >>> x = mp.asarray([-1.0, 2.0])
    >>> Parallel(mp.relu, mp.tanh, mp.abs)(x).shape, Parallel(mp.relu, mp.abs, combine="stack", axis=0)(x).shape
    ((6,), (2, 2))
    """

    def __init__(
        self,
        *layers: Callable[[Any], Any],
        combine: Literal["concat", "sum", "stack"] = "concat",
        axis: int = -1,
    ) -> None:
        require_layers("Parallel", *layers)
        if not layers:
            raise SettingError("Parallel: there is no layer", fix="Parallel(first, second)")
        if combine not in combinations:
            raise SettingError(f"Parallel: there is no combine={combine!r}", fix=f"one of {', '.join(combinations)}")
        self.layers = list(layers)
        self.combine, self.axis = combine, axis

    def forward(self, x: Any) -> Array:
        """What the layers make of the input, put together."""
        outputs = [as_array(layer(x)) for layer in self.layers]
        self._require_fitting(outputs)
        if self.combine == "concat":
            return concat(outputs, axis=self.axis)
        if self.combine == "stack":
            return stack(outputs, axis=self.axis)
        total = outputs[0]
        for output in outputs[1:]:
            total = total + output
        return total

    def _require_fitting(self, outputs: list[Array]) -> None:
        joined = count_axis("Parallel", self.axis, outputs[0].ndim) if self.combine == "concat" else None
        shapes = {tuple(length for n, length in enumerate(y.shape) if n != joined) for y in outputs}
        if len(shapes) > 1 or len({y.ndim for y in outputs}) > 1:
            made = ", ".join(f"{name_of(layer)} {y.shape}" for layer, y in zip(self.layers, outputs, strict=True))
            what = "the same shape" if joined is None else f"the same shape but for axis {joined}"
            raise ShapeError(
                f'Parallel(combine="{self.combine}") takes outputs of {what}, and its layers make {made}',
                fix="bring them to one shape by the last layer of each branch",
            )


class Lambda(Module):
    """A function as a layer, under a name of its own in the net.

    A function is code and not data: a net with this layer cannot be described by `describe`, and ``mp.save`` keeps its
    weights alone. Whoever loads them makes the net again: ``mp.load(path, net=…)``. For an activation take its layer,
    such as ``nn.ReLU()``, which is saved.

    Parameters
    ----------
    function
        Of the input of the layer.

    Examples
    --------
    >>> import maplet as mp
    >>> Lambda(lambda x: x[..., ::-1])(mp.asarray([1.0, 2.0]))
    Array([2., 1.], dtype=float32)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        require_layers("Lambda", function)
        self.function = function

    def forward(self, *args: Any) -> Any:
        """What the function makes of the input."""
        return self.function(*args)
