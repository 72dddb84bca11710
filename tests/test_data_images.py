"""IDX files and the digits of scikit-learn."""

import gzip
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from maplet.data import read_digits, read_idx, read_idx_folder
from maplet.errors import DataError

KINDS = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array):
    kind = KINDS[array.dtype.str[1:]]
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_folder(folder, *, suffix=".gz", **replace):
    generator = np.random.default_rng(0)
    made = {}
    for stem in STEMS:
        count = 5 if stem.startswith("train") else 3
        shape = (count, 4, 6) if "images" in stem else (count,)
        made[stem] = replace.get(stem.split("-idx")[0].replace("-", "_"), generator.integers(0, 10, shape, np.uint8))
        content = idx(made[stem])
        (folder / f"{stem}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    return made


@settings(max_examples=60, deadline=None)
@given(
    array=st.sampled_from(sorted(KINDS)).flatmap(lambda kind: arrays(kind, array_shapes(max_dims=4, max_side=4))),
    packed=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory, array, packed):
    path = tmp_path_factory.getbasetemp() / "law.idx"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    again = read_idx(path)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


CONTENT = idx(np.arange(12, dtype=np.uint8).reshape(3, 4))


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (b"", ["not an IDX file", "(none)"]),
        (b"\x89PNG....", ["not an IDX file", "89 50 4e 47"]),
        (b"\0\0\x07\x01\0\0\0\0", ["not an IDX file", "00 00 07 01"]),
        (b"\0\0\x08\0", ["not an IDX file"]),
        (CONTENT[:9], ["not an IDX file"]),
        (CONTENT + b"!", ["goes on after the 12 bytes of shape (3, 4)"]),
        (gzip.compress(CONTENT + b"!", mtime=0), ["goes on after the 12 bytes"]),
        (CONTENT[:-1], ["cut off", "(3, 4)", "12 bytes", "11 follow"]),
        (gzip.compress(CONTENT[:-1], mtime=0), ["cut off", "12 bytes", "11 follow"]),
        (gzip.compress(CONTENT, mtime=0)[:-9], ["cannot be unpacked", "cut off or damaged"]),
        (gzip.compress(CONTENT, mtime=0)[:-8] + b"\0" * 8, ["cannot be unpacked", "CRC"]),
        (b"\0\0\x08\x03" + b"\xff" * 12, ["cut off", "4294967295", "cannot hold"]),
        (gzip.compress(b"\0\0\x0e\x03" + b"\xff" * 12, mtime=0), ["cut off", "4294967295", "cannot hold"]),
    ],
)
def test_error_names_the_facts(tmp_path, content, facts):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    for fact in ["broken", *facts]:
        assert fact in str(caught.value)


def test_no_more_is_unpacked_than_the_header_asks_for(tmp_path, monkeypatch):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(CONTENT + bytes(50_000_000), compresslevel=9))
    unpacked = 0
    read = gzip.GzipFile.readinto

    def counting(self, buffer):
        nonlocal unpacked
        count = read(self, buffer)
        unpacked += count
        return count

    monkeypatch.setattr(gzip.GzipFile, "readinto", counting)
    with pytest.raises(DataError, match="goes on after the 12 bytes"):
        read_idx(path)
    assert 0 < unpacked < 100_000


def test_missing_file_offers_the_nearest(tmp_path):
    (tmp_path / "labels-idx1-ubyte").touch()
    with pytest.raises(DataError, match=r"no file(.|\n)*did you mean 'labels-idx1-ubyte'\?"):
        read_idx(tmp_path / "label-idx1-ubyte")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_of_four_files(tmp_path, suffix):
    made = write_folder(tmp_path, suffix=suffix)
    (x, y), (x_test, y_test) = read_idx_folder(tmp_path)
    for array, stem in zip((x, y, x_test, y_test), STEMS, strict=True):
        assert array.tolist() == made[stem].tolist()
    assert (x.dtype, y.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("stem", STEMS)
def test_a_missing_file_of_the_four_is_named(tmp_path, stem):
    write_folder(tmp_path)
    (tmp_path / f"{stem}.gz").unlink()
    with pytest.raises(DataError, match=f"lacks {stem}") as caught:
        read_idx_folder(tmp_path)
    assert "the folder holds 't" in str(caught.value)


def zeros(*shape, dtype=np.uint8):
    return np.zeros(shape, dtype=dtype)


@pytest.mark.parametrize(
    ("replace", "fact"),
    [
        ({"train_labels": zeros(4)}, "train: 5 images and 4 labels"),
        ({"t10k_images": zeros(2, 4, 6)}, "t10k: 2 images and 3 labels"),
        ({"train_images": zeros(0, 4, 6), "train_labels": zeros(0)}, "train: 0 images and 0 labels"),
        ({"t10k_images": zeros(3, 6, 4)}, r"\(4, 6\) and test images of \(6, 4\)"),
        ({"train_images": zeros(5, 24)}, r"uint8 \(5, 24\); bytes along 3 axes"),
        ({"train_labels": zeros(5, dtype=np.int32)}, r"int32 \(5,\); bytes along 1 axes"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path, replace, fact):
    write_folder(tmp_path, **replace)
    with pytest.raises(DataError, match=fact):
        read_idx_folder(tmp_path)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        read_idx_folder(tmp_path / "mnist")


def test_mnist(shared):
    (x, y), (x_test, y_test) = read_idx_folder(shared("mnist"))
    assert (x.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert y[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_digits():
    pytest.importorskip("sklearn", reason="needs scikit-learn, of the extra `examples`")
    images, labels = read_digits()
    assert (images.shape, images.dtype, images.max()) == ((1797, 8, 8), np.uint8, 16)
    assert (labels.dtype, sorted(set(labels.tolist()))) == (np.int64, list(range(10)))
    assert images[0, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r'pip install "maplet\[examples\]"'):
        read_digits()
