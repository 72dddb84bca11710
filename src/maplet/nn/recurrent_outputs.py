"""What of a recurrent layer's (outputs, final state) the next layer of a `Sequential` gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.errors import ShapeError
from maplet.nn.module import Module
from maplet.ops.movement import permute_dims, reshape

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.nn.recurrent_cells import State


class Outputs(Module):
    """The outputs of a recurrent layer at all times, without its final state: (outputs, state) ↦ outputs.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> nn.Sequential(nn.GRU(3, 4), nn.Outputs(), nn.Linear(4, 2))(mp.ones((5, 7, 3))).shape
    (5, 7, 2)
    """

    def forward(self, given: tuple[Array, State]) -> Array:
        """(N, T, H) and the state ↦ (N, T, H), or 2H where there are two directions."""
        return _pair("Outputs", given)[0]


class FinalOutput(Module):
    """What a recurrent layer has come to at the end of each sequence: (outputs, state) ↦ (N, H).

    It is the state h of the last layer. Of two directions both stand side by side, (N, 2H): that of the one that runs
    forwards at the last step, and that of the other at the first, each of which has then seen all.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> nn.Sequential(nn.LSTM(3, 4, bidirectional=True), nn.FinalOutput(), nn.Linear(8, 2))(mp.ones((5, 7, 3))).shape
    (5, 2)
    """

    def forward(self, given: tuple[Array, State]) -> Array:
        """(N, T, H) and the state ↦ (N, H), or 2H where there are two directions."""
        outputs, state = _pair("FinalOutput", given)
        h = state[0] if isinstance(state, tuple) else state
        count, features = outputs.shape[0], outputs.shape[-1]
        directions = features // h.shape[-1]
        return reshape(permute_dims(h[-directions:], (1, 0, 2)), (count, features))


def _pair(layer: str, given: Any) -> tuple[Array, State]:
    if not isinstance(given, tuple) or len(cast("Any", given)) != 2:
        kind = type(cast("object", given)).__name__
        raise ShapeError(
            f"{layer}() takes what a recurrent layer gives, (outputs, state), given {kind}",
            fix="put it behind RNN, LSTM or GRU",
        )
    return cast("tuple[Array, State]", given)
