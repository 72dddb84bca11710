"""`custom_root`: the solution of an equation, differentiated by the implicit function theorem."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.control.custom_gradient import bind_custom_gradient
from maplet.control.loops import while_loop
from maplet.core.array import value_of
from maplet.core.body import separate
from maplet.core.context import located
from maplet.core.primitive import operation
from maplet.core.recording import Recording, graph_of, record
from maplet.core.trace import bind, same
from maplet.core.tree import leaves, misfits, objects, replace
from maplet.core.types import float_limits, is_floating
from maplet.errors import ConvergenceError, GradientError, TraceError
from maplet.ops import reduction
from maplet.ops.arguments import as_array
from maplet.ops.creation import eye
from maplet.ops.elementwise import abs as absolute
from maplet.ops.elementwise import maximum, where
from maplet.ops.movement import matrix_transpose, reshape
from maplet.ops.slicing import concat, slice_along
from maplet.transforms.batch import batch
from maplet.transforms.evaluate import apply, compute
from maplet.transforms.gradient import pullback_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array
    from maplet.core.graph import Graph, Node


@operation
@located
def custom_root(
    f: Callable[..., Any], start: Any, *args: Any, solve: Callable[[Callable[[Any], Any], Any], Any] | None = None
) -> Any:
    """The x for which ``f(x, *args)`` = 0, with the gradient of the solution and not of the way to it.

    Where F(x, θ) = 0 defines x(θ), ∂x/∂θ = −(∂F/∂x)⁻¹ ∂F/∂θ; so a cotangent v of x becomes −wᵀ ∂F/∂θ, with
    (∂F/∂x)ᵀ w = v. However many steps the solver makes, nothing of them is kept. A fixed point x = g(x) is a root of
    g(x) − x. Source: the implicit function theorem; M. Blondel et al., "Efficient and modular implicit
    differentiation", 2022.

    Parameters
    ----------
    f
        (x, *args) → a tree like ``x``. What it reads from outside counts as arguments.
    start
        Where the solver begins: an array, or a tree of floating arrays. The solution does not depend on it, and it has
        no gradient.
    *args
        Arrays, or trees of them: what the solution is differentiated with respect to.
    solve
        ``solve(g, start) → x`` with g(x) = f(x, *args) finds the root, by any means; it needs no gradient. By default
        Newton's method, x ← x − (∂F/∂x)⁻¹ F, until x stays the same up to rounding, for at most 50 steps; where that
        does not come to rest the result is NaN.

    Raises
    ------
    TraceError
        If ``f`` or ``solve`` returns another structure than that of ``start``.
    ConvergenceError
        If what was found is no root: a further step of Newton's method would move it by more than a hundredth. Inside
        a trace without values nobody can tell.

    Notes
    -----
    The pullback makes the n × n matrix ∂F/∂x and solves with it: meant for some hundreds of unknowns.

    Examples
    --------
    >>> import maplet as mp
    >>> mp.value_and_grad(lambda a: mp.custom_root(lambda x, a: x * x - a, 1.0, a))(2.0)
    (Array(1.4142135), Array(0.35355338))
    """
    begin = separate(start)
    _require_one_kind(begin)
    inner: list[Recording] = []

    def solution(begin: Any, *arguments: Any) -> tuple[Any, list[Array]]:
        def residual(x: Any) -> Any:
            return f(x, *arguments)

        x = separate((newton if solve is None else solve)(residual, begin), same)
        _require_like("solve", begin, x)
        # Recorded beside the solver, with the same arguments: F as a graph of x and of what it reads.
        inner.append(_record(residual, x))
        return x, [same(handle) for handle in inner[0].captured]

    recording = record(solution, [begin, *(separate(argument) for argument in args)], with_values=False)
    x, read = (list(leaves(part).values()) for part in recording.result)
    pullback = _implicit(inner[0].graph, len(x))
    # What F reads is an input of the recording: an argument, or captured by it.
    node_of = {id(leaf): node for leaf, node in zip(recording.outputs, recording.graph.outputs, strict=True)}
    places = {node: number for number, node in enumerate(recording.graph.inputs)}
    wrt = [places[node_of[id(leaf)]] for leaf in read if is_floating(leaf.dtype)]
    # Where the solver begins, and what it alone reads, does not move the solution.
    beside = [n for n, node in enumerate(recording.graph.inputs) if is_floating(node.array_type.dtype)]
    gradients: dict[int, Node | None] = {**dict.fromkeys(beside), **dict(zip(wrt, pullback.outputs, strict=True))}
    outputs = bind_custom_gradient(recording, pullback, gradients, values=x, residuals=[*x, *read], name="custom_root")
    of = {id(leaf): output for leaf, output in zip(recording.outputs, outputs, strict=True)}
    _require_root(inner[0].graph, [of[id(leaf)] for leaf in (*x, *read)], len(x))
    return recording.finish(outputs)[0]


near = 1e-2  # of max(1, |x|): what a solution may be off, by the estimate of one step of Newton's method


def _require_root(graph: Graph, arrays: Sequence[Array], count: int) -> None:
    """Refuse what is no solution, where the values are known."""
    values = [value_of(array) for array in arrays]
    if any(value is None for value in values):
        return

    def off(arrays: Sequence[Array]) -> list[Array]:
        value = _as_vector(apply(graph, arrays)[:count])
        return [value, _solve(_jacobian(graph, arrays, count), value)]

    value, step = compute(graph_of(off, [node.array_type for node in graph.inputs]), values)
    size = max([1.0, *(float(np.max(np.abs(x), initial=0.0)) for x in values[:count])])  # type: ignore[arg-type]  (none of them is None)
    distance = float(np.max(np.abs(step), initial=0.0))
    if not distance <= near * size:
        raise ConvergenceError(
            f"custom_root: what the solver found is no root: f is {np.max(np.abs(value)):.3g} there, and a step of "
            f"Newton's method would move it by {distance:.3g}",
            fix="begin nearer to the solution, or give a solver of your own: solve=lambda g, start: …",
        )


def newton(f: Callable[[Any], Any], start: Any) -> Any:
    """Newton's method on a tree of arrays: x ← x − (∂F/∂x)⁻¹ F(x), for at most 50 steps."""
    shapes = [leaf.shape for leaf in leaves(start).values()]
    if not sum(map(prod, shapes)):
        return start

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        vector, _, steps = state
        recording = _record(f, _as_tree(vector, start, shapes))
        value = _as_vector(apply(recording.graph, recording.given())[: len(shapes)])
        matrix = _jacobian(recording.graph, recording.given(), len(shapes))
        moved = vector - _solve(matrix, value)
        change = reduction.max(absolute(moved - vector)) / maximum(1.0, reduction.max(absolute(moved)))
        return moved, change, steps + 1

    vector = _as_vector(list(leaves(start).values()))
    precision = 4.0 * float(float_limits(vector.dtype).eps)
    begin = (vector, as_array(1.0, vector.dtype), as_array(0))
    found, change, _ = while_loop(lambda state: (state[1] > precision) & (state[2] < 50), step, begin)
    return _as_tree(where(change <= near, found, float("nan")), start, shapes)


