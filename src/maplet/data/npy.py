"""NumPy's own file of one array, ``.npy``."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maplet.data.files import open_binary
from maplet.errors import DataError
from maplet.messages import shown

_MAGIC = b"\x93NUMPY"


def read_npy(path: str | Path) -> NDArray[Any]:
    """Read an array of numbers from a ``.npy`` file; nothing in it is executed.

    Raises
    ------
    DataError
        When the file cannot be opened, is not of this format, is cut off, or holds anything but real numbers or bools.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels.npy"
    ...     np.save(path, np.array([5, 0, 4]))
    ...     read_npy(path).tolist()
    [5, 0, 4]
    """
    path = Path(path)
    with open_binary(path) as file:
        begin = file.peek(len(_MAGIC))[: len(_MAGIC)]
        if begin != _MAGIC:
            archive = begin.startswith(b"PK")
            raise DataError(
                f"{path} is not a NumPy file of one array: it begins with the bytes {begin.hex(' ') or '(none)'}",
                fix="an archive (.npz) holds several; save the one with numpy.save" if archive else "use numpy.save",
            )
    try:
        # Mapped, not read: a header that asks for more than the file holds is refused before memory is taken.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header makes NumPy raise errors of many kinds
        raise DataError(
            f"{path} cannot be read as a NumPy array: {shown(str(error), 200)}", fix="write it again with numpy.save"
        ) from error
    if mapped.dtype.kind not in "buif":
        raise DataError(
            f"{path} holds {shown(mapped.dtype)}, real numbers were expected",
            fix="convert it, as with array.astype(numpy.float32), and save it again",
        )
    return np.array(mapped)
