"""`custom_gradient`: a function whose derivative its author writes."""

# The records below are tables of short functions, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from maplet.core.array import Array
from maplet.core.body import require_callable, separate
from maplet.core.context import located, transform_origin
from maplet.core.graph import Graph, in_order
from maplet.core.primitive import Primitive, operation, register
from maplet.core.recording import Recording, graph_of, record
from maplet.core.trace import same
from maplet.core.tree import leaves, objects, places, replace
from maplet.core.types import is_floating
from maplet.errors import GradientError, GraphError
from maplet.ops.creation import zeros
from maplet.ops.identity import several
from maplet.ops.reduction import sum as sum_over
from maplet.transforms.batch import as_pairs, batch
from maplet.transforms.evaluate import apply, compute
from maplet.transforms.gradient import pullback_graph
from maplet.transforms.selection import as_derivative, bound, trainable_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.graph import Node
    from maplet.core.types import ArrayType

# ── the primitive ────────────────────────────────────────────────────────────────────────────────
# forward: inputs → outputs, of which the last are what the pullback reads (residuals).
# pullback: cotangents of the `seeded` outputs, the inputs, all outputs → gradients of the inputs in `wrt`.


def _shape(
    *types: ArrayType, forward: Graph, pullback: Graph, seeded: tuple[int, ...], wrt: tuple[int, ...], name: str
) -> tuple[ArrayType, ...]:
    outputs = tuple(node.array_type for node in forward.outputs)
    expected = (*(outputs[n] for n in seeded), *types, *outputs)
    if types != tuple(node.type for node in forward.inputs) or expected != tuple(n.type for n in pullback.inputs):
        raise GraphError(f"custom_gradient {name}: its graphs take other types than they are given")
    if [types[n] for n in wrt] != [node.type for node in pullback.outputs]:
        raise GraphError(f"custom_gradient {name}: the pullback gives other types than those of the inputs")
    return outputs


def _value(
    *values: Any, forward: Graph, pullback: Graph, seeded: tuple[int, ...], wrt: tuple[int, ...], name: str
) -> tuple[Any, ...]:
    return compute(forward, values)


def _pullback(
    cotangents: list[Array | None],
    out: list[Array],
    *xs: Array,
    needed: tuple[bool, ...],
    forward: Graph,
    pullback: Graph,
    seeded: tuple[int, ...],
    wrt: tuple[int, ...],
    name: str,
) -> list[Array | None]:
    """The author's pullback for the results; what else the forward pass gives (residuals) is differentiated as it is.

    So a second derivative goes through the pullback, and through what the pullback reads.
    """
    found: list[Array | None] = [None] * len(xs)
    if any(cotangents[n] is not None for n in seeded):
        read = set(in_order([forward.outputs[n] for n in seeded]))
        strange = [n for n, want in enumerate(needed) if want and n not in wrt and forward.inputs[n] in read]
        if strange:
            what = forward.origins[forward.inputs[strange[0]]].name if forward.origins else ""
            raise GradientError(
                f"the pullback of {name} gives no gradient for {what or f'input {strange[0]}'}, which the function "
                f"reads from outside ({xs[strange[0]].type})",
                fix="pass it as an argument, so that the pullback returns its gradient; or mp.stop_gradient",
                where=str(transform_origin() or "") or None,
            )
        seeds = [_or_zeros(cotangents[n], forward.outputs[n].array_type) for n in seeded]
        gradients = apply(pullback, [*seeds, *xs, *out])
        for number, gradient in zip(wrt, gradients, strict=True):
            found[number] = gradient
    extra = [n for n in range(len(out)) if n not in seeded and cotangents[n] is not None]
    if extra:
        wanted = [n for n, want in enumerate(needed) if want]
        native = pullback_graph(forward, wanted, extra)
        for number, gradient in zip(wanted, apply(native, [*xs, *(cotangents[n] for n in extra)]), strict=True):  # type: ignore[misc]  (extra are those that are not None)
            mine = found[number]
            found[number] = gradient if mine is None else mine + gradient
    return found


def _or_zeros(x: Array | None, array_type: ArrayType) -> Array:
    return zeros(array_type.shape, dtype=array_type.dtype) if x is None else x


def _batch(
    size: int,
    *xs: Array,
    batched: tuple[bool, ...],
    rows: bool,
    forward: Graph,
    pullback: Graph,
    seeded: tuple[int, ...],
    wrt: tuple[int, ...],
    name: str,
) -> Any:
    """Both graphs row by row; an input that all rows share gets the sum of their gradients.

    Every result has rows, also where they are alike: so each row has a cotangent of its own.
    """
    wide, flags = batch(forward, size, batched, rows=rows, spread=[n in seeded for n in range(len(forward.outputs))])
    given = [*(flags[n] for n in seeded), *batched, *flags]
    back, _ = batch(pullback, size, given, rows=rows, spread=[True] * len(wrt))

    def summed(arrays: Sequence[Array]) -> list[Array]:
        return [
            gradient if batched[n] else sum_over(gradient, axis=0)
            for gradient, n in zip(apply(back, arrays), wrt, strict=True)
        ]

    total = graph_of(summed, [node.array_type for node in back.inputs])
    outputs = several("custom_gradient", *xs, forward=wide, pullback=total, seeded=seeded, wrt=wrt, name=name)
    return as_pairs(outputs, flags)


