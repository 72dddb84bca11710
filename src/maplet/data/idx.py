"""The IDX format of MNIST and its kin: a magic number, the sizes, and then the numbers, all big-endian."""

import gzip
import math
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from maplet.data.files import open_binary
from maplet.errors import DataError
from maplet.messages import listed, shown

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"

# DEFLATE cannot shrink anything further than this, so a header that asks for more is wrong before a byte is unpacked.
_LARGEST_RATIO = 1032


class LabelledImages(NamedTuple):
    """Images and what they show.

    Parameters
    ----------
    images
        uint8 (N, H, W).
    labels
        int64 (N,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_idx(path: str | Path) -> NDArray[Any]:
    """Read one array from an IDX file, packed with gzip or not.

    The file begins with two zero bytes, one byte for the kind of number, one for the number of axes, and four for the
    length of each axis. No more is unpacked than this header asks for.

    Returns
    -------
    ndarray
        Of the shape and the kind of number (uint8, int8, int16, int32, float32 or float64) that the header names.

    Raises
    ------
    DataError
        When the file cannot be opened or unpacked, has another format, or holds fewer or more bytes than its header
        asks for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path).tolist()
    [5, 0, 4]
    """
    path = Path(path)
    with open_binary(path) as file:
        packed = file.peek(2)[:2] == _GZIP
        most = path.stat().st_size * (_LARGEST_RATIO if packed else 1)
        if not packed:
            return _read_array(file, path, most)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked, BufferedReader(unpacked) as stream:
                return _read_array(stream, path, most)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(
                f"{path} cannot be unpacked: {error}", fix="the file is cut off or damaged; fetch it again"
            ) from error


def _read_array(file: BinaryIO, path: Path, most: int) -> NDArray[Any]:
    magic = file.read(4)
    kind, axes = (magic[2], magic[3]) if len(magic) == 4 and magic[:2] == b"\0\0" else (0, 0)
    sizes = file.read(4 * axes)
    if kind not in _DTYPES or axes == 0 or len(sizes) < 4 * axes:
        raise DataError(
            f"{path} is not an IDX file: it begins with the bytes {magic.hex(' ') or '(none)'}",
            fix="an IDX file begins with 00 00, the kind of number (08 for bytes) and the number of axes",
        )
    shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
    dtype = np.dtype(_DTYPES[kind])
    expected = math.prod(shape) * dtype.itemsize
    if expected > most:
        raise DataError(
            f"{path} is cut off: its header asks for {shown(shape)}, which a file of its size cannot hold",
            fix="fetch the file again",
        )
    body = file.read(expected)
    if len(body) < expected:
        raise DataError(
            f"{path} is cut off: its header asks for {shape}, {expected:,} bytes, and {len(body):,} follow",
            fix="fetch the file again",
        )
    if file.read(1):
        raise DataError(
            f"{path} goes on after the {expected:,} bytes of shape {shape} that its header asks for",
            fix="fetch the file again",
        )
    try:
        array = np.frombuffer(body, dtype=dtype).reshape(shape)
    except ValueError as error:  # too many axes, or too long ones, though one of them is 0
        raise DataError(
            f"{path}: no array has the shape {shown(shape)} that its header asks for", fix="fetch the file again"
        ) from error
    return array.astype(dtype.newbyteorder("="))


def read_idx_folder(folder: str | Path) -> tuple[LabelledImages, LabelledImages]:
    """Read the four files of MNIST, or of a data set laid out like it.

    They are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
    ``t10k-labels-idx1-ubyte``, each with or without ``.gz``; where both are there, the one without is read.

    Returns
    -------
    train, test
        Images uint8 (N, H, W) and labels int64 (N,) of each.

    Raises
    ------
    DataError
        When one of the four is missing or damaged, is not an array of images or labels, or when images and labels
        differ in number, or the images of the two parts in size, or when they have no pixels.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = read_idx_folder("mnist")  # doctest: +SKIP
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", fix="name the folder that holds the four IDX files")
    train, test = (_read_pair(folder, prefix) for prefix in ("train", "t10k"))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"training images of {train.images.shape[1:]} and test images of {test.images.shape[1:]} pixels",
            fix="take the four files from one data set",
            where=str(folder),
        )
    if train.images[0].size == 0:
        raise DataError(
            f"the images have {train.images.shape[1]} × {train.images.shape[2]} pixels: there is nothing to see",
            fix="take the four files from a whole data set",
            where=str(folder),
        )
    return train, test


def _read_pair(folder: Path, prefix: str) -> LabelledImages:
    images = _read_bytes(_find(folder, f"{prefix}-images-idx3-ubyte"), axes=3)
    labels = _read_bytes(_find(folder, f"{prefix}-labels-idx1-ubyte"), axes=1)
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(
            f"{prefix}: {len(images)} images and {len(labels)} labels; as many of each, and some, were expected",
            fix="take the four files from one data set",
            where=str(folder),
        )
    return LabelledImages(images, labels.astype(np.int64))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    there = sorted(entry.name for entry in folder.iterdir())
    raise DataError(
        f"{folder} lacks {name} (or {name}.gz)", fix=f"the folder holds {listed(there) or 'nothing'}", where=str(folder)
    )


def _read_bytes(path: Path, axes: int) -> NDArray[np.uint8]:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != axes:
        raise DataError(
            f"{path} holds {array.dtype} {array.shape}; bytes along {axes} axes were expected",
            fix="write gray images of one byte a pixel, (N, height, width), and labels (N,); others are for mp.fit",
        )
    return array
