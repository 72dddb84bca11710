"""Kernels of the loop language as machine code: two of one canonical text are one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from maplet.compiler import native
from maplet.compiler.llvm import emit
from maplet.compiler.loop_text import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.compiler.loops import Kernel


def compiled(kernels: Sequence[Kernel], library: native.Library | None = None) -> list[tuple[str, int]]:
    """The key of each kernel and its place in memory; what there is no machine code of yet is compiled."""
    library = library or native.library()
    texts = [text(kernel, canonical=True) for kernel in kernels]
    keys = {source: library.key(source) for source in texts}
    sources: dict[str, native.Source] = {}
    for source, kernel in zip(texts, kernels, strict=True):
        symbol = native.symbol_of(keys[source])
        sources.setdefault(keys[source], native.Source((symbol,), partial(emit, kernel, symbol)))
    places = dict(zip(sources, library.functions(sources), strict=True))
    return [(keys[source], places[keys[source]][0]) for source in texts]


def addresses(kernels: Sequence[Kernel], library: native.Library | None = None) -> list[int]:
    """The place of each kernel in memory."""
    return [address for _, address in compiled(kernels, library)]
