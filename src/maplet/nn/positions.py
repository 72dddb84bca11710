"""Where in a sequence a token stands: to attention, which knows no order, it must be told."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

from maplet.core.array import Parameter, value_of
from maplet.errors import SettingError, ShapeError
from maplet.nn.initializers import Normal, as_initializer
from maplet.nn.module import Module
from maplet.ops.arguments import as_array, as_floating, convert, meet
from maplet.ops.creation import arange
from maplet.ops.elementwise import cos, exp, sin
from maplet.ops.indexing import take
from maplet.ops.movement import expand_dims, reshape
from maplet.ops.random import as_generator
from maplet.ops.slicing import concat, slice_along, stack
from maplet.settings import real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng

small_normal = Normal(0.0, 0.02)


def angles(length: int, features: int, start: ArrayLike, base: float) -> Array:
    """(T, features / 2): (start + t) / base^(2i / features), in float64, as thousands of turns leave few digits."""
    positions = arange(length) + start
    frequencies = exp(arange(features // 2, dtype="float64") * (-2 * log(base) / features))
    return expand_dims(convert(positions, frequencies.dtype), axis=1) * frequencies


class SinusoidalPositions(Module):
    """Waves of many lengths are added: sin(t / 10000^(2i/C)) to feature 2i, the cosine to feature 2i + 1.

    There is nothing to learn and no longest sequence. The waves are as large as tokens of variance ½.

    Source: A. Vaswani and others, "Attention is all you need", NIPS 2017, §3.5.

    Parameters
    ----------
    features
        C, an even number.

    Examples
    --------
    >>> import maplet as mp
    >>> SinusoidalPositions(2)(mp.zeros((2, 2)))
    Array([[0.        , 1.        ],
           [0.84147096, 0.5403023 ]], dtype=float32)
    """

    def __init__(self, features: int) -> None:
        self.features = whole("SinusoidalPositions: features", features, least=1)
        if self.features % 2:
            raise SettingError(f"SinusoidalPositions: features come in pairs of sine and cosine, not {features}")

    def forward(self, x: ArrayLike, *, start: ArrayLike = 0) -> Array:
        """(…, T, features) ↦ (…, T, features); ``start`` is the position of the first, an integer."""
        x = _tokens(self, x, self.features)
        turns = angles(x.shape[-2], self.features, start, 10000.0)
        waves = reshape(stack([sin(turns), cos(turns)], axis=-1), x.shape[-2:])
        return x + convert(waves, x.dtype)


class LearnedPositions(Module):
    """To each token the row of a table is added, x + W[t], one for every position.

    Source: J. Gehring, M. Auli, D. Grangier, D. Yarats, Y. Dauphin, "Convolutional sequence to sequence learning",
    ICML 2017; as in GPT and BERT.

    Parameters
    ----------
    length
        How many positions there are: that of the longest sequence.
    features
        How many features a token has.
    weight_init
        How the table begins; by default normal with deviation 0.02, small beside the tokens.
    rng
        Where the table is drawn from.

    Attributes
    ----------
    weight
        (length, features), float32.

    Raises
    ------
    ShapeError
        If a sequence goes on beyond the table. Where ``start`` is traced, it is the running program that says so.

    Examples
    --------
    >>> import maplet as mp
    >>> LearnedPositions(10, 4)(mp.zeros((3, 7, 4))).shape
    (3, 7, 4)
    """

    def __init__(
        self, length: int, features: int, *, weight_init: str | Initializer = small_normal, rng: Rng = None
    ) -> None:
        self.length = whole("LearnedPositions: length", length, least=1)
        self.features = whole("LearnedPositions: features", features, least=1)
        self.weight_init = weight_init
        self.weight = Parameter(as_initializer(weight_init)((self.length, self.features), as_generator(rng)))

    def forward(self, x: ArrayLike, *, start: ArrayLike = 0) -> Array:
        """(…, T, features) ↦ (…, T, features); ``start`` is the position of the first, an integer."""
        x = _tokens(self, x, self.features)
        x, weight = meet(x, self.weight)
        count = x.shape[-2]
        first = as_array(start)
        known = value_of(first)
        if count > self.length or (known is not None and not 0 <= known <= self.length - count):
            where = "" if known is None or known == 0 else f" from position {int(known)} on"
            raise ShapeError(
                f"LearnedPositions({self.length}, {self.features}) has positions 0 to {self.length - 1}, given {count} "
                f"tokens{where}",
                fix=f"cut the sequence, or make the table longer: LearnedPositions({count + int(known or 0)}, …)",
            )
        if isinstance(start, int):
            return x + slice_along(weight, 0, start, start + count)
        return x + take(weight, arange(count) + first, axis=0)


def _tokens(layer: Module, x: ArrayLike, features: int) -> Array:
    x = as_floating(as_array(x))
    if x.ndim < 2 or x.shape[-1] != features:
        raise ShapeError(
            f"{layer!r} takes (…, T, {features}), given {x.shape}",
            fix="it stands behind an Embedding or Linear, which makes features of the tokens",
        )
    return x


class RotaryPositions(Module):
    """Pairs of features of queries and keys are turned by an angle that grows with the position.

    (xᵢ, xᵢ₊ₕ) ↦ (xᵢ cos θ − xᵢ₊ₕ sin θ, xᵢ₊ₕ cos θ + xᵢ sin θ), with h = F / 2 and θ = (start + t) / base^(2i / F).
    The product of a turned query and a turned key depends on how far they are apart alone, not on where they stand.
    The article pairs neighbours (2i, 2i + 1); halves, which are the same up to the order of the features, are what
    GPT-NeoX and Llama have.

    Tokens are not told their positions by it, as by `SinusoidalPositions` and `LearnedPositions`, but queries and keys
    inside attention: ``MultiHeadAttention(…, positions=RotaryPositions())``.

    Source: J. Su, Y. Lu, S. Pan, A. Murtadha, B. Wen, Y. Liu, "RoFormer: enhanced transformer with rotary position
    embedding", 2021.

    Parameters
    ----------
    base
        The longest wave is about 2π·base tokens long.

    Raises
    ------
    ShapeError
        If F is odd, or an axis is missing.

    Examples
    --------
    >>> import maplet as mp
    >>> RotaryPositions()(mp.asarray([[[1.0, 0.0]], [[1.0, 0.0]]]))[:, 0]
    Array([[1.        , 0.        ],
           [0.5403023 , 0.84147096]], dtype=float32)
    """

    def __init__(self, base: float = 10000.0) -> None:
        self.base = real("RotaryPositions: base", base, above=1)

    def forward(self, x: ArrayLike, *, start: ArrayLike = 0) -> Array:
        """(…, T, heads, F) ↦ (…, T, heads, F); ``start`` is the position of the first, which may be traced."""
        x = as_floating(as_array(x))
        if x.ndim < 3 or x.shape[-1] % 2:
            raise ShapeError(
                f"{self!r} takes (…, T, heads, F) with an even F, given {x.shape}",
                fix="it stands inside of attention: MultiHeadAttention(…, positions=RotaryPositions())",
            )
        half = x.shape[-1] // 2
        turns = expand_dims(angles(x.shape[-3], x.shape[-1], start, self.base), axis=1)  # (T, 1, F / 2), for all heads
        cosine, sine = convert(cos(turns), x.dtype), convert(sin(turns), x.dtype)
        last = x.ndim - 1
        first, second = slice_along(x, last, 0, half), slice_along(x, last, half, 2 * half)
        return concat([first * cosine - second * sine, second * cosine + first * sine], axis=-1)
