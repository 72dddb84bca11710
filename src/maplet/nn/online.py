"""Real-time recurrent learning: the gradient of a recurrent cell step by step, without keeping the past.

Backpropagation through time keeps every state of a sequence and goes back over them at its end. Here the *influence*
of the parameters θ on the state now, J = ∂h/∂θ, is carried forward beside the state. With h' = f(h, x; θ),

    J' = ∂f/∂h · J + ∂f/∂θ        (all of it = through the past + at this step)

and a loss at this step has the gradient ∂loss/∂h' · J', at once. The memory does not grow with the number of steps, and
there need be no last one. The price is the size of J, the numbers of a state times those of the parameters for each
sequence, and a product with ∂f/∂h for each column of it: this is for cells with few parameters.

Source: R. Williams, D. Zipser, "A learning algorithm for continually running fully recurrent neural networks", Neural
Computation 1, 1989.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from maplet.errors import SettingError, ShapeError
from maplet.nn.recurrent_cells import Cell
from maplet.nn.sequences import as_given
from maplet.ops.arguments import as_array
from maplet.ops.contraction import matmul
from maplet.ops.creation import zeros
from maplet.ops.movement import reshape
from maplet.ops.products import tensordot
from maplet.settings import whole
from maplet.transforms.derivatives import value_and_grad
from maplet.transforms.jacobian import jacobian
from maplet.transforms.vmap import vmap

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike
    from maplet.nn.recurrent_cells import State


class OnlineState(NamedTuple):
    """What `online_gradient` hands on from step to step.

    Attributes
    ----------
    state
        The state of the cell for N sequences: (N, H), of an LSTM a pair of them.
    influence
        For each array of the state a dict from the names of the parameters that are trained: ∂state[n, i] / ∂θ[…], of
        shape (N, H, *shape of θ).
    """

    state: State
    influence: tuple[dict[str, Array], ...]


def online_start(cell: Cell, sequences: int) -> OnlineState:
    """Where `online_gradient` begins: a state of zeros for so many sequences, which no parameter has influenced.

    A state of one's own is put in by ``online_start(cell, 2)._replace(state=h)``.

    Examples
    --------
    >>> from maplet import nn
    >>> start = nn.online_start(nn.RNNCell(2, 3), 5)
    >>> start.state.shape, {name: J.shape for name, J in start.influence[0].items()}["weight"]
    ((5, 3), (5, 3, 2, 3))
    """
    _require_cell("online_start", cell)
    shape = (whole("online_start: sequences", sequences, least=1), cell.hidden_features)
    trained = {name: parameter for name, parameter in cell.parameters().items() if parameter.trainable}
    nothing = {name: zeros((*shape, *parameter.shape), dtype=parameter.dtype) for name, parameter in trained.items()}
    state = tuple(zeros(shape, dtype=cell.weight.dtype) for _ in cell.state_names)
    return OnlineState(as_given(state), tuple(dict(nothing) for _ in cell.state_names))


def online_gradient(
    cell: Cell, loss: Callable[[Array, Any], Array], before: OnlineState, x: ArrayLike, target: Any
) -> tuple[OnlineState, Array, dict[str, Array]]:
    """One step of a cell, with the gradient of the loss at this step through all the steps before it.

    Parameters
    ----------
    cell
        An `RNNCell`, `LSTMCell` or `GRUCell`.
    loss
        ``(h, target) → number``, of the output h of the cell, (N, H). A readout may stand in it.
    before
        `online_start`, or what the last step gave.
    x
        The input of this step, (N, in_features).
    target
        What the loss compares the output with.

    Returns
    -------
    What the next step takes; the loss; and its gradients, by the names of the parameters, as an optimizer takes them.

    Their sum over the steps is the gradient of the sum of the losses that backpropagation through time gives, as long
    as the parameters stay. An update after each step (``optimizer.update(cell, gradients)``) makes J one of parameters
    that were slightly other, which is small for small learning rates.

    Raises
    ------
    SettingError
        If it is no cell.
    ShapeError
        If the input is not (N, in_features).

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> cell = nn.RNNCell(1, 2, rng=0)
    >>> now = nn.online_start(cell, 1)
    >>> for x in [0.1, 0.2, 0.3]:
    ...     now, loss, gradients = nn.online_gradient(cell, nn.mse, now, mp.full((1, 1), x), mp.ones((1, 2)))
    >>> {name: gradient.shape for name, gradient in gradients.items()}
    {'weight': (1, 2), 'recurrent_weight': (2, 2), 'bias': (2,)}
    """
    _require_cell("online_gradient", cell)
    x = as_array(x)
    if x.ndim != 2:
        raise ShapeError(
            f"online_gradient takes the input of one step, (N, {cell.in_features}), given {x.shape}",
            fix="one sequence is a batch of one, x[None]; several steps are a loop, or mp.scan",
        )
    derivatives, after = vmap(jacobian(_step, argnums=(0, 1), has_aux=True), in_axes=(0, None, 0))(
        before.state, cell, x
    )
    alone = len(cell.state_names) == 1
    influence = tuple(
        _carried((by_state,) if alone else by_state, before.influence, at_this_step)
        for by_state, at_this_step in ((derivatives,) if alone else derivatives)
    )
    value, credit = value_and_grad(loss)(after if alone else after[0], target)
    gradients = {name: tensordot(credit, J, axes=2) for name, J in influence[0].items()}  # Σₙᵢ ∂loss/∂h[n,i] · J[n,i,…]
    return OnlineState(after, influence), value, gradients


def _step(state: State, cell: Cell, x: Array) -> tuple[State, State]:
    """The next state, to be differentiated and to be kept."""
    after = cell(x, state)
    return after, after


def _carried(
    by_state: tuple[Array, ...], influence: tuple[dict[str, Array], ...], at_this_step: dict[str, Array]
) -> dict[str, Array]:
    """∂f/∂h · J + ∂f/∂θ, for one array of the next state: Σ over the arrays of the one before."""
    total = dict(at_this_step)
    for derivative, J in zip(by_state, influence, strict=True):
        for name, column in J.items():
            flat = reshape(column, (*column.shape[:2], -1))
            total[name] += reshape(matmul(derivative, flat), column.shape)
    return total


def _require_cell(what: str, cell: Any) -> None:
    if not isinstance(cell, Cell):
        raise SettingError(
            f"{what} takes an RNNCell, LSTMCell or GRUCell, given {type(cell).__name__}",
            fix="the cells of a layer are in layer.cells[layer][direction]",
        )
