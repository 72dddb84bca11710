"""Recurrent layers: cells run over sequences, in one or both directions, several layers deep.

All of them compute in the same way, with time as the first axis: the product with the input for all times at once,
then a `scan` over time with the product with the state. The gradient of that scan is one scan backwards, after which
the gradient of each weight is one product over all times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from maplet.control.scan import scan
from maplet.core.context import entered
from maplet.errors import SettingError
from maplet.nn.display import call
from maplet.nn.dropout import Dropout
from maplet.nn.module import Module
from maplet.nn.recurrent_cells import Cell, GRUCell, LSTMCell, RNNCell
from maplet.nn.sequences import as_given, as_sequences, inside, with_state
from maplet.ops.elementwise import where
from maplet.ops.movement import permute_dims, reshape
from maplet.ops.random import as_generator
from maplet.ops.slicing import concat, stack
from maplet.settings import flag, real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.nn.recurrent_cells import State
    from maplet.ops.random import Rng


class Recurrent(Module, abstract=True):
    """What the recurrent layers share: `cells`, and how they are run (`forward`)."""

    cell_type: ClassVar[type[Cell]]

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        name = type(self).__name__
        self.in_features = whole(f"{name}: in_features", in_features, least=1)
        self.hidden_features = whole(f"{name}: hidden_features", hidden_features, least=1)
        self.layers = whole(f"{name}: layers", layers, least=1)
        self.bidirectional = flag(f"{name}: bidirectional", bidirectional)
        self.dropout = real(f"{name}: dropout", dropout, least=0, below=1)
        self.bias = flag(f"{name}: bias", bias)
        self.weight_init, self.recurrent_init, self.bias_init = weight_init, recurrent_init, bias_init
        if dropout and self.layers == 1:
            raise SettingError(
                f"{name}: dropout={dropout!r} is applied between layers, and there is one",
                fix="give layers=2 or more, or put Dropout behind the layer",
            )
        generator = as_generator(rng)
        widths = [self.in_features] + [self.directions * self.hidden_features] * (self.layers - 1)
        self.cells = [[self._cell(width, generator) for _ in range(self.directions)] for width in widths]
        self.between = Dropout(dropout, rng=generator) if dropout else None

    def _cell(self, width: int, rng: Rng) -> Cell:
        return self.cell_type(
            width, self.hidden_features, **self._cell_settings(),
            bias=self.bias, weight_init=self.weight_init, recurrent_init=self.recurrent_init, bias_init=self.bias_init,
            rng=rng,
        )  # fmt: skip

    def _cell_settings(self) -> dict[str, Any]:
        """The settings of a cell that only this kind of cell has."""
        return {}

    @property
    def directions(self) -> int:
        """2 where the layer runs backwards too, else 1."""
        return 2 if self.bidirectional else 1

    # ── running ──────────────────────────────────────────────────────────────────────────────────

    def forward(
        self, x: ArrayLike, state: State | None = None, lengths: ArrayLike | None = None
    ) -> tuple[Array, State]:
        """Run over N sequences of T steps.

        Parameters
        ----------
        x
            (N, T, in_features).
        state
            Where to begin, in the form of the final state; 0 where it is left out.
        lengths
            N integers from 0 to T, for a padded batch: only so many steps of each sequence count, and what stands
            behind them is never looked at. The direction that runs backwards begins at a sequence's own end.

        Returns
        -------
        outputs
            (N, T, H) with H = hidden_features: the h of the last layer at each time, 0 behind the end of a sequence. In
            both directions (N, T, 2H), first of the one that runs forwards, then of the other.
        final state
            Where each sequence ends: (layers · directions, N, H), of an LSTM a pair (h, c) of such arrays. The row of
            layer l in direction d (0 forwards, 1 backwards) is l · directions + d, as in PyTorch. A sequence without
            steps, of length 0 or in a batch with T = 0, ends where it began.

        Raises
        ------
        ShapeError
            If the input, the state or the lengths have another shape.
        DTypeError, DataError
            If the lengths are no integers, or are not from 0 to T, as far as their values are known.
        """
        name = f"{type(self).__name__}({self.in_features}, {self.hidden_features})"
        x = as_sequences(name, x, self.in_features)
        count, steps = x.shape[:2]
        names, weight = self.cell_type.state_names, self.cells[0][0].weight
        shape = (self.layers * self.directions, count, self.hidden_features)
        x, before = with_state(name, x, weight, state, names=names, shape=shape)
        valid = None if lengths is None else inside(name, lengths, count, steps)
        rows = permute_dims(x, (1, 0, 2))
        if valid is not None:
            rows = where(valid, rows, 0)  # else a NaN in the padding would reach the gradients, as 0 · NaN
        final: list[tuple[Array, ...]] = []
        for depth, cells in enumerate(self.cells):
            if depth and self.between is not None:
                rows = self.between(rows)
            outputs: list[Array] = []
            for direction, cell in enumerate(cells):
                start = tuple(array[len(final)] for array in before)
                last, output = run(cell, rows, start, valid, reverse=direction == 1)
                final.append(last)
                outputs.append(output)
            rows = outputs[0] if len(outputs) == 1 else concat(outputs, axis=-1)
        return permute_dims(rows, (1, 0, 2)), as_given(tuple(stack(arrays) for arrays in zip(*final, strict=True)))

    def __repr__(self) -> str:
        return call(self)


def run(
    cell: Cell, rows: Array, start: tuple[Array, ...], valid: Array | None, *, reverse: bool
) -> tuple[tuple[Array, ...], Array]:
    """A cell over (T, N, …), in one direction: the final state, and the outputs (T, N, H).

    Where a step is not valid, the state stays what it is. Behind the end of a sequence that keeps the final one, and
    on the way backwards the initial one, up to the end.
    """

    def advance(state: dict[str, Array], row: dict[str, Array]) -> tuple[dict[str, Array], Array]:
        new, counts = cell.step(row["projected"], *state.values()), row.get("valid")
        if counts is not None:
            new = tuple(where(counts, after, before) for after, before in zip(new, state.values(), strict=True))
        return dict(zip(cell.state_names, new, strict=True)), new[0]

    steps, count, features = rows.shape
    with entered(cell):
        projected = cell.project(reshape(rows, (steps * count, features)))  # so that the gradient of W is one product
        projected = reshape(projected, (steps, count, projected.shape[-1]))
        begin = dict(zip(cell.state_names, start, strict=True))  # by their names, so that explanations speak of h and c
        given = {"projected": projected} | ({} if valid is None else {"valid": valid})
        last, outputs = scan(advance, begin, given, reverse=reverse)
    last = tuple(last.values())
    return last, outputs if valid is None else where(valid, outputs, 0)


class RNN(Recurrent):
    """Plain recurrent layers, h[t] = tanh(x[t] W + b + h[t−1] U), or with relu; one step is an `RNNCell`.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of a state.
    activation
        ``"tanh"`` or ``"relu"``.
    layers
        How many stand on top of each other; each reads the outputs of the one before it.
    bidirectional
        Whether each layer also runs over the sequences from the end.
    dropout
        The rate of the `Dropout` between layers, while training.
    bias, weight_init, recurrent_init, bias_init, rng
        As in `RNNCell`.

    Attributes
    ----------
    cells
        ``cells[layer][direction]``, each an `RNNCell` with its weights.

    Notes
    -----
    Input (N, T, in_features); outputs (N, T, H), or (N, T, 2H) in both directions, and the final state
    (layers · directions, N, H). `forward` says more of the state, and of ``lengths`` for padded batches.

    Examples
    --------
    >>> import maplet as mp
    >>> outputs, h = RNN(3, 4)(mp.ones((2, 5, 3)))
    >>> outputs.shape, h.shape
    ((2, 5, 4), (1, 2, 4))
    """

    cell_type = RNNCell

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        activation: Literal["tanh", "relu"] = "tanh",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.activation = activation
        super().__init__(
            in_features, hidden_features, layers=layers, bidirectional=bidirectional, dropout=dropout,
            bias=bias, weight_init=weight_init, recurrent_init=recurrent_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip

    def _cell_settings(self) -> dict[str, Any]:
        return {"activation": self.activation}


class LSTM(Recurrent):
    """Layers of long short-term memory; one step is an `LSTMCell`, where the equations stand.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of h and c.
    layers
        How many stand on top of each other; each reads the outputs of the one before it.
    bidirectional
        Whether each layer also runs over the sequences from the end.
    dropout
        The rate of the `Dropout` between layers, while training.
    forget_bias
        What the bias of the forget gate begins with besides; see `LSTMCell`.
    bias, weight_init, recurrent_init, bias_init, rng
        As in `LSTMCell`.

    Attributes
    ----------
    cells
        ``cells[layer][direction]``, each an `LSTMCell` with its weights.

    Notes
    -----
    Input (N, T, in_features); outputs (N, T, H), or (N, T, 2H) in both directions, and the final state (h, c), each
    (layers · directions, N, H). `forward` says more of the state, and of ``lengths`` for padded batches.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = LSTM(3, 4, bidirectional=True)
    >>> outputs, (h, c) = layer(mp.ones((2, 5, 3)), lengths=mp.asarray([5, 2]))
    >>> outputs.shape, h.shape, c.shape
    ((2, 5, 8), (2, 2, 4), (2, 2, 4))
    >>> bool(mp.all(outputs[1, 2:] == 0))
    True
    """

    cell_type = LSTMCell

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        forget_bias: float = 0.0,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        recurrent_init: str | Initializer | None = None,
        bias_init: str | Initializer = "zeros",
        rng: Rng = None,
    ) -> None:
        self.forget_bias = forget_bias
        super().__init__(
            in_features, hidden_features, layers=layers, bidirectional=bidirectional, dropout=dropout,
            bias=bias, weight_init=weight_init, recurrent_init=recurrent_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip

    def _cell_settings(self) -> dict[str, Any]:
        return {"forget_bias": self.forget_bias}


class GRU(Recurrent):
    """Layers of gated recurrent units; one step is a `GRUCell`, where the equations stand.

    Parameters
    ----------
    in_features, hidden_features
        The length of the last axis of the input, and of a state.
    layers
        How many stand on top of each other; each reads the outputs of the one before it.
    bidirectional
        Whether each layer also runs over the sequences from the end.
    dropout
        The rate of the `Dropout` between layers, while training.
    bias, weight_init, recurrent_init, bias_init, rng
        As in `GRUCell`.

    Attributes
    ----------
    cells
        ``cells[layer][direction]``, each a `GRUCell` with its weights.

    Notes
    -----
    Input (N, T, in_features); outputs (N, T, H), or (N, T, 2H) in both directions, and the final state
    (layers · directions, N, H). `forward` says more of the state, and of ``lengths`` for padded batches.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = GRU(3, 4, layers=2)
    >>> outputs, h = layer(mp.ones((2, 5, 3)))
    >>> outputs.shape, h.shape
    ((2, 5, 4), (2, 2, 4))
    >>> more, h = layer(mp.ones((2, 1, 3)), h)
    """

    cell_type = GRUCell
