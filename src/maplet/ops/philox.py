"""Random bits from a counter: each is a function of its position, never of what ran before.

Philox 4×32-10 maps (key, position) to 32 random bits. The key comes from the seed and a stream, the position from the
number of the draw and the index of the element. Nothing depends on threads, processes or the order of evaluation.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

# The record below is a table of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from maplet.core.index_notation import Access, Expression, Literal, Read, call, indices
from maplet.core.primitive import Primitive, register
from maplet.core.trace import bind
from maplet.core.types import ArrayType
from maplet.errors import DTypeError
from maplet.ops.movement import all_rows, moveaxis

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.core.types import Shape

uint32, uint64 = np.dtype(np.uint32), np.dtype(np.uint64)
piece = 1 << 16  # blocks of four words that are worked out together


def philox(key: tuple[Any, Any], counter: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Ten rounds of Philox on arrays of 32-bit words held in uint64; returns four words."""
    k0, k1 = (np.asarray(k, uint64) for k in key)
    c0, c1, c2, c3 = (np.asarray(c, uint64) for c in counter)
    low, word = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        first, second = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (second >> word) ^ c1 ^ k0, second & low, (first >> word) ^ c3 ^ k1, first & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


def _words(x: Any) -> tuple[Any, Any]:
    return x & np.uint64(0xFFFFFFFF), x >> np.uint64(32)


def _bits_shape(key: ArrayType, draw: ArrayType, *, shape: Shape) -> ArrayType:
    # An array of keys and one of draw numbers, of one shape, are so many draws, each of the shape asked for.
    if key.dtype != uint64 or draw != key:
        raise DTypeError(f"random_bits takes a u64 key and a u64 draw number of one shape, given {key} and {draw}")
    return ArrayType((*key.shape, *shape), uint32)


def _bits_value(key: Any, draw: Any, *, shape: Shape) -> Any:
    size, lead = prod(shape), key.shape
    blocks = -(-size // 4)
    bits = np.empty((*lead, blocks, 4), uint32)
    for first in range(0, blocks, piece):  # each round of each piece makes a dozen arrays of 64 bits
        block = np.arange(first, min(first + piece, blocks), dtype=uint64)
        words = philox(_words(key[..., None]), (*_words(block), *_words(draw[..., None])))
        for n, word in enumerate(words):
            bits[..., first : first + piece, n] = word
    return bits.reshape((*lead, 4 * blocks))[..., :size].reshape((*lead, *shape))


def _bits_batch(size: int, key: Array, draw: Array, *, batched: tuple[bool, bool], shape: Shape) -> Array:
    if any(batched):
        return bind("random_bits", *all_rows(size, (key, draw), batched), shape=shape)
    # Rows that draw from one key share one larger draw: their number is the first index of the element.
    return moveaxis(bind("random_bits", key, draw, shape=(size, *shape)), key.ndim, 0)


def _bits_access(key: ArrayType, draw: ArrayType, *, shape: Shape) -> Access:
    axes = indices(key.ndim + len(shape))
    lead = axes[: key.ndim]
    element: Expression = Literal(0)
    for index, length in zip(axes[key.ndim :], shape, strict=True):
        element = element * length + index
    return Access(axes, call("philox", Read(0, lead), Read(1, lead), element // 4, element % 4))


register(Primitive(
    "random_bits", shape=_bits_shape, reference=_bits_value, batch=_bits_batch, per_row=True, access=_bits_access,
    notation=r"\operatorname{{philox}}({0}, {1})",
    convention="the n-th element takes word n mod 4 of the counter (⌊n/4⌋, draw)",
    example=lambda rng: ([*rng.integers(2**64, size=2, dtype=np.uint64)], {"shape": (3, 5)}),
))  # fmt: skip
