"""Layers for rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from maplet.core.types import default_int, is_floating, short_name
from maplet.errors import DTypeError, SettingError, ShapeError
from maplet.messages import shown
from maplet.nn.layers import Embedding
from maplet.nn.module import Module
from maplet.ops.arguments import as_array, convert
from maplet.ops.movement import reshape
from maplet.ops.random import as_generator
from maplet.ops.slicing import concat, slice_along
from maplet.settings import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maplet.core.array import Array, ArrayLike
    from maplet.ops.random import Rng


def embedding_width(levels: int) -> int:
    """How many numbers stand for a category of so many levels: 1.6 · levels^0.56, at most 50.

    Source: the rule of thumb of J. Howard, S. Gugger, "fastai: a layered API for deep learning", 2020.
    """
    return min(50, max(1, round(1.6 * levels**0.56)))


class EmbedColumns(Module):
    """The last columns of a matrix are codes of categories; each is replaced by the row of a table of its own.

    (N, D) ↦ (N, D − k + Σ widths), for k columns of codes. `maplet.data.Features` puts such columns last.

    Parameters
    ----------
    levels
        How many codes each of the last columns has.
    rng
        Where the tables are drawn from.

    Attributes
    ----------
    widths
        How many numbers stand for each column.

    Raises
    ------
    ShapeError
        If the input is no matrix with a column for each table.
    DTypeError
        If it has no floating numbers, among which the codes stand.

    Examples
    --------
    >>> import maplet as mp
    >>> EmbedColumns((3,), rng=0)(mp.asarray([[0.5, 2.0], [0.1, 0.0]])).shape
    (2, 4)
    """

    def __init__(self, levels: Sequence[int], *, rng: Rng = None) -> None:
        if not isinstance(cast("Any", levels), list | tuple) or not levels:
            raise SettingError(
                f"EmbedColumns takes the number of levels of one column at least, given {shown(levels)}",
                fix="a list of them: EmbedColumns([3, 12])",
            )
        self.levels = [whole("EmbedColumns: levels", n, least=1) for n in levels]
        self.widths = [embedding_width(n) for n in self.levels]
        generator = as_generator(rng)
        self.tables = [Embedding(n, width, rng=generator) for n, width in zip(self.levels, self.widths, strict=True)]

    def forward(self, x: ArrayLike) -> Array:
        """(N, D) ↦ (N, D − k + Σ widths)."""
        x = as_array(x)
        count = len(self.levels)
        if x.ndim != 2 or x.shape[1] < count:
            raise ShapeError(
                f"EmbedColumns({self.levels}) takes a matrix (N, D ≥ {count}), given {x.shape}",
                fix="give it one row for each example, whose last columns are the codes",
            )
        if not is_floating(x.dtype):
            raise DTypeError(
                f"EmbedColumns({self.levels}) takes floating numbers, codes among them, given {short_name(x.dtype)}",
                fix="convert with x.astype(mp.float32)",
            )
        numbers = x.shape[1] - count
        pieces = [slice_along(x, 1, 0, numbers)] if numbers else []
        for n, table in enumerate(self.tables):
            codes = slice_along(x, 1, numbers + n, numbers + n + 1)
            pieces.append(table(convert(reshape(codes, (x.shape[0],)), default_int)))
        return concat(pieces, axis=1)
