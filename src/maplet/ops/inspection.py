"""What the namespace offers, for libraries that work with any one of the array API standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maplet.core.exchange import require_device, the_device
from maplet.core.types import as_dtype, default_float, default_int, type_names
from maplet.ops.data_types import isdtype

if TYPE_CHECKING:
    import numpy as np

most_axes = 64  # NumPy's limit
extras = ("float16", "bfloat16")  # dtypes that the standard does not know


class NamespaceInfo:
    """The answer of `maplet.__array_namespace_info__()`.

    Examples
    --------
    >>> NamespaceInfo().devices()
    ['cpu']
    >>> list(NamespaceInfo().dtypes(kind="real floating"))
    ['float32', 'float64']
    """

    def capabilities(self) -> dict[str, Any]:
        """What there is of the optional parts; a shape may depend on data outside `mp.jit` and `mp.vmap`."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": most_axes}

    def default_device(self) -> str:
        """The device on which arrays are made."""
        return the_device

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtypes of arrays for which none is said."""
        require_device("default_dtypes", device)
        return {"real floating": default_float, "integral": default_int, "indexing": default_int}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """The dtypes of the standard by name, all or those of a kind; see `mp.isdtype`."""
        require_device("dtypes", device)
        every = {name: as_dtype(name) for name in type_names if name not in extras}
        return {name: dtype for name, dtype in every.items() if kind is None or isdtype(dtype, kind)}

    def devices(self) -> list[str]:
        """All devices."""
        return [the_device]


def namespace_info() -> NamespaceInfo:
    """What the namespace offers; in it the name is `__array_namespace_info__`, as the standard has it."""
    return NamespaceInfo()
