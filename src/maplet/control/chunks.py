"""A large batch in chunks that fit: the mean over all of it, from chunk to chunk, in an order that never changes.

The results of chunks are added in a balanced tree, ((c₀ + c₁) + (c₂ + c₃)) + …, and divided once. So k micro-batches
that come one by one (`Accumulator`) and one batch cut into k chunks (`chunked`) give the same bits.
"""

from __future__ import annotations

from functools import wraps
from operator import index
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from maplet.control.scan import scan
from maplet.core.array import Array
from maplet.core.body import require_callable
from maplet.core.context import located
from maplet.core.recording import as_tree
from maplet.core.tree import leaves, places, replace
from maplet.core.types import is_floating
from maplet.errors import SettingError, ShapeError, TraceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def chunked(f: Callable[..., Any], chunks: int, *, batch: int | Sequence[int] | None = None) -> Callable[..., Any]:
    """The mean of a function over equal chunks of the rows that it is given, one chunk after another.

    Where ``f`` is a mean over rows, as a loss and its gradient are, this is ``f`` of the whole batch, up to rounding.
    It needs the memory of one chunk: ``mp.chunked(mp.value_and_grad(loss), 8)`` trains with batches eight times as
    large as fit otherwise.

    Parameters
    ----------
    f
        A function of a batch whose result is a tree of floating arrays: means over the rows, such as those of
        ``mp.value_and_grad``. A loss with weights for its rows is none: the weights of a chunk have another sum.
    chunks
        How many: a power of two.
    batch
        Which positional arguments have the rows, along the first axis of all their arrays. Not given: all but the
        first, which is the network.

    Returns
    -------
    A function with the same arguments and result. Its value does not depend on how the work is shared or compiled, and
    k micro-batches that go through an `Accumulator` give the same bits as one batch in k chunks.

    What ``f`` changes (running statistics, the position of a generator) is handed on from chunk to chunk. So
    ``BatchNorm`` sees chunks, and every chunk draws its own numbers, as micro-batches do.

    Raises
    ------
    SettingError
        If the number of chunks is no power of two.
    ShapeError
        If the arrays have other numbers of rows than each other, or one that the chunks do not divide.
    TraceError
        If the result holds what has no mean.

    Examples
    --------
    >>> import maplet as mp
    >>> loss = lambda w, x: mp.mean((x @ w) ** 2)
    >>> x = mp.reshape(mp.arange(8.0), (4, 2))
    >>> mp.chunked(mp.value_and_grad(loss), 2)(mp.ones(2), x)
    (Array(69.), Array([62., 76.], dtype=float32))
    """
    located(require_callable)("chunked", f)
    levels = _levels(chunks)

    @wraps(f)
    def in_chunks(*args: Any, **kwargs: Any) -> Any:
        wanted = range(1, len(args)) if batch is None else [batch] if isinstance(batch, int) else batch
        cut = {n: as_tree(args[n]) for n in wanted}
        rows = _rows(cut, chunks)
        shape = (*[2] * levels, rows // chunks)
        pieces = replace(cut, lambda leaf: leaf.reshape((*shape, *leaf.shape[1:])) if isinstance(leaf, Array) else leaf)

        def of_chunk(piece: dict[int, Any]) -> Any:
            found = as_tree(f(*[piece.get(n, argument) for n, argument in enumerate(args)], **kwargs))
            _require_means(found)
            return found

        return _scaled(_halves(of_chunk, pieces, levels), chunks)

    return in_chunks


def _halves(f: Callable[[Any], Any], pieces: Any, level: int) -> Any:
    """The sum over all pieces: that of the first half and that of the second, in one loop of two rounds."""
    if level == 0:
        return f(pieces)

    def half(nothing: None, part: Any) -> tuple[None, Any]:
        return nothing, _halves(f, part, level - 1)

    _, both = scan(half, None, pieces)
    return replace(both, lambda leaf: leaf[0] + leaf[1] if isinstance(leaf, Array) else leaf)


class Accumulator:
    """The mean of results that come one by one, such as the losses and gradients of micro-batches.

    They are added in a balanced tree, so that at most log₂ n sums are kept of n results. Of 2ⁿ equal micro-batches the
    mean has the bits of one batch in 2ⁿ chunks (`chunked`).

    Examples
    --------
    >>> import maplet as mp
    >>> found = mp.Accumulator()
    >>> for x in [1.0, 2.0, 6.0, 7.0]:
    ...     found.add({"loss": mp.asarray(x)})
    >>> found.mean()
    {'loss': Array(4.)}
    """

    def __init__(self) -> None:
        self.sums: list[tuple[int, Any]] = []  # how many results are in each, which are fewer and fewer
        self.count = 0

    def add(self, result: Any) -> None:
        """Take up a result: a tree of floating arrays, of the same form as those before.

        Raises
        ------
        TraceError
            If it holds what has no mean.
        ShapeError
            If it has another form.
        """
        found = as_tree(result)
        _require_means(found)
        if self.sums:
            _require_same(self.sums[-1][1], found)
        size = 1
        while self.sums and self.sums[-1][0] == size:
            _, before = self.sums.pop()
            found, size = _added(before, found), 2 * size
        self.sums.append((size, found))
        self.count += 1

    def mean(self) -> Any:
        """The mean of all results so far.

        Raises
        ------
        SettingError
            If there are none.
        """
        if not self.sums:
            raise SettingError("the mean of no results", fix="add a result first")
        *before, (_, total) = self.sums
        for _, larger in reversed(before):
            total = _added(larger, total)
        return _scaled(total, self.count)


# ── sums and means ───────────────────────────────────────────────────────────────────────────────


def _added(first: Any, second: Any) -> Any:
    others = iter(leaves(second).values())
    return replace(first, lambda leaf: leaf + next(others) if isinstance(leaf, Array) else leaf)


def _scaled(total: Any, count: int) -> Any:
    """The sum divided by a number; by a power of two, this is exact wherever it is done."""
    if count & (count - 1) == 0:
        return replace(total, lambda leaf: leaf * (1 / count) if isinstance(leaf, Array) else leaf)
    return replace(total, lambda leaf: leaf / count if isinstance(leaf, Array) else leaf)


# ── what is asked ────────────────────────────────────────────────────────────────────────────────


def _levels(chunks: Any) -> int:
    try:
        number = index(chunks)
    except TypeError:
        number = 0
    if isinstance(chunks, bool | np.bool_) or number < 1 or number & (number - 1):
        raise SettingError(
            f"chunked: chunks={chunks!r}", fix="a power of two, 1, 2, 4, 8 …: their results are added in pairs"
        )
    return number.bit_length() - 1


def _rows(cut: dict[int, Any], chunks: int) -> int:
    """How many rows all arrays have."""
    found = {
        f"argument {n}{'.' if path else ''}{path}": leaf
        for n, tree in cut.items()
        for path, leaf in places(tree)
        if isinstance(leaf, Array)
    }
    counts = {leaf.shape[0] if leaf.ndim else None for leaf in found.values()}
    if len(counts) != 1 or None in counts:
        given = ", ".join(f"{name} {leaf.type}" for name, leaf in found.items()) or "no arrays"
        raise ShapeError(
            f"chunked: the arrays of a batch have one number of rows, given {given}",
            fix="say which arguments have rows: chunked(f, chunks, batch=(1, 2)); put the others first, or into f",
        )
    rows = cast("int", counts.pop())
    if rows % chunks or not rows:
        fitting = 1 << ((rows & -rows).bit_length() - 1) if rows else 0
        raise ShapeError(
            f"chunked: {rows} rows cannot be cut into {chunks} equal chunks",
            fix=f"chunks={min(fitting, chunks)} divides {rows}" if rows else "give a batch that has rows",
        )
    return rows


def _require_means(result: Any) -> None:
    for path, leaf in places(result):
        if not isinstance(leaf, Array) or not is_floating(leaf.dtype):
            what = leaf.type if isinstance(leaf, Array) else type(leaf).__name__
            raise TraceError(
                f"chunked: the result{f' at {path!r}' if path else ''} is {what}, which has no mean",
                fix="return floating arrays alone: the loss, its gradient, a metric that is a mean over rows",
            )


def _require_same(before: Any, now: Any) -> None:
    old, new = ({path: str(leaf.type) for path, leaf in leaves(tree).items()} for tree in (before, now))
    if old != new:
        raise ShapeError(f"an accumulator of {old} is given {new}", fix="give results of one form")