def _record(f: Callable[[Any], Any], x: Any) -> Recording:
    def of_unknowns(x: Any) -> Any:
        return separate(f(x), same)

    recording = record(of_unknowns, [x], with_values=False)
    _require_like("f", x, recording.result)
    if recording.writes:
        raise TraceError("custom_root: f changes something outside, and it is only an equation")
    return recording


def _implicit(graph: Graph, count: int) -> Graph:
    """The pullback: cotangents of x, then x and what F reads ↦ gradients of the floating ones of what it reads."""
    wrt = [n for n in range(count, len(graph.inputs)) if is_floating(graph.inputs[n].array_type.dtype)]
    types = [node.array_type for node in graph.inputs]

    def pulled(arrays: Sequence[Array]) -> list[Array]:
        seeds, given = arrays[:count], arrays[count:]
        transposed = matrix_transpose(_jacobian(graph, given, count))
        weights = -_solve(transposed, _as_vector(seeds))  # −w, with (∂F/∂x)ᵀ w = v
        pullback = pullback_graph(graph, wrt, range(count))
        return apply(pullback, [*given, *_parts(weights, [seed.shape for seed in seeds])])

    return graph_of(pulled, [*types[:count], *types])


def _jacobian(graph: Graph, given: Sequence[Array], count: int) -> Array:
    """∂F/∂x as a matrix, where x are the first inputs of a graph and F its first outputs: a pullback for each row."""
    shapes = [array.shape for array in given[:count]]
    size = sum(prod(shape) for shape in shapes)
    pullback = pullback_graph(graph, range(count), range(count))
    flags = [False] * len(given) + [True] * count
    rows, _ = batch(pullback, size, flags, rows=False, spread=[True] * count)
    basis = _parts(eye(size, dtype=given[0].dtype), [(size, *shape) for shape in shapes], axis=1)
    blocks = zip(apply(rows, [*given, *basis]), shapes, strict=True)
    return concat([reshape(block, (size, prod(shape))) for block, shape in blocks], axis=1)


def _solve(matrix: Array, vector: Array) -> Array:
    return reshape(bind("solve", matrix, reshape(vector, (-1, 1))), (-1,))


def _as_vector(arrays: Sequence[Array]) -> Array:
    return concat([reshape(array, (-1,)) for array in arrays])


def _parts(x: Array, shapes: Sequence[tuple[int, ...]], axis: int = 0) -> list[Array]:
    """The array cut along its last axis into pieces of these shapes."""
    found: list[Array] = []
    start = 0
    for shape in shapes:
        length = prod(shape[axis:])
        found.append(reshape(slice_along(x, axis, start, start + length), shape))
        start += length
    return found


def _as_tree(vector: Array, like: Any, shapes: Sequence[tuple[int, ...]]) -> Any:
    parts = {id(old): new for old, new in zip(leaves(like).values(), _parts(vector, shapes), strict=True)}
    return replace(like, lambda leaf: parts.get(id(leaf), leaf))


def _require_one_kind(start: Any) -> None:
    kinds = {leaf.dtype for leaf in leaves(start).values()}
    if objects(start) or len(kinds) != 1 or not all(map(is_floating, kinds)):
        given = "an object" if objects(start) else " and ".join(sorted(map(str, kinds))) or "no array"
        raise GradientError(
            f"custom_root: start holds {given}, expected floating arrays of one dtype",
            fix="write 1.0 instead of 1, or convert with .astype(…)",
        )


def _require_like(what: str, start: Any, found: Any) -> None:
    wrong = misfits(leaves(start), leaves(found))
    if wrong:
        raise TraceError(
            f"custom_root: {what} returns another tree than start: {'; '.join(wrong[:3])}",
            fix="F has one equation for every unknown, of the same shape and dtype",
        )
