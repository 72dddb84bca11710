"""The statistics of a watched step: what of it is kept, as numbers that the step computes, and as a record of them."""

from __future__ import annotations

from math import inf, nan, sqrt
from typing import TYPE_CHECKING, Any

from maplet.core.tree import leaves
from maplet.core.types import default_float
from maplet.ops import reduction
from maplet.ops.arguments import convert
from maplet.ops.creation import arange, ones, zeros
from maplet.ops.elementwise import abs as absolute
from maplet.ops.elementwise import equal, greater, square
from maplet.ops.movement import reshape
from maplet.ops.slicing import concat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maplet.core.array import Array, Value
    from maplet.transforms.watch import Product, Seen, Watched

bounded = {"sigmoid": (0.5, 0.5), "tanh": (0.0, 1.0)}  # middle and half width of what they give
switching = ("where", "maximum")  # what a ReLU is made of
most_numbers, least_rows = 16384, 64  # of a layer that are looked at
at_once = 8
nearly = 0.98  # of the half width: the derivative is below 4 % of its greatest
of_layer = ("rms", "min", "max", "zeros", "dead", "saturated", "gradient_rms")
of_parameter = ("square", "gradient_square", "update_square", "climb")
of_product = ("examples_square", "whole_square", "rows")
of_loop = ("first_square", "last_square")
groups = ("layers", "parameters", "loops")  # of what is seen in a step: a record for each
of_targets, targets_name = ("mean", "mean_square"), "the targets"


def statistics(
    watched: Watched,
    parameters: Mapping[str, Array],
    gradients: Mapping[str, Array],
    updates: Mapping[str, Array],
    targets: Any = None,
) -> tuple[Array, list[tuple[str, str]]]:
    """All numbers in one row, and what they are: (layer or parameter, quantity)."""
    names: list[tuple[str, str]] = []
    numbers: list[Array] = []

    def add(name: str, quantities: Sequence[str], values: Sequence[Array]) -> None:
        names.extend((name, quantity) for quantity in quantities)
        numbers.extend(reshape(convert(value, default_float), (1,)) for value in values)

    for path, seen in watched.layers.items():
        add(path, of_layer, _of_layer(seen))
    for name, gradient_ in gradients.items():
        squares = [_square(a) for a in (parameters[name], gradient_, updates[name])]
        add(name, of_parameter, [*squares, reduction.sum(updates[name] * gradient_)])
    for name, product in watched.products.items():
        add(name, of_product, _of_product(product, gradients[name]))
    for path, gradient_ in watched.loops.items():
        add(path, of_loop, _of_loop(gradient_))
    for target in list(leaves(targets).values())[:1]:
        add(targets_name, of_targets, _of_targets(target))
    return (_joined(numbers) if numbers else zeros((0,))), names


def _joined(arrays: Sequence[Array]) -> Array:
    """The arrays one after the other, joined a few at a time: a program chooses among all that are joined at once."""
    while len(arrays) > 1:
        arrays = [concat(arrays[at : at + at_once], axis=0) for at in range(0, len(arrays), at_once)]
    return arrays[0]


def _square(x: Array) -> Array:
    return reduction.sum(square(x))


def _of_layer(seen: Seen) -> list[Array]:
    """See `of_layer`: dead is the share of units along the last axis that are switched off for every row.

    All is taken unit by unit first, which vectors do eight times as fast as one number of all rows that were chosen.
    """
    x, slope = (_some_rows(array) for array in (seen.output, seen.gradient))
    middle, half = bounded.get(seen.operation, (0.0, inf))
    off = reduction.sum(convert(equal(x, 0.0), default_float), axis=0)
    dead, extreme = zeros(()), zeros(())
    if seen.output.ndim > 1 and seen.operation in switching:
        dead = reduction.mean(convert(equal(off, x.shape[0]), default_float))
    if half < inf:
        extreme = _mean(convert(greater(absolute(x - middle), nearly * half), default_float))
    least, most = reduction.min(reduction.min(x, axis=0)), reduction.max(reduction.max(x, axis=0))
    return [_mean(square(x)), least, most, reduction.sum(off) / x.size, dead, extreme, _mean(square(slope))]


def _mean(x: Array) -> Array:
    return reduction.mean(reduction.mean(x, axis=0))