register(Primitive(
    "custom_gradient", shape=_shape, reference=_value, gradient=_pullback, batch=_batch, notation="f({0})",
    convention="the derivative is what the author of the pullback says",
))  # fmt: skip

# ── for users ────────────────────────────────────────────────────────────────────────────────────


@operation
def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function a pullback of one's own: for better numbers, less memory, or another derivative on purpose.

    Parameters
    ----------
    f
        Returns ``(value, pullback)``. The value is an array or a tree of arrays. ``pullback(cotangent)``, for a
        cotangent like the value, returns the gradient with respect to every argument, one or a tuple of them: an array
        for an array, a tree for a tree, a dict of parameter names for a module, None for zero. It may read whatever
        ``f`` computed, and may not change anything outside. Arguments passed by name have no gradient.

    Returns
    -------
    A function that returns the value alone. Its gradient is the pullback; forward mode is derived from it.

    Raises
    ------
    GradientError
        If the pullback gives another structure or type than the arguments have, changes something, or the gradient is
        asked for of something that ``f`` reads from outside: pass that as an argument.

    See Also
    --------
    maplet.check_gradient : compares it with differences: ``mp.check_gradient(f, x)``.

    Examples
    --------
    >>> import maplet as mp
    >>> @mp.custom_gradient
    ... def log1pexp(x):
    ...     e = mp.exp(x)
    ...     return mp.log1p(e), lambda g: g * (1 - 1 / (1 + e))
    >>> mp.grad(log1pexp)(0.0)
    Array(0.5)
    """
    located(require_callable)("custom_gradient", f)

    @wraps(f)
    @located
    def with_pullback(*args: Any, **kwargs: Any) -> Any:
        name, called = getattr(f, "__name__", "f"), bound(f, kwargs)
        inner: list[Recording] = []

        def forward(*arguments: Any) -> tuple[Any, list[Array]]:
            value, pullback = _value_and_pullback(called(*arguments), name)
            value = separate(value, same)
            inner.append(_record_pullback(pullback, value, name))
            return value, [same(handle) for handle in inner[0].captured]

        forward.__wrapped__ = f  # type: ignore[attr-defined]  (so that the inputs get the names of f's parameters)
        recording = record(forward, args, with_values=False)
        pairs = [(n, id(leaf)) for n, own in enumerate(recording.argument_leaves) for leaf in own]
        number_of = {pair: number for number, pair in enumerate(pairs)}
        by_leaf = {leaf: number for number, (_, leaf) in enumerate(pairs)}  # of an object that is in two arguments
        gradients = _gradients(inner[0], recording.arguments, name)
        outputs = bind_custom_gradient(
            recording,
            inner[0].graph,
            {number_of.get(pair, by_leaf[pair[1]]): node for pair, node in gradients.items()},
            values=list(leaves(recording.result[0]).values()),
            residuals=recording.result[1],
            name=name,
        )
        return recording.finish(outputs)[0]

    return with_pullback


def _value_and_pullback(returned: Any, name: str) -> tuple[Any, Callable[..., Any]]:
    pair = cast("tuple[Any, ...]", returned) if isinstance(returned, tuple) else ()
    if len(pair) != 2 or not callable(pair[1]):
        raise GradientError(
            f"{name} returned {type(cast('object', returned)).__name__}, expected a pair (value, pullback)",
            fix="return y, lambda g: g * dy_dx",
        )
    return pair[0], pair[1]


def _record_pullback(pullback: Callable[..., Any], value: Any, name: str) -> Recording:
    """Trace the pullback inside the trace of the function: what it reads of that it captures."""
    cotangent = replace(value, lambda leaf: leaf if isinstance(leaf, Array) and is_floating(leaf.dtype) else None)
    if objects(value) or not leaves(cotangent):
        raise GradientError(
            f"{name}: its value holds {'an object' if objects(value) else 'no floating array'}", fix="return arrays"
        )

    def pulled(g: Any) -> Any:
        return separate(pullback(g), same)

    recording = record(pulled, [cotangent], with_values=False)
    if recording.writes:
        raise GradientError(
            f"the pullback of {name} changes something outside", fix="only the forward pass may: move it there"
        )
    return recording


def _gradients(inner: Recording, arguments: Sequence[Any], name: str) -> dict[tuple[int, int], Node | None]:
    """The node of the gradient of each of the caller's arrays, by argument and identity; None for zero."""
    nodes = {id(leaf): node for leaf, node in zip(inner.outputs, inner.graph.outputs, strict=True)}
    several = isinstance(inner.result, tuple)
    given: tuple[Any, ...] = inner.result if several else (inner.result,)
    if len(arguments) == 1 and len(given) != 1 and isinstance(arguments[0], list | tuple):
        given = (inner.result,)  # the gradient of one tuple
    if len(given) != len(arguments):
        raise GradientError(
            f"the pullback of {name} returns {len(given)} gradient{'s' * (len(given) != 1)}, and {name} was called "
            f"with {len(arguments)} argument{'s' * (len(arguments) != 1)} by position",
            fix="one for each of these, in order; None for zero; none for what is passed by name or left out",
        )
    found: dict[tuple[int, int], Node | None] = {}
    for number, (argument, gradient) in enumerate(zip(arguments, given, strict=True)):
        wanted = leaves(as_derivative(argument, {id(leaf): leaf for leaf in trainable_leaves(argument)}))
        for path, mine in leaves(gradient).items():
            where = f"the pullback of {name}: {'.'.join(['the gradient of argument ' + str(number), path]).strip('.')}"
            if path not in wanted:
                raise GradientError(
                    f"{where} has no array that it is of; expected {', '.join(wanted) or 'nothing'}",
                    fix="return a gradient like the argument; a dict of parameter names for a module",
                )
            if mine.type != wanted[path].type:
                raise GradientError(f"{where} is {mine.type}, and the argument is {wanted[path].type}", fix=(
                    "a gradient has the type of what it is of: sum over the axes that were repeated, or convert"
                ))  # fmt: skip
            found[number, id(wanted[path])] = nodes[id(mine)]
        zero = [path for path, value in places(gradient) if value is None]
        for path, leaf in wanted.items():
            if not any(part == "" or f"{path}.".startswith(f"{part}.") for part in [*zero, *leaves(gradient)]):
                raise GradientError(
                    f"the pullback of {name}: the gradient of argument {number} lacks {path} ({leaf.type})",
                    fix="return a gradient like the argument; None for what has none",
                )
            found.setdefault((number, id(leaf)), None)
    return found


