"""Attention: each query gathers the values whose keys fit it. The function itself, and masks, which say who sees whom.

The axes are (…, T, heads, features), which is how a projection of (…, T, C) comes out, so nothing has to be moved.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, Any

from maplet.core.array import value_of
from maplet.core.types import bool_dtype, is_floating, is_integer, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.ops.arguments import as_array, as_floating, convert, meet, widened
from maplet.ops.creation import arange
from maplet.ops.einsum import einsum
from maplet.ops.elementwise import exp, isfinite, where
from maplet.ops.identity import stop_gradient
from maplet.ops.movement import expand_dims, reshape
from maplet.ops.reduction import max as greatest
from maplet.ops.reduction import sum as total_of
from maplet.settings import flag, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape


def attention(
    query: ArrayLike,
    key: ArrayLike,
    value: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: Callable[[Array], Array] | None = None,
) -> Array:
    """The means of the values, weighted by how well their keys fit each query: softmax(Q Kᵀ / √F) V, in every head.

    A query that may see no key gets 0, and sends no gradient. The weights of halves (float16, bfloat16) are computed
    in float32.

    Source: A. Vaswani and others, "Attention is all you need", NIPS 2017; that several heads of queries share one of
    keys and values: J. Ainslie and others, "GQA: training generalized multi-query transformer models from multi-head
    checkpoints", EMNLP 2023.

    Parameters
    ----------
    query
        (…, T, heads, F).
    key
        (…, S, G, F), where G divides the number of heads: the first heads / G of them share the first keys, and so on.
    value
        (…, S, G, any).
    mask
        Booleans, true where a query may see a key, or numbers that are added to the scores, such as −∞; of shape
        (T, S) or (…, heads, T, S), in which a 1 stands for all. See `causal_mask` and `padding_mask`.
        What is not seen has the weight 0, and must be finite all the same: 0 · NaN is NaN.
    causal
        Whether a query sees only the keys up to its own position; then T = S.
    scale
        What the dot products are multiplied by, instead of 1 / √F.
    dropout
        A function of the weights, (…, heads, T, S), such as an `nn.Dropout`.

    Returns
    -------
    (…, T, heads, any).

    Raises
    ------
    ShapeError, DTypeError
        If the shapes do not fit together, or a mask holds integers.

    Examples
    --------
    The first query sees the first value alone, the second one both of them alike:

    >>> import maplet as mp
    >>> x = mp.zeros((2, 1, 3))
    >>> attention(x, x, mp.asarray([[[1.0]], [[3.0]]]), causal=True)[:, 0, 0]
    Array([1., 2.], dtype=float32)
    """
    q, k, v = meet(*(as_floating(as_array(x)) for x in (query, key, value)))
    _require_fit(q.shape, k.shape, v.shape)
    *lead, queries, heads, features = q.shape
    keys, groups = k.shape[-3:-1]
    seen = None if mask is None else fitting_mask(mask, (*lead, heads, queries, keys))
    if flag("attention: causal", causal):
        if queries != keys:
            raise ShapeError(
                f"attention: causal=True takes as many queries as keys, given {queries} and {keys}",
                fix=f"say at which key the first query stands: mask=nn.causal_mask({queries}, {keys}, start=...)",
            )
        seen = narrowed(seen, causal_mask(queries))
    scaled = q * (1 / sqrt(features) if scale is None else scale)  # there are fewer queries than products of them
    split = (*lead, queries, groups, heads // groups, features)
    scores = reshape(einsum("...tgrf,...sgf->...grts", reshape(scaled, split), k), (*lead, heads, queries, keys))
    weights = _shares(scores, seen)
    weights = convert(weights if dropout is None else dropout(weights), v.dtype)
    parted = reshape(weights, (*lead, groups, heads // groups, queries, keys))
    return reshape(einsum("...grts,...sgf->...tgrf", parted, v), (*lead, queries, heads, v.shape[-1]))


def _shares(scores: Array, seen: Array | None) -> Array:
    """The softmax along the last axis, with 0 where a query may not see a key, also if it may see none."""
    scores = widened(scores)
    if seen is not None:
        scores = where(seen, scores, -inf) if seen.dtype == bool_dtype else scores + convert(seen, scores.dtype)
    top = stop_gradient(greatest(scores, axis=-1, keepdims=True))
    powers = exp(scores - where(isfinite(top), top, 0.0))  # −∞ − (−∞) would be NaN
    total = total_of(powers, axis=-1, keepdims=True)
    return powers / where(total == 0, 1.0, total)  # it is at least e⁰ = 1 where anything is seen


def _require_fit(query: Shape, key: Shape, value: Shape) -> None:
    shapes = f"given query {query}, key {key}, value {value}"
    if min(map(len, (query, key, value))) < 3:
        raise ShapeError(
            f"attention takes (…, T, heads, features), {shapes}",
            fix="make an axis for the heads, one of them too: mp.expand_dims(x, axis=-2)",
        )
    if not (query[:-3] == key[:-3] == value[:-3] and key[:-1] == value[:-1] and query[-1] == key[-1]):
        raise ShapeError(
            f"attention takes query (…, T, heads, F), key (…, S, G, F), value (…, S, G, any), {shapes}",
            fix="the axes in front are equal; keys have the features of the queries, and there are as many as values",
        )
    if not key[-2] or query[-2] % key[-2]:
        raise ShapeError(
            f"attention: {query[-2]} heads of queries cannot share {key[-2]} heads of keys alike",
            fix="the number of heads is a multiple of that of the keys; are the axes (…, T, heads, features)?",
        )
    if not key[-3]:
        raise ShapeError(f"attention: there is nothing to look at, {shapes}", fix="give one key at least")


# ── who sees whom ────────────────────────────────────────────────────────────────────────────────


def causal_mask(queries: int, keys: int | None = None, *, start: ArrayLike = 0) -> Array:
    """Whether a query may see a key that is not in its future: key s ≤ start + t for query t.

    Parameters
    ----------
    queries, keys
        How many there are; as many keys as queries by default.
    start
        The position of the first query among the keys, an integer, which may be traced.

    Returns
    -------
    Booleans of shape (queries, keys).

    Examples
    --------
    >>> causal_mask(2, 4, start=1)
    Array([[ True,  True, False, False],
           [ True,  True,  True, False]], dtype=bool)
    """
    rows = whole("causal_mask: queries", queries, least=0)
    columns = rows if keys is None else whole("causal_mask: keys", keys, least=0)
    return expand_dims(arange(rows), axis=1) + start >= arange(columns)


def padding_mask(lengths: ArrayLike, length: int) -> Array:
    """Which places of padded sequences hold something: those before the length of each.

    Parameters
    ----------
    lengths
        (N,) integers: how long each sequence of the batch is.
    length
        How long the sequences are with their padding.

    Returns
    -------
    Booleans of shape (N, 1, 1, length), for all heads and queries.

    Examples
    --------
    >>> padding_mask([1, 3], 3)[:, 0, 0]
    Array([[ True, False, False],
           [ True,  True,  True]], dtype=bool)
    """
    given = as_array(lengths)
    count = whole("padding_mask: length", length, least=0)
    if given.ndim != 1 or not is_integer(given.dtype):
        raise DTypeError(f"padding_mask takes (N,) integers, given {given.type}", fix="one length for each sequence")
    known = value_of(given)
    if known is not None and known.size and (known.min() < 0 or known.max() > count):
        raise ShapeError(f"padding_mask: lengths from {known.min()} to {known.max()} in sequences of {count}")
    return arange(count) < reshape(given, (given.shape[0], 1, 1, 1))


def narrowed(mask: Array | None, visible: Array) -> Array:
    """A mask that besides lets through only what a second one, of booleans, shows."""
    if mask is None:
        return visible
    return where(visible, mask, False if mask.dtype == bool_dtype else -inf)


def fitting_mask(mask: ArrayLike, scores: Shape) -> Array:
    """The mask as an array, if it can be laid upon scores of a shape, and holds what a mask holds."""
    given: Any = as_array(mask)
    if given.dtype != bool_dtype and not is_floating(given.dtype):
        raise DTypeError(
            f"a mask is of booleans, or of floats that are added to the scores, given {short_name(given.dtype)}",
            fix="make booleans, true where a query may see a key: mask == 1",
        )
    last = scores[len(scores) - given.ndim :]
    if given.ndim not in (2, len(scores)) or any(n not in (1, m) for n, m in zip(given.shape, last, strict=True)):
        raise ShapeError(
            f"attention: a mask is of shape {scores[-2:]}, or {scores} with 1 for what all share, given {given.shape}",
            fix="the last axes are queries and keys, and the heads stand before them; of the lengths of padded "
            "sequences it is nn.padding_mask(lengths, length)",
        )
    return given
