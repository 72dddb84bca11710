"""What attention remembers while a sequence is generated: keys and values, of the tokens so far and of a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.array import value_of
from maplet.core.tree import Stateful
from maplet.core.types import default_float, default_int, short_name
from maplet.errors import DTypeError, ShapeError
from maplet.nn.attention import causal_mask
from maplet.ops.creation import arange, zeros
from maplet.ops.elementwise import logical_and, where
from maplet.ops.indexing import take
from maplet.ops.movement import reshape
from maplet.settings import whole

if TYPE_CHECKING:
    from maplet.core.array import Array
    from maplet.core.types import Shape


class KeysAndValues(Stateful):
    """Keys and values as attention reads them, in heads: what `MultiHeadAttention.project` gives.

    Attributes
    ----------
    keys, values
        (…, S, heads, features).
    """

    def __init__(self, keys: Array, values: Array) -> None:
        self.keys = keys
        self.values = values


class KeyValueCache(Stateful):
    """Keys and values of the tokens so far, in arrays of a fixed length, and how many there are.

    As neither shapes nor settings change from token to token, a step under `mp.jit` is compiled once. A layer makes
    its own: `MultiHeadAttention.new_cache`.

    Parameters
    ----------
    batch
        The lengths of the axes in front, such as the number of sequences.
    length
        How many tokens there is room for.
    heads, features
        How many heads of keys and values, and how many features each has.
    dtype
        Of keys and values.

    Attributes
    ----------
    keys, values
        (batch, length, heads, features).
    position
        How many tokens are in it, an integer array: where the next one goes.
    """

    def __init__(
        self, batch: int | Shape, length: int, heads: int, features: int, *, dtype: Any = default_float
    ) -> None:
        lead = batch if isinstance(batch, tuple) else (batch,)
        counts = [("length", length), ("heads", heads), ("features", features)]
        shape = (*lead, *(whole(f"KeyValueCache: {name}", n, least=1) for name, n in counts))
        self.keys = zeros(shape, dtype=dtype)
        self.values = zeros(shape, dtype=dtype)
        self.position = zeros((), dtype=default_int)

    @property
    def length(self) -> int:
        """How many tokens there is room for."""
        return self.keys.shape[-3]

    def reset(self) -> None:
        """Begin anew; what is in it is no longer seen."""
        self.position = zeros((), dtype=default_int)

    def append(self, key: Array, value: Array) -> tuple[Array, Array]:
        """Put in the next tokens, (batch, T, heads, features); gives all keys and values, with room to the end."""
        self._require_fit(key, value)
        count = key.shape[-3]
        # Place s of the cache takes token s − position. One pass over the cache, as attention makes over it anyway.
        source = arange(self.length) - self.position
        new = logical_and(source >= 0, source < count)
        # With too many tokens none of them could be left out in silence: a place is asked for that `take` refuses.
        beyond = self.position + count > self.length
        source = where(beyond, count, where(new, source, 0))
        fresh = reshape(new, (self.length, 1, 1))
        self.keys = where(fresh, take(key, source, axis=key.ndim - 3), self.keys)
        self.values = where(fresh, take(value, source, axis=value.ndim - 3), self.values)
        self.position = self.position + count
        return self.keys, self.values

    def visible(self, count: int, *, causal: bool) -> Array:
        """Which places the next tokens may see: (count, length). Ask before these are put in."""
        if causal:
            return causal_mask(count, self.length, start=self.position)
        return reshape(arange(self.length) < self.position + count, (1, self.length))

    def _require_fit(self, key: Array, value: Array) -> None:
        for x, kept in ((key, self.keys), (value, self.values)):
            *lead, length, heads, features = kept.shape
            if (*x.shape[:-3], *x.shape[-2:]) != (*lead, heads, features):
                own = ", ".join(map(str, (*lead, "T", heads, features)))
                raise ShapeError(
                    f"this cache takes ({own}), given {x.shape}",
                    fix="make one for this batch: layer.new_cache(batch, length)",
                )
            if x.dtype != kept.dtype:
                given, own = short_name(x.dtype), short_name(kept.dtype)
                raise DTypeError(f"a cache of {own} is given {given}", fix=f'layer.new_cache(…, dtype="{x.dtype}")')
            known = value_of(self.position)
            if known is not None and int(known) + x.shape[-3] > length:
                raise ShapeError(
                    f"a cache for {length} tokens: {int(known)} are in it, {x.shape[-3]} are to come",
                    fix="make a longer one, layer.new_cache(batch, length), or begin anew, cache.reset()",
                )


class DecoderCache(Stateful):
    """What a layer of a decoder remembers: the tokens so far, and a memory, which is projected once for all of them.

    A layer makes its own: `TransformerDecoderLayer.new_cache`.

    Attributes
    ----------
    tokens
        `KeyValueCache`, of the sequence itself.
    memory
        `KeysAndValues`.
    """

    def __init__(self, tokens: KeyValueCache, memory: KeysAndValues) -> None:
        self.tokens = tokens
        self.memory = memory

    def reset(self) -> None:
        """Begin another sequence beside the same memory."""
        self.tokens.reset()
