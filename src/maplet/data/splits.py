"""Splitting rows into a part to train on, one to validate on, and one to test on."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from maplet.data.batches import permutation
from maplet.errors import DataError, SettingError
from maplet.settings import whole

# The split draws from the epoch that no training ever reaches, so that it shares no random numbers with the shuffling.
_STREAM = 2**64 - 1

_PARTS = ("training", "validation", "test")


def split(
    n: int,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    labels: Iterable[object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split n rows at random into training, validation and test part; depends on the arguments only.

    Every row is in exactly one part, and every part with a fraction > 0 gets at least one row. With labels the split is
    *stratified*: each class is split by itself in the same fractions, and stands in each part if it has a row for each;
    a class with fewer rows goes to the training part as a whole, since a net cannot be tested on what it never saw.

    Parameters
    ----------
    n
        The number of rows.
    fractions
        Of the three parts: each ≥ 0, their sum 1, and that of the training part > 0.
    seed
        0 ≤ seed < 2⁶⁴.
    labels
        The class of each row, (n,).

    Returns
    -------
    train, validation, test
        Indices, int64, in ascending order.

    Raises
    ------
    SettingError
        When the fractions or the seed are out of range.
    DataError
        When there are too few rows for one in each part, or not as many labels as rows.

    Examples
    --------
    >>> train, validation, test = split(20, labels=["a", "b"] * 10)
    >>> len(train), len(validation), len(test)
    (14, 3, 3)
    """
    n = whole("n", n, least=0)
    shares = _check_fractions(fractions)
    needed = sum(share > 0 for share in shares)
    if n < needed:
        raise DataError(
            f"too few rows to split: {n} given, {needed} needed at least, one for each part", fix="give more rows"
        )
    order = permutation(n, seed, _STREAM)
    groups = [order] if labels is None else _by_class(order, list(labels))
    owed = [0.0] * len(shares)
    pieces = [np.split(group, np.cumsum(_sizes(len(group), shares, owed))[:-1]) for group in groups]
    parts = [np.sort(np.concatenate(piece)) for piece in zip(*pieces, strict=True)]
    for part, share, name in zip(parts, shares, _PARTS, strict=True):
        if share > 0 and len(part) == 0:
            raise DataError(
                f"the {name} part would be empty: no class has {needed} rows, one for each part",
                fix="give more rows of each class, or split without labels",
            )
    return parts[0], parts[1], parts[2]


def _check_fractions(fractions: Sequence[float]) -> list[float]:
    shares = [float(share) for share in fractions]
    legal = len(shares) == len(_PARTS) and all(share >= 0 for share in shares)
    if not (legal and shares[0] > 0 and math.isclose(sum(shares), 1)):
        raise SettingError(
            f"fractions are {tuple(shares)}; three numbers ≥ 0 with sum 1 were expected, the first > 0",
            fix="for example fractions=(0.7, 0.15, 0.15)",
        )
    return shares


def _by_class(order: NDArray[np.int64], labels: list[object]) -> list[NDArray[np.int64]]:
    """The rows of each class, in the given order."""
    if len(labels) != len(order):
        raise DataError(f"{len(labels)} labels were given for {len(order)} rows", fix="give one label per row")
    members: dict[object, list[int]] = {}
    for row in order.tolist():
        members.setdefault(labels[row], []).append(row)
    return [np.array(rows, dtype=np.int64) for rows in members.values()]


def _sizes(count: int, shares: Sequence[float], owed: list[float]) -> list[int]:
    """How many of `count` rows each part gets; none stays empty if there are rows for each.

    Each gets its share rounded down, and what is left goes where most is missing. `owed` carries over from class to
    class what each part has got too little, so that rounding does not favour a part again and again.
    """
    open_parts = [part for part, share in enumerate(shares) if share > 0]
    if count < len(open_parts):
        sizes = [count] + [0] * (len(shares) - 1)
    else:
        sizes = [math.floor(count * share) for share in shares]
        missing = [count * share - size + debt for share, size, debt in zip(shares, sizes, owed, strict=True)]
        for part in sorted(open_parts, key=lambda part: -missing[part])[: count - sum(sizes)]:
            sizes[part] += 1
        for part in open_parts:
            if sizes[part] == 0:
                sizes[sizes.index(max(sizes))] -= 1
                sizes[part] = 1
    owed[:] = [debt + count * share - size for share, size, debt in zip(shares, sizes, owed, strict=True)]
    return sizes