def bind_custom_gradient(
    forward: Recording,
    pullback: Graph,
    gradients: dict[int, Node | None],
    *,
    values: Sequence[Array],
    residuals: Sequence[Array],
    name: str,
) -> list[Array]:
    """Apply a recorded function as one operation with a pullback of its own.

    ``pullback`` takes the cotangents of the floating ``values`` and then the ``residuals``, both among the forward
    outputs; ``gradients`` maps numbers of the forward inputs to those of its nodes that are their gradients, or None
    where they are zero.
    """
    graph = Graph(forward.graph.inputs, forward.graph.outputs, forward.graph.origins)
    numbers = {id(leaf): n for n, leaf in enumerate(forward.outputs)}
    seeded = tuple(numbers[id(leaf)] for leaf in values if is_floating(leaf.dtype))
    # A residual that is an input or a value is read as such, so that its own derivative is the right one.
    known = {node: n for n, node in enumerate(graph.outputs)}
    known |= {graph.outputs[numbers[id(leaf)]]: numbers[id(leaf)] for leaf in values}
    read = [graph.outputs[numbers[id(leaf)]] for leaf in residuals]
    origins = {node: origin.pulled_back(name) for node, origin in pullback.origins.items()}
    apart = Graph(pullback.inputs, tuple([node for node in gradients.values() if node]), origins)

    def pulled(arrays: Sequence[Array]) -> list[Array]:
        parts = iter(arrays)
        seeds = [next(parts) for _ in seeded]
        xs = [next(parts) for _ in graph.inputs]
        outs = list(parts)
        entries = dict(zip(graph.inputs, xs, strict=True))
        operands = [entries[node] if node in entries else outs[known[node]] for node in read]
        found = iter(apply(apart, [*seeds, *operands]))
        return [
            next(found) if node else zeros(xs[number].shape, dtype=xs[number].dtype)
            for number, node in gradients.items()
        ]

    taken = [*(graph.outputs[n] for n in seeded), *graph.inputs, *graph.outputs]
    names = [f"cotangent{n}" for n in seeded]
    names += [graph.origins[node].name if node in graph.origins else "" for node in graph.inputs]
    names += [""] * len(graph.outputs)
    closed = graph_of(pulled, [node.array_type for node in taken], names)
    return several(
        "custom_gradient", *forward.given(),
        forward=graph, pullback=closed, seeded=seeded, wrt=tuple(gradients), name=name,
    )  # fmt: skip
