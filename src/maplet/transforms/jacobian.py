"""All derivatives of several numbers: `jacobian`, row by row or column by column, and `hessian`."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

from maplet.core.context import here
from maplet.core.recording import Recording, record
from maplet.core.tree import leaves
from maplet.core.types import is_floating
from maplet.errors import SettingError
from maplet.messages import shown
from maplet.ops.creation import eye
from maplet.ops.movement import permute_dims, reshape
from maplet.transforms.derivatives import grad
from maplet.transforms.evaluate import apply
from maplet.transforms.forward import pushforward
from maplet.transforms.gradient import gradient
from maplet.transforms.linear_map import linear_map
from maplet.transforms.lost_path import refuse_lost_path
from maplet.transforms.selection import (
    as_derivative,
    asked_wrongly,
    bound,
    chosen_arguments,
    differentiable,
    input_numbers,
    name_of,
    require_function,
    require_in_graph,
    without_aux,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array

    Mode = Literal["auto", "forward", "reverse"]
    Blocks = dict[tuple[int, int], Array]  # (number of the output, number of the input) → ∂output/∂input


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, *, mode: Mode = "auto", has_aux: bool = False
) -> Callable[..., Any]:
    """All derivatives of a function: J[i…, j…] = ∂f(x)[i…] / ∂x[j…].

    Parameters
    ----------
    f
        A function of arrays, trees or modules, with any tree of arrays as value.
    argnums
        Which positional arguments to differentiate with respect to.
    mode
        ``"reverse"`` pulls back every number of the value, ``"forward"`` pushes forward every number of the argument,
        all at once; ``"auto"`` takes the one with fewer of them.
    has_aux
        Whether ``f`` returns (value, extra).

    Returns
    -------
    A function with the same arguments. From an array to an array it gives an array of shape value.shape +
    argument.shape. Else it gives a tree like the value (None where that is not floating) whose leaves are trees like
    the argument, in the form that `grad` gives: for a module a dict from parameter names to arrays. With several
    argnums those are tuples. With ``has_aux`` the result is (jacobian, extra).

    What ``f`` writes to modules is written once, after success.

    Raises
    ------
    GradientError
        If an argument holds nothing that can be differentiated, or the value no real numbers.
    SettingError
        If the mode is none of the three.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.jacobian(lambda x: x**2)(mp.asarray([1.0, 2.0, 3.0]))
    Array([[2., 0., 0.],
           [0., 4., 0.],
           [0., 0., 6.]], dtype=float32)
    """
    require_function(f, argnums, example="mp.jacobian(f)(x), not mp.jacobian(f(x))")
    if str(mode) not in ("auto", "forward", "reverse"):
        raise SettingError(
            f"jacobian: mode={shown(mode)}", fix='one of "auto", "forward", "reverse"', where=str(here()) or None
        )

    @wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        chosen = chosen_arguments(argnums, len(args))
        recording = record(bound(f, kwargs), args, with_values=True)
        sources = [differentiable(recording.arguments[n], n, f, "Jacobian") for n in chosen]
        require_in_graph(without_aux(recording.returned, f, has_aux=has_aux), f)
        value = without_aux(recording.result, f, has_aux=has_aux)
        rows = _real_outputs(recording, value, f)
        numbers = [input_numbers(recording, n, own) for n, own in zip(chosen, sources, strict=True)]
        columns = [number for own in numbers for number in own]
        refuse_lost_path(recording.graph, columns, list(rows.values()), f"the Jacobian of {name_of(f)}")
        blocks = _blocks(recording, list(rows.values()), columns, mode)
        found: dict[int, Any] = {}
        for leaf, row in rows.items():
            trees = [
                as_derivative(recording.arguments[n], {id(x): blocks[row, m] for x, m in zip(own, places, strict=True)})
                for n, own, places in zip(chosen, sources, numbers, strict=True)
            ]
            found[leaf] = trees[0] if isinstance(argnums, int) else tuple(trees)
        matrix = as_derivative(value, found)
        # Last, as the writes may put other parameters into the arguments.
        finished = recording.finish(apply(recording.graph, recording.given(), recording.values))
        return (matrix, finished[1]) if has_aux else matrix

    return jacobian_of


def hessian(f: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """All second derivatives of a function of one number: H[i…, j…] = ∂²f / ∂x[i…] ∂x[j…].

    It is the Jacobian of the gradient: an array of shape x.shape + x.shape for an array; for a tree or a module the
    tree (dict) that `grad` gives, of trees like that. With several argnums a tuple of tuples.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.hessian(lambda x: x[0] ** 2 * x[1])(mp.asarray([1.0, 2.0]))
    Array([[4., 2.],
           [2., 0.]], dtype=float32)
    """
    return jacobian(grad(f, argnums), argnums)


def _real_outputs(recording: Recording, value: Any, f: Callable[..., Any]) -> dict[int, int]:
    """The floating leaves of the value, by identity, and their numbers among the outputs of the graph."""
    numbers = {id(array): n for n, array in enumerate(recording.outputs[: recording.result_count])}
    real = [id(leaf) for leaf in leaves(value).values() if is_floating(leaf.dtype) and id(leaf) in numbers]
    if not real:
        raise asked_wrongly(
            f"the Jacobian of {name_of(f)}: it returns no floating array",
            "integers and truth values have no derivative: return real numbers that depend on the argument",
        )
    return {leaf: numbers[leaf] for leaf in real}


def _blocks(recording: Recording, rows: Sequence[int], columns: Sequence[int], mode: Mode) -> Blocks:
    graph = recording.graph
    height = sum(graph.outputs[n].array_type.size for n in rows)
    width = sum(graph.inputs[n].array_type.size for n in columns)
    if mode == "reverse" or (mode == "auto" and height < width):
        return _by_rows(recording, rows, columns)
    return _by_columns(recording, rows, columns)


def _by_rows(recording: Recording, rows: Sequence[int], columns: Sequence[int]) -> Blocks:
    """eᵢᵀJ for every number i of every output: the pullback of the unit vectors."""
    blocks: Blocks = {}
    for row in rows:
        backward, _ = gradient(recording.graph, columns, (row,))
        gradients = backward.outputs[len(recording.outputs) :]
        pullback = linear_map(backward, recording.given(), gradients, recording.values)
        result = recording.outputs[row]
        for column, found in zip(columns, pullback.of_many([_unit_vectors(result)]), strict=True):
            blocks[row, column] = reshape(found, (*result.shape, *found.shape[1:]))
    return blocks


def _by_columns(recording: Recording, rows: Sequence[int], columns: Sequence[int]) -> Blocks:
    """J eⱼ for every number j of every input: the pushforward of the unit vectors."""
    count = len(recording.outputs)
    wanted = [n in rows for n in range(count)]
    blocks: Blocks = {}
    for column in columns:
        given = recording.given()
        extended, has = pushforward(recording.graph, (column,), wanted)
        tangents = iter(extended.outputs[count:])
        each = {n: next(tangents) for n in range(count) if has[n]}
        along = linear_map(extended, given, [each[row] for row in rows])
        for row, found in zip(rows, along.of_many([_unit_vectors(given[column])]), strict=True):
            shape = found.shape[1:]
            rows_first = permute_dims(found, (*range(1, found.ndim), 0))
            blocks[row, column] = reshape(rows_first, (*shape, *given[column].shape))
    return blocks


def _unit_vectors(like: Array) -> Array:
    """Every direction: arrays of the given type with a single 1 and otherwise zeros."""
    return reshape(eye(like.size, dtype=like.dtype), (like.size, *like.shape))
