"""Random numbers from a counter: each is a function of its position, never of what ran before.

Philox 4×32-10 maps (key, position) to 32 random bits. The key comes from the seed and a stream, the position from the
number of the draw and the index of the element. Nothing depends on threads, processes or the order of evaluation.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

# The records below are tables of short lambdas, all of one signature, of which each uses what it needs.
# ruff: noqa: ARG001, ARG005
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from maplet.core.array import Array
from maplet.core.index_notation import Access, Expression, Literal, Read, call, indices
from maplet.core.primitive import Primitive, register
from maplet.core.trace import bind
from maplet.core.tree import Stateful
from maplet.core.types import ArrayType, as_dtype, default_float, is_floating, short_name
from maplet.errors import DTypeError, SettingError
from maplet.ops.arguments import as_array, as_shape, convert
from maplet.ops.elementwise import astype, cos, log, minimum, sqrt
from maplet.ops.movement import reshape
from maplet.ops.slicing import slice_along

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.types import Shape

    Rng: TypeAlias = "Generator | np.random.Generator | int | None"

__all__ = ["Generator", "as_generator", "default", "seed"]

uint32, uint64 = np.dtype(np.uint32), np.dtype(np.uint64)


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
    if key != ArrayType((), uint64) or draw != ArrayType((), uint64):
        raise DTypeError(f"random_bits takes a u64[] key and a u64[] draw number, given {key} and {draw}")
    return ArrayType(shape, uint32)


def _bits_value(key: Any, draw: Any, *, shape: Shape) -> Any:
    size = prod(shape)
    block = np.arange(-(-size // 4), dtype=uint64)
    words = philox(_words(key), (*_words(block), *_words(draw)))
    return np.stack(np.broadcast_arrays(*words), axis=-1).reshape(-1)[:size].astype(uint32).reshape(shape)


def _bits_access(key: ArrayType, draw: ArrayType, *, shape: Shape) -> Access:
    axes = indices(len(shape))
    element: Expression = Literal(0)
    for index, length in zip(axes, shape, strict=True):
        element = element * length + index
    return Access(axes, call("philox", Read(0, ()), Read(1, ()), element // 4, element % 4))


register(Primitive(
    "random_bits", shape=_bits_shape, reference=_bits_value, access=_bits_access,
    notation=r"\operatorname{{philox}}({0}, {1})",
    convention="the n-th element takes word n mod 4 of the counter (⌊n/4⌋, draw)",
    example=lambda rng: ([np.uint64(7), np.uint64(3)], {"shape": (3, 5)}),
))  # fmt: skip


def _floating(kind: str, dtype: Any) -> np.dtype[Any]:
    found = as_dtype(dtype)
    if not is_floating(found):
        raise DTypeError(f"{kind} numbers are floating, not {short_name(found)}")
    return found


class Generator(Stateful):
    """A stream of random numbers; part of the state of what holds it.

    Parameters
    ----------
    seed
        Any integer from 0 to 2⁶⁴ − 1.

    Examples
    --------
    >>> import maplet as mp
    >>> g = mp.random.Generator(0)
    >>> bool(mp.all(g.uniform((2,)) != g.uniform((2,))))
    True
    """

    def __init__(self, seed: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(cast("Any", seed), int | np.integer) or not 0 <= seed < 2**64:
            raise SettingError(f"a seed is an integer from 0 to 2⁶⁴ − 1, not {seed!r}")
        self.key = Array(np.uint64(seed))
        self.draws = Array(np.uint64(0))

    def spawn(self, stream: int) -> Generator:
        """A generator of its own for one of 2³² streams; it shares no numbers with this one."""
        if isinstance(stream, bool) or not 0 <= stream < 2**32:
            raise SettingError(f"a stream is an integer from 0 to 2³² − 1, not {stream!r}")
        # Elsewhere the last two counter words are the draw number; its top bit is never reached by counting.
        words = philox(_words(self.key.numpy()), (stream, 0, 0, 1 << 31))
        return Generator(int(words[0]) | int(words[1]) << 32)

    def bits(self, shape: Sequence[int]) -> Array:
        """32 random bits for each element, as uint32."""
        drawn = bind("random_bits", self.key, self.draws, shape=as_shape("random", shape))
        self.draws = self.draws + 1
        return drawn

    def uniform(
        self, shape: Sequence[int] = (), low: float = 0.0, high: float = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from ``low`` to before ``high``, equally likely: 24 random bits (float64: 53, float16: 11)."""
        target = _floating("uniform", dtype)
        drawn = self._unit(as_shape("random", shape), target) * (high - low) + low
        if (low, high) == (0.0, 1.0):
            return drawn
        # Scaling may round up to `high` itself.
        return minimum(drawn, float(np.nextafter(target.type(high), target.type(low))))

    def _unit(self, shape: Shape, dtype: np.dtype[Any]) -> Array:
        digits = np.finfo(dtype).nmant + 1
        if dtype != np.float64:
            return astype(self.bits(shape) >> (32 - digits), dtype) * 2.0**-digits
        words = self.bits((2, *shape))
        high, low = (reshape(slice_along(words, 0, n, n + 1), shape) for n in (0, 1))
        return (astype(high >> 5, dtype) * 2.0**26 + astype(low >> 6, dtype)) * 2.0**-53

    def normal(
        self, shape: Sequence[int] = (), mean: float = 0.0, deviation: float = 1.0, *, dtype: Any = default_float
    ) -> Array:
        """Numbers from the normal distribution, by Box and Muller: √(−2 ln u)·cos(2πv), computed in float64.

        Source: G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", 1958.
        """
        target, shape, float64 = _floating("normal", dtype), as_shape("random", shape), np.dtype(np.float64)
        u, v = 1.0 - self._unit(shape, float64), self._unit(shape, float64)
        standard = sqrt(-2.0 * log(u)) * cos(2 * np.pi * v)
        return convert(standard * deviation + mean, target)

    def bernoulli(self, p: Any, shape: Sequence[int] = ()) -> Array:
        """True with probability ``p``."""
        return self.uniform(shape) < as_array(p)


def __dir__() -> list[str]:
    return __all__


default = Generator(0)


def seed(value: int) -> None:
    """Start the default generator anew. Layers made without ``rng=`` draw their weights from it.

    It starts at 0, so a script that says nothing of seeds still gives the same numbers every time.
    """
    start = Generator(value)
    default.key, default.draws = start.key, start.draws


def as_generator(rng: Any) -> Generator:
    """What ``rng=`` may be: a `Generator`, a NumPy generator, a seed, or None for the default generator."""
    if rng is None:
        return default
    if isinstance(rng, Generator):
        return rng
    if isinstance(rng, np.random.Generator):
        return Generator(int(cast("Any", rng.integers(0, 2**63))))
    return Generator(rng)
