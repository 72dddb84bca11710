"""The order of the rows in an epoch, and the batches that they are cut into."""

import numpy as np
from numpy.typing import NDArray

from maplet.settings import whole


def permutation(n: int, seed: int, epoch: int, block: int = 0) -> NDArray[np.int64]:
    """The order of n rows in an epoch: a permutation that depends on (seed, epoch, block) only.

    Each row draws 64 bits from the Philox generator with key (seed, epoch), at a place of its own for each block, and
    the rows are sorted by their draws. The bits of a bit generator never change from one NumPy to the next, which
    `Generator.permutation` does not promise; so a run can be repeated in years to come.

    Parameters
    ----------
    n
        The number of rows, ≥ 0.
    seed, epoch
        0 ≤ seed, epoch < 2⁶⁴.
    block
        Which part of the data it is, where that comes in parts.

    Returns
    -------
    int64 (n,)
        Each of 0 … n−1 once.

    Raises
    ------
    SettingError
        When an argument is out of range, or not an integer.

    Examples
    --------
    >>> permutation(5, seed=0, epoch=0).tolist()
    [0, 2, 1, 4, 3]
    """
    key = np.array([_word("seed", seed), _word("epoch", epoch)], dtype=np.uint64)
    counter = np.array([0, 0, 0, _word("block", block)], dtype=np.uint64)
    draws = np.asarray(np.random.Philox(key=key, counter=counter).random_raw(whole("n", n, least=0)))
    return np.argsort(draws, kind="stable").astype(np.int64)


def batch_slices(n: int, batch_size: int) -> list[slice]:
    """Cut n rows into batches; the last one is short when batch_size does not divide n.

    Raises
    ------
    SettingError
        When batch_size is not an integer ≥ 1.

    Examples
    --------
    >>> batch_slices(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    n = whole("n", n, least=0)
    batch_size = whole("batch_size", batch_size, least=1)
    return [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]


def _word(name: str, value: int) -> int:
    """An integer of 64 bits, as the Philox generator takes them."""
    return whole(name, value, least=0, most=2**64 - 1)
