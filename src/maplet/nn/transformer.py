"""Transformers: layers one after another, each with the same masks, and a normalization behind the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.errors import SettingError
from maplet.nn.construction import require_layers
from maplet.nn.module import Module
from maplet.ops.arguments import as_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.core.types import Shape
    from maplet.nn.key_value_cache import DecoderCache, KeyValueCache


class TransformerStack(Module, abstract=True):
    """What encoder and decoder share: the layers, run one after another, each with its own cache."""

    def __init__(self, *layers: Module, norm: Module | None = None) -> None:
        name = type(self).__name__
        for n, layer in enumerate(layers):
            if not isinstance(layer, Module):  # pyright: ignore[reportUnnecessaryIsInstance]  (a list is a common slip)
                raise SettingError(
                    f"{name}: argument {n} is {layer!r}, not a layer",
                    fix=f"{name}(*[{name}Layer(64, 4) for _ in range(6)], norm=LayerNorm(64))",
                )
        if norm is not None:
            require_layers(f"{name}: norm", norm)
        self.layers: list[Any] = list(layers)
        self.norm = norm

    def _run(self, *given: Any, cache: Sequence[Any] | None, **masks: Any) -> Array:
        """The first of what is given goes through all layers, the rest is shown to each."""
        if cache is not None and (not isinstance(cache, list | tuple) or len(cache) != len(self.layers)):
            raise SettingError(
                f"{type(self).__name__}: the cache is a list of {len(self.layers)}, one for each layer",
                fix="make it by net.new_cache, which gives one for each layer",
            )
        x, *shown = given
        for layer, own in zip(self.layers, cache or [None] * len(self.layers), strict=True):
            x = layer(x, *shown, cache=own, **masks)
        return as_array(x) if self.norm is None else self.norm(x)


class TransformerEncoder(TransformerStack):
    """Layers one after another, and a normalization behind the last one, which those with ``norm_first`` need.

    Parameters
    ----------
    *layers
        `TransformerEncoderLayer`, or modules that are called like it.
    norm
        A layer behind the last one, or None.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> net = TransformerEncoder(*[nn.TransformerEncoderLayer(8, 2) for _ in range(3)], norm=nn.LayerNorm(8))
    >>> x = mp.ones((5, 7, 8))
    >>> net(x, causal=True).shape
    (5, 7, 8)
    >>> cache = net.new_cache(5, length=100)  # for each layer one
    >>> net(x, causal=True, cache=cache).shape, int(cache[0].position)
    ((5, 7, 8), 7)
    """

    def forward(
        self,
        x: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        causal: bool = False,
        cache: Sequence[KeyValueCache] | None = None,
    ) -> Array:
        """(…, T, features) ↦ (…, T, features), with the same mask in every layer."""
        return self._run(x, mask=mask, causal=causal, cache=cache)

    def new_cache(self, batch: int | Shape, length: int, *, dtype: Any = None) -> list[KeyValueCache]:
        """Empty caches, one for each layer, for so many sequences of up to ``length`` tokens."""
        return [layer.new_cache(batch, length, dtype=dtype) for layer in self.layers]


class TransformerDecoder(TransformerStack):
    """Layers one after another that all look at the same memory, and a normalization behind the last one.

    Parameters
    ----------
    *layers
        `TransformerDecoderLayer`, or modules that are called like it.
    norm
        A layer behind the last one, or None; those with ``norm_first`` need it.

    Examples
    --------
    >>> import maplet as mp
    >>> from maplet import nn
    >>> net = TransformerDecoder(*[nn.TransformerDecoderLayer(8, 2) for _ in range(3)], norm=nn.LayerNorm(8))
    >>> x, memory = mp.ones((5, 7, 8)), mp.ones((5, 3, 8))
    >>> net(x, memory).shape
    (5, 7, 8)
    >>> cache = net.new_cache(memory, length=100)  # for each layer one, with the memory in it
    >>> net(x, cache=cache).shape, int(cache[0].tokens.position)
    ((5, 7, 8), 7)
    """

    def forward(
        self,
        x: ArrayLike,
        memory: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        memory_mask: ArrayLike | None = None,
        causal: bool = True,
        cache: Sequence[DecoderCache] | None = None,
    ) -> Array:
        """(…, T, features) and a memory (…, S, features), or caches that hold it ↦ (…, T, features).

        The masks are the same in every layer.
        """
        return self._run(x, memory, mask=mask, memory_mask=memory_mask, causal=causal, cache=cache)

    def new_cache(self, memory: ArrayLike, length: int, *, dtype: Any = None) -> list[DecoderCache]:
        """Empty caches beside a memory (…, S, features), one for each layer, for up to ``length`` tokens."""
        return [layer.new_cache(memory, length, dtype=dtype) for layer in self.layers]
