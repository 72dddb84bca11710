"""What a command writes with -o: its result as a whole, and never over what it reads or what belongs to a run."""

import json
import os
import threading

import pytest

from maplet.cli.output import require_place
from maplet.data.output import write_output
from maplet.errors import DataError
from maplet.train.run_directory import ours, run_format


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    (folder / "model").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"format": run_format}))
    return folder


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode_and_its_links(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    write_output(tmp_path / "link", "a\udc80\n")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"a\\udc80\n"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    assert {found.name for found in tmp_path.iterdir()} == {"real", "link"}


@pytest.mark.parametrize("made", [os.link, os.symlink, None])
def test_no_input_is_replaced_whatever_its_name(tmp_path, made):
    source = tmp_path / "in.csv"
    source.write_text("mine")
    path = source
    if made is not None:
        path = tmp_path / "other.csv"
        made(source, path)
    with pytest.raises(DataError, match="what is read"):
        require_place(path, [tmp_path / "elsewhere", source])


@pytest.mark.parametrize("name", [*ours, ".lock", "model/weights.safetensors", ".replaced/config.json"])
@pytest.mark.parametrize("damage", [None, "{"])
def test_what_belongs_to_a_run_is_left_alone(run, name, damage):
    if damage:
        (run / "config.json").write_text(damage)
    with pytest.raises(DataError, match="belongs to the run"):
        require_place(run / name)
    require_place(run / "predictions.csv")
    (run / "config.json").write_text('{"format": "of another program"}')
    require_place(run / "job.json")


def test_a_pipe_is_written_into_and_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_output(tmp_path / "pipe", "text")
    reader.join(10)
    assert read == ["text"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("name", ["folder", "nowhere/x", "x" * 300, "circle", "a\0b"])
def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(DataError, match="cannot write"):
        write_output(tmp_path / name, "x")
    assert {found.name for found in tmp_path.iterdir()} == {"folder", "circle"}
