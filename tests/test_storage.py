"""A directory that is there as a whole or not at all."""

import json

import numpy as np
import pytest

from maplet.errors import CheckpointError
from maplet.train import storage
from maplet.train.storage import exists, read_directory, write_directory

documents = {"state": {"π": 3.141592653589793, "steps": [1, 2], "nothing": None}}
w = np.arange(6, dtype=np.float32).reshape(2, 3)
views = {"transposed": w.T, "repeated": np.broadcast_to(np.float32(3), (4, 5)), "strided": w[:, ::-2]}
arrays = {"weights": {"w": w, "n": np.array(7, np.uint64), "none": np.zeros((0, 2)), **views}}


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "checkpoint"
    write_directory(path, documents, arrays)
    return path


def test_what_is_written_is_read_back_to_the_bit(written):
    found_documents, found_arrays = read_directory(written)
    assert found_documents == documents
    for name, array in arrays["weights"].items():
        assert found_arrays["weights"][name].dtype == array.dtype
        np.testing.assert_array_equal(found_arrays["weights"][name], array)


def test_a_second_write_replaces_the_first_and_leaves_nothing_behind(written):
    write_directory(written, {"state": 2}, {})
    assert read_directory(written) == ({"state": 2}, {})
    assert [p.name for p in written.parent.iterdir()] == ["checkpoint"]


def test_a_kill_between_the_two_renames_loses_nothing(written):
    written.rename(storage._aside(written))
    assert exists(written)
    assert read_directory(written)[0] == documents


@pytest.mark.parametrize("name", ["state.json", "weights.safetensors", "manifest.json"])
def test_a_truncated_file_is_noticed(written, name):
    content = (written / name).read_bytes()
    (written / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=name):
        read_directory(written)


@pytest.mark.parametrize("name", ["state.json", "weights.safetensors"])
def test_a_changed_byte_is_noticed(written, name):
    content = bytearray((written / name).read_bytes())
    content[-3] ^= 1
    (written / name).write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="changed after it was written"):
        read_directory(written)


def test_a_missing_file_is_named(written):
    (written / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"weights\.safetensors cannot be read"):
        read_directory(written)


def test_another_version_says_what_to_do(written):
    manifest = json.loads((written / "manifest.json").read_bytes())
    (written / "manifest.json").write_text(json.dumps({**manifest, "version": 99}))
    with pytest.raises(CheckpointError, match="format version 99"):
        read_directory(written)


def test_file_names_that_leave_the_directory_are_refused(written):
    manifest = json.loads((written / "manifest.json").read_bytes())
    manifest["files"]["../../etc/passwd"] = {}
    (written / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="plain file names"):
        read_directory(written)


def test_a_foreign_directory_is_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="nothing that maplet saved"):
        read_directory(tmp_path)
    (tmp_path / "manifest.json").write_text("[1]")
    with pytest.raises(CheckpointError, match="no JSON object"):
        read_directory(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not written by maplet"):
        read_directory(tmp_path)


def test_a_full_disk_keeps_what_was_there(written, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_flushed", full)
    with pytest.raises(CheckpointError, match="No space left"):
        write_directory(written, {"state": 2}, {})
    assert read_directory(written)[0] == documents
    assert [p.name for p in written.parent.iterdir()] == ["checkpoint"]


def test_nothing_is_replaced_but_what_was_written_here(tmp_path, written):
    precious = tmp_path / "precious"
    precious.mkdir()
    write_directory(precious, documents, {})  # an empty directory is nobody's
    (precious / "thesis.txt").write_text("years of work")
    with pytest.raises(CheckpointError, match="left alone"):
        write_directory(precious, documents, {})
    assert (precious / "thesis.txt").read_text() == "years of work"
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(CheckpointError, match="left alone"):
        write_directory(file, documents, {})
    assert file.read_text() == "mine"
    neighbour = written.with_name("checkpoint.old")
    neighbour.mkdir()
    write_directory(written, documents, {})
    assert neighbour.is_dir()


def test_what_json_cannot_hold(tmp_path):
    numbers = {"nan": float("nan"), "inf": [np.float32("inf")], "n": np.int64(3)}
    write_directory(tmp_path / "d", {"numbers": numbers}, {})
    text = (tmp_path / "d" / "numbers.json").read_text()
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert read == {"nan": None, "inf": [None], "n": 3}
    with pytest.raises(CheckpointError, match="JSON cannot"):
        write_directory(tmp_path / "e", {"what": {1, 2}}, {})


@pytest.mark.parametrize("files", [None, {}, {"state.json": 3}, ["state.json"]])
def test_a_manifest_of_another_shape(written, files):
    (written / "manifest.json").write_text(json.dumps({"format": "maplet", "version": 1, "files": files}))
    with pytest.raises(CheckpointError, match=r"manifest\.json is damaged"):
        read_directory(written)
