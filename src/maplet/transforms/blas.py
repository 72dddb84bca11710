"""How many threads NumPy's matrix products use while a network is trained or looked at: one."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]  (it ships none)

if TYPE_CHECKING:
    from collections.abc import Generator

guard = threading.Lock()
inside = 0  # how many blocks are open, in all threads: the limit belongs to the process
limits: Any = None


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Hold BLAS to one thread in a ``with`` block.

    The matrix products of a usual mini-batch take a fraction of a millisecond: there is little to share, and threads
    that wait in a loop for a core that is busy elsewhere can make a step ten times slower. And with one thread, the
    bits of a run do not depend on how many cores a machine has.
    """
    global inside, limits  # noqa: PLW0603  (so is the setting that is held)
    with guard:
        inside += 1
        if inside == 1:
            limits = threadpool_limits(limits=1, user_api="blas")
    try:
        yield
    finally:
        with guard:
            inside -= 1
            if inside == 0:
                limits.restore_original_limits()
