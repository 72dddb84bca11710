"""What other libraries ask of an array: its namespace, its device, and its memory (DLPack).

The names are those of the Python array API standard. There is one device, "cpu".
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from maplet.core.primitive import operations
from maplet.core.tree import Leaf
from maplet.errors import SettingError

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from maplet.core.array import Array

the_device = "cpu"
on_the_cpu = (1, 0)  # DLPack's number for the memory of the CPU, and the first of them
latest_version = "2024.12"
versions = ("2021.12", "2022.12", "2023.12", latest_version)
marks_read_only = (1, 0)  # the version of DLPack that can say that memory may not be written to


def require_device(operation: str, device: Any) -> None:
    """Refuse a device other than the one there is."""
    if device is not None and not (isinstance(device, str) and device == the_device):
        raise SettingError(
            f"{operation}: device={device!r}, but every array is on the CPU", fix=f"device={the_device!r}, or none"
        )


class Exchange(Leaf):
    """The attributes of an array by which libraries that know only the standard use it."""

    __slots__ = ()

    if TYPE_CHECKING:

        def numpy(self) -> np.ndarray[Any, Any]: ...  # noqa: D102  (the array's own)

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The module with the functions of the standard, which is `maplet` itself."""
        if api_version is not None and api_version not in versions:
            raise SettingError(
                f"api_version={api_version!r}: maplet has the array API of {', '.join(versions)}",
                fix=f"api_version={latest_version!r}, or none",
            )
        return sys.modules["maplet"]

    @property
    def device(self) -> str:
        """Where the array is: always "cpu"."""
        return the_device

    def to_device(self, device: str, /, *, stream: Any = None) -> Array:
        """The array on a device; there is only "cpu", where it is already."""
        require_device("to_device", device)
        if stream is not None:
            raise SettingError(f"to_device: stream={stream!r}, but the CPU has no streams", fix="leave it out")
        return operations["asarray"](self)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The value for another library, by DLPack: a copy, as it may write to it, and this array never changes.

        With ``copy=False`` it is the memory itself, marked as one that may not be written to (by DLPack 1.0; not every
        library keeps to the mark).
        """
        value = self.numpy()
        if copy is not False:
            return value.copy().__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device)
        if max_version is None or max_version < marks_read_only:
            raise BufferError(
                "an array of maplet is never written to, which DLPack before 1.0 cannot say, so it needs a copy\n"
                "  fix: ask with max_version=(1, 0), or with copy=None"
            )
        return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The device in DLPack's numbers."""
        return on_the_cpu