def _some_rows(x: Array) -> Array:
    """Rows of units; of a layer that gives very many numbers some, of all examples and places: they cost less."""
    units = x.shape[-1] if x.ndim > 1 else 1
    rows = reshape(x, (x.size // max(units, 1), units))
    every = rows.shape[0] // max(most_numbers // max(units, 1), least_rows)
    return rows[::every] if every > 1 else rows


def _of_product(product: Product, gradient_: Array) -> list[Array]:
    """Σᵢ ‖gᵢ‖² of the examples' own gradients, ‖Σᵢ gᵢ‖², and their number.

    The gradient of example i is the outer product of its row and its cotangent, whose square is the product of theirs:
    it need not be made. Source: I. Goodfellow, "Efficient per-example gradient computations", 2015.
    """
    rows, cotangents = (reduction.sum(square(one), axis=1) for one in product)
    return [reduction.sum(rows * cotangents), _square(gradient_), ones(()) * rows.shape[0]]


def _of_loop(gradient: Array) -> list[Array]:
    """The mean square of the gradient in the first and in the last quarter of the steps."""
    quarter = gradient.shape[0] // 4
    return [reduction.mean(square(rows)) for rows in (gradient[:quarter], gradient[-quarter:])]


def _of_targets(target: Array) -> list[Array]:
    """Mean and mean square, over the rows, of one number per row: Σⱼ j·yⱼ, of a one-hot row its class."""
    columns = reshape(convert(target, default_float), (target.shape[0], -1))
    number = reduction.sum(columns * arange(1, columns.shape[1] + 1, dtype=default_float), axis=1)
    return [reduction.mean(number), reduction.mean(square(number))]


def readable(numbers: Value, names: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The statistics of a step, with norms and what follows from them.

    Returns
    -------
    ``layers``: per layer ``rms``, ``min``, ``max``, ``zeros``, ``dead``, ``saturated``, ``gradient_rms``, of some rows
    and places where a layer gives very many numbers;
    ``parameters``: per parameter ``norm``, ``gradient``, ``update`` and ``ratio``, that of update to weight;
    of all parameters together ``norm``, ``gradient``, ``update`` and ``climb``, the cosine between update and gradient,
    which is negative where the update descends; and of the layers whose inputs are rows of examples the number of these
    ``rows``, ``noise`` and ``signal``, see `noise_and_signal` (NaN where there are none); ``target`` and
    ``target_square``, mean and mean square of the targets of the batch, see `_of_targets`;
    ``loops``: per layer that goes through time ``first`` and ``last``, the root mean square of the gradient with
    respect to what its steps read, in the first and the last quarter of them.
    """
    found: dict[str, dict[str, float]] = {}
    for (name, quantity), number in zip(names, numbers.tolist(), strict=True):
        found.setdefault(name, {})[quantity] = number
    targets = found.pop(targets_name, {})
    of_batch = {"target": targets.get("mean", nan), "target_square": targets.get("mean_square", nan)}
    layers = {name: _rooted(q, ("rms", "gradient_rms")) for name, q in found.items() if "rms" in q}
    loops = {
        name: {end: _root(q[f"{end}_square"]) for end in ("first", "last")}
        for name, q in found.items()
        if "first_square" in q
    }
    parameters: dict[str, dict[str, float]] = {}
    for name, q in found.items():
        if "square" in q:
            norm, slope, update = (_root(q[quantity]) for quantity in of_parameter[:3])
            ratio = update / norm if norm else nan
            parameters[name] = {"norm": norm, "gradient": slope, "update": update, "ratio": ratio}
    squares = [q for q in found.values() if "square" in q]
    norm, slope, update = (_root(sum(q[quantity] for q in squares)) for quantity in of_parameter[:3])
    whole = {
        "norm": norm,
        "gradient": slope,
        "update": update,
        "climb": sum(q["climb"] for q in squares) / (slope * update) if slope * update else nan,
    }
    told = [tuple(q[quantity] for quantity in of_product) for q in found.values() if "rows" in q]
    noise, signal = noise_and_signal(told)
    rows = max((product[2] for product in told), default=0.0)
    of_batch |= {"rows": rows, "noise": noise, "signal": signal}
    return {**whole, **of_batch, **dict(zip(groups, (layers, parameters, loops), strict=True))}


def _root(x: float) -> float:
    return sqrt(x) if x >= 0 else nan


def _rooted(quantities: dict[str, float], which: Sequence[str]) -> dict[str, float]:
    return {name: _root(number) if name in which else number for name, number in quantities.items()}


def noise_and_signal(products: Sequence[tuple[float, ...]]) -> tuple[float, float]:
    """tr(Σ) and ‖G‖², of the gradients of single examples, with the mean G and the covariance Σ.

    Their quotient is the noise scale: the batch size at which noise and gradient are of one size, below which a larger
    batch pays. Both are estimates without bias, and noisy: take the mean of each over some steps first.

    With n examples, of which each contributes gᵢ/n to the mean gradient Ḡ, tr(Σ) = n²·(Σ‖gᵢ/n‖² − ‖Ḡ‖²/n)/(n − 1), and
    ‖Ḡ‖² exceeds ‖G‖² by tr(Σ)/n on average. Source: S. McCandlish, J. Kaplan, D. Amodei, "An empirical model of
    large-batch training", 2018.
    """
    rows = max((product[2] for product in products), default=0.0)
    if rows < 2:
        return nan, nan
    examples, whole = (sum(product[n] for product in products) for n in (0, 1))
    noise = rows**2 * (examples - whole / rows) / (rows - 1)
    return noise, whole - noise / rows
