"""How many threads NumPy's matrix products use while a network is trained: one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]  (it ships none)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def one_blas_thread() -> AbstractContextManager[object]:
    """Hold BLAS to one thread in a ``with`` block.

    The matrix products of a usual mini-batch take a fraction of a millisecond: there is little to share, and threads
    that wait in a loop for a core that is busy elsewhere can make a step ten times slower. And with one thread, the
    bits of a run do not depend on how many cores a machine has.
    """
    return threadpool_limits(limits=1, user_api="blas")
