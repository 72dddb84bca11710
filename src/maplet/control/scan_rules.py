"""Forward mode and vmap through a scan: both widen the body, and both ask first which carries they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.graph import Graph
from maplet.ops.creation import zeros
from maplet.ops.identity import several
from maplet.ops.movement import moveaxis, repeat_rows
from maplet.transforms.batch import as_pairs, batch
from maplet.transforms.forward import pushforward

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maplet.core.array import Array


def settle(carried: list[bool], step: Callable[[list[bool]], Sequence[bool]]) -> list[bool]:
    """Which carries a property reaches in the end: those that begin with it, and what a step spreads it to."""
    while True:
        after = [before or reached for before, reached in zip(carried, step(carried), strict=True)]
        if after == carried:
            return carried
        carried = after


def tangent(
    tangents: list[Array | None], *xs: Array, body: Graph, constants: int, carries: int, length: int, reverse: bool
) -> tuple[list[Array], list[Array | None]]:
    """The pushforward of a scan is one scan that hands on each carry together with its tangent.

    With respect to the weights of a recurrent net this is real-time recurrent learning.
    Source: R. J. Williams, D. Zipser, "A learning algorithm for continually running fully recurrent neural networks",
    Neural Computation 1 (1989), 270-280.
    """
    end = constants + carries
    moving = [t is not None for t in tangents]

    def reached(carried: list[bool]) -> list[bool]:
        flags = [*moving[:constants], *carried, *moving[end:]]
        _, has = pushforward(body, [n for n, moves in enumerate(flags) if moves])
        return has[:carries]

    carried = settle(moving[constants:end], reached)
    flags = [*moving[:constants], *carried, *moving[end:]]
    extended, has = pushforward(
        body, [n for n, moves in enumerate(flags) if moves], [*carried, *[False] * (len(body.outputs) - carries)]
    )
    start = [
        (zeros(x.shape, dtype=x.dtype) if t is None else t) if moves else None
        for x, t, moves in zip(xs, tangents, flags, strict=True)
    ]
    # The inputs of the extended body stand as program, then tangents; each of the three groups takes its own part.
    count = len(body.inputs)
    own = iter(extended.inputs[count:])
    twins = [next(own) if moves else None for moves in flags]
    groups = [slice(0, constants), slice(constants, end), slice(end, None)]
    inputs = [n for g in groups for n in (*extended.inputs[:count][g], *(t for t in twins[g] if t is not None))]
    arrays = [a for g in groups for a in (*xs[g], *(t for t in start[g] if t is not None))]
    after = iter(extended.outputs[len(body.outputs) :])
    changes = [next(after) if one else None for one in has]
    primal = extended.outputs[: len(body.outputs)]
    outputs = [
        *primal[:carries], *(t for t in changes[:carries] if t is not None),
        *primal[carries:], *(t for t in changes[carries:] if t is not None),
    ]  # fmt: skip
    found = iter(several(
        "scan", *arrays, body=Graph(tuple(inputs), tuple(outputs), extended.origins),
        constants=constants + sum(moving[:constants]), carries=carries + sum(carried), length=length, reverse=reverse,
    ))  # fmt: skip
    results: list[Array] = []
    pushed: list[Array | None] = []
    for group in (slice(0, carries), slice(carries, None)):
        results += [next(found) for _ in primal[group]]
        pushed += [next(found) if one else None for one in has[group]]
    return results, pushed


def batch_rule(
    size: int,
    *xs: Array,
    batched: tuple[bool, ...],
    rows: bool,
    body: Graph,
    constants: int,
    carries: int,
    length: int,
    reverse: bool,
) -> Any:
    """A scan over rows of a batch: the new axis stands in front of carries, and behind the steps of sequences."""
    end = constants + carries

    def reached(carried: list[bool]) -> list[bool]:
        _, flags = batch(body, size, [*batched[:constants], *carried, *batched[end:]], rows=rows)
        return flags[:carries]

    carried = settle(list(batched[constants:end]), reached)
    wide, flags = batch(
        body, size, [*batched[:constants], *carried, *batched[end:]], rows=rows,
        spread=[*carried, *[False] * (len(body.outputs) - carries)],
    )  # fmt: skip
    start = [
        repeat_rows(x, size) if wanted and not has else x
        for x, wanted, has in zip(xs[constants:end], carried, batched[constants:end], strict=True)
    ]
    sequences = [moveaxis(x, 0, 1) if has else x for x, has in zip(xs[end:], batched[end:], strict=True)]
    outputs = several(
        "scan", *xs[:constants], *start, *sequences,
        body=wide, constants=constants, carries=carries, length=length, reverse=reverse,
    )  # fmt: skip
    gathered = [moveaxis(y, 0, 1) if has else y for y, has in zip(outputs[carries:], flags[carries:], strict=True)]
    return as_pairs([*outputs[:carries], *gathered], flags)
