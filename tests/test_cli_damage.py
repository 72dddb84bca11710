"""Every document of a run, damaged at every place, for every command: it works, or one message tells why."""

import hashlib
import json
import logging
import os
import shutil
import time
from copy import deepcopy
from pathlib import Path

import pytest

from maplet.cli import main
from maplet.train.job import build_network
from maplet.train.run import Run

gone = object()
damages = {"gone": gone, "word": "ten", "minus": -1, "list": [], "dict": {}, "huge": 10**400}
documents = (
    "config.json",
    "job.json",
    "metrics.json",
    "model/model.json",
    "model/course.json",
    "model/preprocessing.json",
    "checkpoint/state.json",
    "model/manifest.json",
    "checkpoint/manifest.json",
    "history.jsonl",
    "watch.jsonl",
)
train = ("train", "t.csv", "--target", "kind", "--hidden", "3", "--quiet", "--no-lint", "-d")
commands = {
    "show": lambda run: ("show", run),
    "doctor": lambda run: ("doctor", run),
    "report": lambda run: ("report", run),
    "predict": lambda run: ("predict", run, "t.csv"),
    "explain": lambda run: ("explain", run, "--format", "formulas"),
    "ir": lambda run: ("ir", run, "--stage", "graph"),
    "resume": lambda run: (*train, run, "--resume", "--epochs", "2"),
}


@pytest.fixture(autouse=True, scope="module")
def _no_linear_model():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "maplet.train.job.fit_linear_model", lambda problem, settings: Run(build_network(problem, settings, ()))
        )
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table, and a run that is to be copied."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "t.csv").write_text("a,b,kind\n" + "".join(f"{n},{n % 7},{'xy'[n % 2]}\n" for n in range(60)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with pytest.raises(SystemExit):
            main([*train, "run", "--epochs", "2", "--doctor"])
    return folder


@pytest.fixture
def tried(place, monkeypatch, capsys):
    """Run a command on a copy of the run that a function has damaged: (status, what was said)."""
    monkeypatch.chdir(place)

    def run(command, damage):
        shutil.rmtree("copy", ignore_errors=True)
        shutil.copytree("run", "copy")
        damage(Path("copy"))
        logging.getLogger("maplet").handlers.clear()
        began = time.perf_counter()
        with pytest.raises(SystemExit) as ended:
            main([*commands[command]("copy")])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "fault of maplet" not in said
        assert time.perf_counter() - began < 20
        status = ended.value.code or 0
        assert status in (0, 1, 2)
        assert status == 0 or said.rpartition("error: ")[2].strip()
        return status, said

    return run


def places(content, path=()):
    """The way to each value of a document, its own first."""
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def damaged(content, path, value):
    content = deepcopy(content)
    if not path:
        return value
    inside = content
    for key in path[:-1]:
        inside = inside[key]
    if value is gone:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return content


def written(run, document, content):
    """The document (or its first line) with another content, and the hashes of its directory as they have to be."""
    kept = (run / document).read_text().splitlines()[1:] if document.endswith(".jsonl") else []
    (run / document).write_text("\n".join([json.dumps(content), *kept]) + "\n")
    folder = (run / document).parent
    if folder != run and not document.endswith("manifest.json"):
        manifest = json.loads((folder / "manifest.json").read_text())
        for name in manifest["files"]:
            file = (folder / name).read_bytes()
            manifest["files"][name] = {"bytes": len(file), "sha256": hashlib.sha256(file).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(manifest))


def all_damages(place, document):
    text = (place / "run" / document).read_text()
    content = json.loads(text.splitlines()[0] if document.endswith(".jsonl") else text)
    for path in places(content):
        for name, value in damages.items():
            if path or value is not gone:
                yield "/".join(map(str, path)), name, damaged(content, path, value)


def tries(place, document, command, tried, every=1):
    for n, (path, name, content) in enumerate(all_damages(place, document)):
        if n % every == 0:
            try:
                tried(command, lambda run, content=content: written(run, document, content))
            except AssertionError as error:
                raise AssertionError(f"{document}, {path} = {name}: {error}") from error


@pytest.mark.parametrize("document", documents)
@pytest.mark.parametrize("command", commands)
def test_a_sample_of_damages(place, tried, document, command):
    tries(place, document, command, tried, every=307)


@pytest.mark.slow
@pytest.mark.parametrize("document", documents)
@pytest.mark.parametrize("command", commands)
def test_a_larger_sample_of_damages(place, tried, document, command):
    tries(place, document, command, tried, every=11)  # of six damages to each place: all of them in turn


def cut_off(file):
    file.write_bytes(file.read_bytes()[:-7])


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def folder(file):
    file.unlink()
    file.mkdir()


whole_files = {
    "missing": Path.unlink,
    "cut off": cut_off,
    "empty": lambda file: file.write_bytes(b""),
    "noise": lambda file: file.write_bytes(bytes(range(256))),
    "pipe": pipe,
    "folder": folder,
    "circle": lambda file: (file.unlink(), file.symlink_to(file.name)),
}
files = (*documents, "history.jsonl", "model/weights.safetensors", "checkpoint/network.safetensors")


@pytest.mark.parametrize("damage", whole_files)
@pytest.mark.parametrize("command", ["show", "doctor", "report", "predict", "resume"])
def test_files_that_are_damaged_as_a_whole(tried, command, damage):
    at = list(whole_files).index(damage)
    tries_whole(tried, command, damage, files[at % 3 :: 4])


@pytest.mark.slow
@pytest.mark.parametrize("damage", whole_files)
@pytest.mark.parametrize("command", commands)
def test_every_file_damaged_as_a_whole(tried, command, damage):
    tries_whole(tried, command, damage, files)


def tries_whole(tried, command, damage, files):
    for file in files:
        try:
            status, said = tried(command, lambda run, file=file: whole_files[damage](run / file))
        except AssertionError as error:
            raise AssertionError(f"{file}: {error}") from error
        if status and "error: " in said:
            assert "  fix: " in said, (file, said)


@pytest.mark.parametrize("command", commands)
def test_weights_of_other_shapes_are_refused(tried, command):
    def another_layer(run):
        for document in ("model/model.json", "checkpoint/state.json", "config.json"):
            content = json.loads((run / document).read_text())
            found = content.get("network", content)
            if "layers" in found:
                found["layers"][0]["out_features"] = found["layers"][3]["in_features"] = 5
            written(run, document, content)

    status, said = tried(command, another_layer)
    if command in ("show", "doctor", "report", "predict", "explain"):
        assert (status, "do not fit" in said) == (1, True)


@pytest.mark.parametrize("command", ["show", "doctor", "report", "predict", "resume"])
def test_another_version_is_named(tried, command):
    where = "checkpoint" if command == "resume" else "model"
    document = f"{where}/manifest.json"

    def of_tomorrow(run):
        written(run, document, {**json.loads((run / document).read_text()), "version": 99})

    status, said = tried(command, of_tomorrow)
    assert status == 1
    assert "format version 99" in said
    assert "  fix: " in said
