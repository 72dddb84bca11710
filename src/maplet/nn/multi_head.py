"""Attention as a layer: projections into several heads, and out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError, ShapeError
from maplet.nn.attention import attention, fitting_mask, narrowed
from maplet.nn.dropout import Dropout
from maplet.nn.key_value_cache import KeysAndValues, KeyValueCache
from maplet.nn.layers import Linear
from maplet.nn.module import Module
from maplet.nn.positions import RotaryPositions
from maplet.ops.arguments import as_array
from maplet.ops.movement import reshape
from maplet.ops.random import as_generator
from maplet.settings import flag, real, whole

if TYPE_CHECKING:
    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Rng


class MultiHeadAttention(Module):
    """Attention in several heads: concat(headsᵢ) W_O + b_O, headᵢ = attention(Q W_Qᵢ, K W_Kᵢ, V W_Vᵢ), with biases.

    Source: A. Vaswani and others, "Attention is all you need", NIPS 2017, §3.2. See `attention`, also for the shapes
    of masks.

    Parameters
    ----------
    features
        C, of the queries, keys and values, and of the output.
    heads
        How many; they divide the features among them.
    key_value_heads
        How many heads of keys and values, of which each serves heads / key_value_heads of the queries (grouped-query
        attention; 1 is multi-query attention). As many as heads by default.
    dropout
        With which probability a weight is dropped while training.
    positions
        What queries and keys, (…, T, heads, C / heads), go through so that they know their positions:
        `RotaryPositions`, or None.
    bias
        Whether the four projections add one.
    weight_init
        How their weights begin, see `Linear`.
    rng
        Where the weights are drawn from.

    Attributes
    ----------
    query, key, value, output
        The projections, `Linear`. Heads lie one after another in their features.

    Raises
    ------
    SettingError
        If the heads do not divide the features, or those of keys and values not the heads.
    ShapeError
        If what is given has not that many features.

    Examples
    --------
    >>> import maplet as mp
    >>> layer = MultiHeadAttention(8, 2)
    >>> x = mp.ones((5, 7, 8))
    >>> layer(x, causal=True).shape
    (5, 7, 8)

    With a cache the tokens come in pieces, and each sees those before:

    >>> cache = layer.new_cache(5, length=7)
    >>> y = mp.concat([layer(x[:, :4], causal=True, cache=cache), layer(x[:, 4:], causal=True, cache=cache)], axis=1)
    >>> bool(mp.allclose(y, layer(x, causal=True), atol=1e-6))
    True

    What is looked at again and again, such as the memory of a decoder, is projected once:

    >>> memory = layer.project(mp.ones((5, 3, 8)))
    >>> bool(mp.allclose(layer(x, memory), layer(x, mp.ones((5, 3, 8)))))
    True
    """

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        key_value_heads: int | None = None,
        dropout: float = 0.0,
        positions: Module | None = None,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        rng: Rng = None,
    ) -> None:
        self.features = whole("MultiHeadAttention: features", features, least=1)
        self.heads = whole("MultiHeadAttention: heads", heads, least=1)
        self.dropout = real("MultiHeadAttention: dropout", dropout, least=0, below=1)
        self.key_value_heads, self.positions = key_value_heads, positions
        self.bias, self.weight_init = flag("MultiHeadAttention: bias", bias), weight_init
        groups = self._groups()
        self._require_fitting(groups)
        generator = as_generator(rng)
        width = self.features // self.heads * groups

        def linear(inputs: int, outputs: int) -> Linear:
            return Linear(inputs, outputs, bias=bias, weight_init=weight_init, rng=generator)

        self.query = linear(self.features, self.features)
        self.key = linear(self.features, width)
        self.value = linear(self.features, width)
        self.output = linear(self.features, self.features)
        self.drop = Dropout(dropout, rng=generator)

    def forward(
        self,
        query: ArrayLike,
        key: ArrayLike | KeysAndValues | None = None,
        value: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Array:
        """(…, T, C) ↦ (…, T, C): of the queries to themselves, or to keys (…, S, C) and values, by default the keys.

        In the place of keys may stand what `project` gave of them. With a cache, the keys and values are put into it,
        and all in it are seen; a mask has its length as S.
        """
        if cache is not None and key is not None:
            raise SettingError(
                "MultiHeadAttention: a cache is for attention of a sequence to itself, and keys are given",
                fix="leave out key and value, or the cache",
            )
        if value is not None and (key is None or isinstance(key, KeysAndValues)):
            raise SettingError("MultiHeadAttention: values are given, but no keys", fix="layer(query, key, value)")
        start = 0 if cache is None else cache.position
        q = self._placed(self._split(self.query, query), start)
        known = (
            key if isinstance(key, KeysAndValues) else self.project(query if key is None else key, value, start=start)
        )
        k, v = known.keys, known.values
        if cache is not None:
            scores = (*q.shape[:-3], self.heads, q.shape[-3], cache.length)
            visible = cache.visible(q.shape[-3], causal=causal)
            mask = narrowed(None if mask is None else fitting_mask(mask, scores), visible)
            causal = False  # that is in the mask now
            k, v = cache.append(k, v)
        gathered = attention(q, k, v, mask=mask, causal=causal, dropout=self.drop)
        return self.output(reshape(gathered, (*gathered.shape[:-2], self.features)))

    def project(self, key: ArrayLike, value: ArrayLike | None = None, *, start: ArrayLike = 0) -> KeysAndValues:
        """Keys and values, by default of the same (…, S, C), in heads; ``start`` is the position of the first."""
        value = key if value is None else value
        return KeysAndValues(self._placed(self._split(self.key, key), start), self._split(self.value, value))

    def new_cache(self, batch: int | Shape, length: int, *, dtype: Any = None) -> KeyValueCache:
        """An empty cache for a batch of so many sequences, with room for ``length`` tokens in each."""
        kind = self.key.weight.dtype if dtype is None else dtype
        return KeyValueCache(batch, length, self._groups(), self.features // self.heads, dtype=kind)

    def _placed(self, x: Array, start: ArrayLike) -> Array:
        return x if self.positions is None else self.positions(x, start=start)

    def _split(self, projection: Linear, x: ArrayLike) -> Array:
        """(…, T, C) ↦ (…, T, heads, C / heads)."""
        x = as_array(x)
        if x.ndim < 2 or x.shape[-1] != self.features:
            raise ShapeError(
                f"MultiHeadAttention({self.features}, {self.heads}) takes (…, T, {self.features}), given {x.shape}",
                fix="one token is a sequence too, of length 1" if x.shape == (self.features,) else
                "make that many features with an Embedding or Linear before it",
            )  # fmt: skip
        y = projection(x)
        width = self.features // self.heads
        return reshape(y, (*y.shape[:-1], y.shape[-1] // width, width))

    def _groups(self) -> int:
        if self.key_value_heads is None:
            return self.heads
        return whole("MultiHeadAttention: key_value_heads", self.key_value_heads, least=1)

    def _require_fitting(self, groups: int) -> None:
        for part, name, all_of, what in (
            (self.heads, "heads", self.features, "features"),
            (groups, "key_value_heads", self.heads, "heads"),
        ):
            if all_of % part:
                raise SettingError(
                    f"MultiHeadAttention: {all_of} {what} cannot be shared by {part} {name} alike",
                    fix=f"make {what} a multiple of {name}, such as {what}={all_of - all_of % part + part}",
                )
        if self.positions is not None and not isinstance(self.positions, Module):  # pyright: ignore[reportUnnecessaryIsInstance]  (True is a common slip)
            raise SettingError(
                f"MultiHeadAttention: positions={self.positions!r} is no layer", fix="positions=RotaryPositions()"
            )
        if isinstance(self.positions, RotaryPositions) and self.features // self.heads % 2:
            raise SettingError(
                f"MultiHeadAttention: rotary positions turn pairs of features, and each of {self.heads} heads has "
                f"{self.features // self.heads}",
                fix="make the features of a head an even number",
            )
