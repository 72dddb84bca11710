"""The layers of transformers: attention and a small net for each token, in residual blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError
from maplet.nn.activations import activations
from maplet.nn.dropout import Dropout
from maplet.nn.key_value_cache import DecoderCache, KeyValueCache
from maplet.nn.layers import Linear, Sequential
from maplet.nn.module import Module
from maplet.nn.multi_head import MultiHeadAttention
from maplet.nn.normalization import LayerNorm
from maplet.ops.arguments import as_array
from maplet.ops.random import as_generator
from maplet.settings import choice, flag, real, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.initializers import Initializer
    from maplet.ops.random import Generator, Rng


class TransformerLayer(Module, abstract=True):
    """What both layers share: attention of a sequence to itself, the net for each token, and how a part is taken."""

    def __init__(
        self,
        features: int,
        attention: int | MultiHeadAttention,
        *,
        hidden_features: int | None = None,
        activation: str = "gelu",
        dropout: float = 0.0,
        norm_first: bool = True,
        bias: bool = True,
        weight_init: str | Initializer = "lecun_uniform",
        rng: Rng = None,
    ) -> None:
        name = type(self).__name__
        self.features = whole(f"{name}: features", features, least=1)
        self.hidden_features, self.activation = hidden_features, activation
        self.dropout = real(f"{name}: dropout", dropout, least=0, below=1)
        self.norm_first, self.bias = flag(f"{name}: norm_first", norm_first), flag(f"{name}: bias", bias)
        self.weight_init = weight_init
        generator = as_generator(rng)
        if not isinstance(attention, MultiHeadAttention):
            attention = self._attention(whole(f"{name}: heads", attention, least=1), generator)
        elif attention.features != features:
            raise SettingError(
                f"{name}: tokens have {features} features, and the attention is for {attention.features}",
                fix=f"{name}({features}, MultiHeadAttention({features}, {attention.heads}))",
            )
        self.attention = attention
        self.attention_norm = LayerNorm(features, bias=bias)
        self._look_elsewhere(generator)
        self.feed_forward = self._feed_forward(name, generator)
        self.feed_forward_norm = LayerNorm(features, bias=bias)
        self.drop = Dropout(dropout, rng=generator)

    def _attention(self, heads: int, rng: Generator, *, key_value_heads: int | None = None) -> MultiHeadAttention:
        """Attention with the settings of the layer."""
        return MultiHeadAttention(
            self.features, heads, key_value_heads=key_value_heads, dropout=self.dropout,
            bias=self.bias, weight_init=self.weight_init, rng=rng,
        )  # fmt: skip

    def _look_elsewhere(self, generator: Generator) -> None:
        """Make what stands between attention to the sequence itself and the net: here nothing."""

    def _feed_forward(self, name: str, generator: Generator) -> Sequential:
        """act(x W₁ + b₁) W₂ + b₂, with dropout between."""
        hidden = 4 * self.features if self.hidden_features is None else self.hidden_features
        whole(f"{name}: hidden_features", hidden, least=1)
        choice(f"{name}: activation", self.activation, tuple(activations))
        common: dict[str, Any] = {"bias": self.bias, "weight_init": self.weight_init, "rng": generator}
        return Sequential(
            Linear(self.features, hidden, **common),
            activations[self.activation](),
            Dropout(self.dropout, rng=generator),
            Linear(hidden, self.features, **common),
        )

    def _residual(self, norm: LayerNorm, part: Callable[[Array], Array], x: Array) -> Array:
        """A part around a residual connection, with its normalization where the layer wants it."""
        return x + self.drop(part(norm(x))) if self.norm_first else norm(x + self.drop(part(x)))


class TransformerEncoderLayer(TransformerLayer):
    """Attention of a sequence to itself, then a net of two layers for each token, both around a residual connection.

    With ``norm_first`` x ↦ x + part(norm(x)), which trains without a warm-up (R. Xiong and others, "On layer
    normalization in the transformer architecture", ICML 2020); without, x ↦ norm(x + part(x)), as in the article and
    as PyTorch does by default. With ``causal=True`` it is the layer of GPT.

    Source: A. Vaswani and others, "Attention is all you need", NIPS 2017, §3.1 and §3.3.

    Parameters
    ----------
    features
        How many a token has.
    attention
        How many heads attention has, or itself, with settings of its own: `MultiHeadAttention`, for example with
        ``positions=RotaryPositions()`` or fewer heads of keys and values.
    hidden_features
        The width of the net for each token; by default 4 · features.
    activation
        The name of its activation: see `maplet.nn.activations`.
    dropout
        With which probability weights of attention, elements inside the net and of the results of both are dropped.
    norm_first
        Whether the normalization stands before each part, or behind the sum.
    bias
        Whether projections, net and normalizations add one; of a given attention, it decides itself.
    weight_init
        How the weights of projections and net begin, see `Linear`.
    rng
        Where the weights are drawn from.

    Raises
    ------
    SettingError
        If the attention is for another number of features, or there is no such activation.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> x = mp.ones((5, 7, 8))
    >>> TransformerEncoderLayer(8, 2)(x, causal=True).shape
    (5, 7, 8)
    >>> attention = nn.MultiHeadAttention(8, 4, key_value_heads=2, positions=nn.RotaryPositions())
    >>> TransformerEncoderLayer(8, attention, bias=False)(x, causal=True).shape
    (5, 7, 8)
    """

    def forward(
        self,
        x: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        causal: bool = False,
        cache: KeyValueCache | None = None,
    ) -> Array:
        """(…, T, features) ↦ (…, T, features); mask, causal and cache as in `MultiHeadAttention`."""

        def attend(x: Array) -> Array:
            return self.attention(x, mask=mask, causal=causal, cache=cache)

        x = self._residual(self.attention_norm, attend, as_array(x))
        return self._residual(self.feed_forward_norm, self.feed_forward, x)

    def new_cache(self, batch: int | Shape, length: int, *, dtype: Any = None) -> KeyValueCache:
        """An empty cache for a batch of so many sequences, with room for ``length`` tokens in each."""
        return self.attention.new_cache(batch, length, dtype=dtype)


class TransformerDecoderLayer(TransformerLayer):
    """Attention of a sequence to itself, then to a memory, such as an encoded sentence; then a net for each token.

    Source, parameters and the order of the normalization as in `TransformerEncoderLayer`. By default the sequence does
    not see its future. The attention to the memory has as many heads as that to the sequence, and no positions.

    Examples
    --------
    >>> import maplet as mp
    >>> layer, x, memory = TransformerDecoderLayer(8, 2), mp.ones((5, 7, 8)), mp.ones((5, 3, 8))
    >>> y = layer(x, memory)
    >>> y.shape
    (5, 7, 8)

    With a cache the tokens come in pieces, and the memory, which is projected once, is in it:

    >>> cache = layer.new_cache(memory, length=7)
    >>> pieces = [layer(x[:, :4], cache=cache), layer(x[:, 4:], cache=cache)]
    >>> bool(mp.allclose(mp.concat(pieces, axis=1), y, atol=1e-5))
    True
    """

    def _look_elsewhere(self, generator: Generator) -> None:
        own = self.attention
        self.memory_attention = self._attention(own.heads, generator, key_value_heads=own.key_value_heads)
        self.memory_norm = LayerNorm(self.features, bias=self.bias)

    def forward(
        self,
        x: ArrayLike,
        memory: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        causal: bool = True,
        cache: DecoderCache | None = None,
    ) -> Array:
        """(…, T, features) and a memory (…, S, features), or a cache that holds it ↦ (…, T, features).

        ``memory_mask`` is that of the attention to the memory; the others are those of the sequence to itself.
        """
        if (memory is None) == (cache is None):
            given = "neither of them is" if memory is None else "both are"
            raise SettingError(
                f"TransformerDecoderLayer takes a memory, or a cache that holds it; {given} given",
                fix="net(x, memory), or: cache = net.new_cache(memory, length); net(x, cache=cache)",
            )
        tokens, known = (None, memory) if cache is None else (cache.tokens, cache.memory)

        def attend(x: Array) -> Array:
            return self.attention(x, mask=mask, causal=causal, cache=tokens)

        def recall(x: Array) -> Array:
            return self.memory_attention(x, known, mask=memory_mask)

        x = self._residual(self.attention_norm, attend, as_array(x))
        x = self._residual(self.memory_norm, recall, x)
        return self._residual(self.feed_forward_norm, self.feed_forward, x)

    def new_cache(self, memory: ArrayLike, length: int, *, dtype: Any = None) -> DecoderCache:
        """An empty cache beside a memory (…, S, features), with room for ``length`` tokens in each sequence."""
        memory = as_array(memory)
        tokens = self.attention.new_cache(memory.shape[:-2], length, dtype=dtype)
        return DecoderCache(tokens, self.memory_attention.project(memory))
