"""`maplet explain`: of a run, of a function in a file, of an expression; and what is refused."""

import csv
import json
import random
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet import nn
from maplet.cli.main import cli
from maplet.explain.reference import page
from maplet.health.doctor import rules as of_doctor
from maplet.health.doctor.page import page as page_of_doctor
from maplet.health.lint import rules as of_lint
from maplet.health.lint.page import page as page_of_lint
from maplet.nn.losses import losses
from maplet.train.explaining import problem_of

source = """\
import maplet as mp

w = mp.asarray([[0.5], [0.25]])


def loss(w, x, scale=2.0):
    z = x @ w
    return mp.sum(mp.tanh(z)) * scale


def wrong(w):
    return {}["key"]


def no_scalar(w):
    return w * 2


number = 3


def at_its_defaults(v=0.5, x=2.0):
    return v * x


def between(w, factor=3.0, rate=0.5):
    return mp.sum(w) * factor * rate
"""


def run(*arguments):
    return CliRunner().invoke(cli, ["explain", *map(str, arguments)])


def shown(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def fails(*arguments):
    """The error of a call that is refused."""
    result = run(*arguments)
    assert result.exit_code != 0
    return str(result.exception)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(source, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as table:
        writer, rng = csv.writer(table), random.Random(0)
        writer.writerow(["a", "b", "kind"])
        for _ in range(120):
            a, b = rng.gauss(0, 1), rng.gauss(0, 1)
            writer.writerow([a, b, "yes" if a > b else "no"])
    command = ["train", folder / "t.csv", "--target", "kind", "--hidden", "3", "--epochs", "2", "--quiet"]
    result = CliRunner().invoke(cli, [*map(str, command), "-d", str(folder / "run")])
    assert result.exit_code == 0, (result.output, result.exception)
    return folder / "run"


def test_an_expression():
    given = ["--set", "x=[[1,2]]", "--set", "w=[[1],[-1]]", "--set", "b=0", "--set", "y=[[1]]"]
    text = shown("mse(sigmoid(x @ w + b), y)", *given)
    assert "loss = 0.534447" in text
    assert "∂loss/∂w = xᵀ ∂loss/∂v1" in text
    assert ".py:" not in text
    assert "前向传播" in shown("mse(sigmoid(x @ w + b), y)", *given, "--language", "zh")
    assert shown("mse(sigmoid(x @ w + b), y)", *given, "--format", "mermaid").startswith("flowchart TD")
    assert r"\begin{align*}" in shown("mse(sigmoid(x @ w + b), y)", *given, "--format", "latex")
    assert "∂loss/∂w = 2·xᵀ" in shown("mse(x @ w, y)", *given[:4], *given[6:], "--format", "formulas")
    assert "def gradients(x, w, y):" in shown("mse(x @ w, y)", *given[:4], *given[6:], "--format", "numpy")
    entry = shown("mse(sigmoid(x @ w + b), y)", *given, "--entry", "w[1,0]")
    assert entry.splitlines()[1] == "∂loss/∂w[1,0] = x[0,1]·∂loss/∂v1[0,0] = 2·(−0.28747) = −0.574939"


def test_a_function_of_a_file_finds_its_arguments_by_name(file, tmp_path):
    text = shown(f"{file}:loss", "--set", "x=[[1, 2]]")
    assert "# net.py:7" in text
    assert "1.52319" in text
    shown(f"{file}:loss", "--set", "x=[[1,2]]", "--format", "html", "-o", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_row_of_a_run(trained):
    text = shown(trained, "--row", "3")
    assert "v1 = x layers.0.weight : f32[1,3]" in text
    assert text != shown(trained, "--row", "4")
    assert ".py:" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("rules", "whole"), [(of_lint, page_of_lint), (of_doctor, page_of_doctor)])
def test_the_page_of_every_rule(rules, whole, language):
    for code in rules:
        head, _, section = shown(code, "--language", language).partition("\n\n")
        assert head == code
        assert section in whole(language)


def test_a_rule_that_is_not_there_is_refused():
    assert "there is no rule ML999" in fails("ML999")
    assert "does not go with --step" in fails("ML003", "--step", 0.1)


def test_the_columns_of_a_row_have_their_names(trained):
    """Each number of x stands beside its column, with the gradient that comes there; none is left out."""
    text, html = shown(trained, "--row", "3"), shown(trained, "--row", "3", "--format", "html")
    columns = text.partition("the columns of the row\n")[2].splitlines()
    rows = [re.fullmatch(r"  (\S+) +x\[0,(\d)\] = (\S+) +∂ = (\S+)", line).groups() for line in columns if line]
    assert [name for name, *_ in rows][:2] == ["a", "b"]
    (x, y), net = problem_of(trained).test, mp.load(trained).net
    derivation = mp.explain(lambda x: losses["cross_entropy"](net(x), y[3:4]), x[3:4])
    for name, n, value, gradient in rows:
        numbers = [float(one.replace("−", "-")) for one in (value, gradient)]
        x = derivation["x"]
        assert numbers == pytest.approx([x.value[0, int(n)], x.cotangent[0, int(n)]], rel=1e-5)
        assert f">{name}</th><td>x[0,{n}]</td><td>{value}</td><td>{gradient}</td>" in html
    assert len(rows) == derivation["x"].value.size


def test_state_is_no_number_of_the_computation():
    net = nn.Sequential(*[one for n in range(40) for one in (nn.Linear(3, 3, rng=n), nn.Dropout(0.5, rng=n))])
    for mode in (net.train, net.eval):
        mode()
        text = mp.explain(lambda net, x: mp.mean(net(x) ** 2), net, np.ones((1, 3), np.float32)).text()
        assert "folded by layer" in text
        assert "weight" in text
        assert "key" not in text
        assert "counter" not in text


def test_the_page_of_operations():
    assert shown("--operations") == page()
    assert shown("--operations", "--language", "zh") == page("zh")


def test_what_is_refused(file, tmp_path, trained):
    assert "a value for w" in fails("x @ w", "--set", "x=[[1]]")
    assert "needs a value for x" in fails(f"{file}:loss")
    assert "returned shape (2, 1)" in fails(f"{file}:no_scalar")
    assert "KeyError: 'key'\n  at:  net.py:12" in fails(f"{file}:wrong")
    assert "is int, not a function" in fails(f"{file}:number")
    assert "did you mean 'loss'" in fails(f"{file}:los")
    assert "there is no file" in fails("nowhere.py:f")
    assert "no run directory, no function" in fails("runs/nothing")
    assert "what is to be explained?" in fails()
    assert "the test part has" in fails(trained, "--row", "1000")
    assert "it has no config.json" in fails(tmp_path)
    assert "expected one element" in fails("x ** 2", "--set", "x=1", "--entry", "x")
    assert "cannot write" in fails("x ** 2", "--set", "x=1", "-o", tmp_path / "no" / "folder")


@pytest.mark.parametrize("gone", ["config.json", "job.json", "model"])
def test_half_a_run_is_refused(trained, tmp_path, gone):
    half = tmp_path / "half"
    shutil.copytree(trained, half)
    (shutil.rmtree if (half / gone).is_dir() else type(half).unlink)(half / gone)
    message = fails(half)
    assert "half" in message
    assert "fix:" in message
    damaged = tmp_path / "damaged"
    shutil.copytree(trained, damaged)
    for name, content in (("job.json", {"source": "t.csv"}), ("config.json", {"format": "of another time"})):
        (damaged / name).write_text(json.dumps(content), encoding="utf-8")
        assert name in fails(damaged)


def test_a_run_of_another_version_is_refused(trained, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    config = json.loads((other / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps({**config, "format": "maplet run 9"}), encoding="utf-8")
    assert "its format is 'maplet run 9', not 'maplet run'" in fails(other)
    later = tmp_path / "later"
    shutil.copytree(trained, later)
    (manifest,) = (later / "model").glob("manifest*.json")
    found = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**found, "version": 99}), encoding="utf-8")
    assert "version" in fails(later)


def test_nothing_is_run_that_was_not_named(trained, tmp_path, monkeypatch):
    """Neither what a run directory speaks of, nor what an expression spells, is executed."""
    marker = tmp_path / "executed"
    script = f"open({str(marker)!r}, 'w').close()\n"
    for place in (tmp_path / "sneaky.py", tmp_path / "sitecustomize.py", tmp_path / "numpy_data.py"):
        place.write_text(script, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own"
    shutil.copytree(trained, own)
    job = json.loads((own / "job.json").read_text(encoding="utf-8"))
    for source in ("sneaky.py", "sneaky", str(tmp_path / "sneaky.py")):
        (own / "job.json").write_text(json.dumps({**job, "source": source}), encoding="utf-8")
        fails(own)
    config = json.loads((own / "config.json").read_text(encoding="utf-8"))
    for loss in ("sneaky.loss", "__import__('sneaky')"):
        (own / "config.json").write_text(json.dumps({**config, "loss": loss}), encoding="utf-8")
        fails(own)
    for text in ("__import__('sneaky')", "sneaky", "sneaky.loss(x)", "exec(x)", "x.__class__", f"{tmp_path}/sneaky.py"):
        fails(text, "--set", "x=1")
    fails("x * 2", "--set", "x=__import__('sneaky')")
    assert not marker.exists()


def test_a_step_of_gradient_descent():
    given = ["--set", "x=[[1,2]]", "--set", "w=[[1],[-1]]", "--set", "y=[[1]]"]
    lines = shown("mse(x @ w, y)", *given, "--step", "0.1").splitlines()
    assert lines[0] == "one step of gradient descent: θ ↦ θ − α∇J"
    assert "  w ↦ [[1], [−1]] − 0.1·[[−4], [−8]] = [[1.4], [−0.2]]" in lines
    words = ["loss before", "loss after", "decrease predicted to first order, α‖∇J‖²", "real decrease"]
    assert [line.strip().split(":")[0] for line in lines[-4:]] == words
    before, after, predicted, real = (float(line.split(":")[1].replace("−", "-")) for line in lines[-4:])
    assert before - after == pytest.approx(real, rel=1e-5)
    assert predicted > 0
    chinese = shown("mse(x @ w, y)", *given, "--step", "0.1", "--language", "zh")
    assert "更新前的损失" in chinese
    assert "goes downhill" in fails("mse(x @ w, y)", *given, "--step", "-1")


@pytest.mark.parametrize("rate", ["0", "nan", "inf", "1e-400"])
def test_a_step_of_no_length_is_refused(rate):
    assert "expected a finite number > 0" in fails("x ** 2", "--set", "x=3", "--step", rate)


def test_what_a_step_moves_is_said_and_chosen(trained):
    """What moves and what is held is every input with a gradient, whoever chose."""
    given = ["mse(x @ w, y)", "--set", "x=[[1,2]]", "--set", "w=[[1],[-1]]", "--set", "y=[[1]]", "--step", "0.1"]
    assert shown(*given).splitlines()[1:3] == [
        "moved: x, w, y", "no module has parameters here, so every input moves, data too; names chooses",
    ]  # fmt: skip
    assert shown(*given, "--names", "w").splitlines()[1:4] == ["moved: w", "held fixed: x, y", ""]
    assert shown(*given, "--names", "y, w").splitlines()[1:4] == ["moved: y, w", "held fixed: x", ""]
    assert shown(*given, "--names", "w", "--language", "zh").splitlines()[1:3] == ["移动：w", "保持不变：x, y"]
    _, moved, held, *_ = shown(trained, "--step", "0.1").splitlines()
    assert moved.startswith("moved: layers.0.weight, layers.0.bias,")
    assert held == "held fixed: x"
    for wrong, words in (("v1", "v1 is computed"), ("z", "nothing called 'z'"), (" , ", "nothing is asked for")):
        assert words in fails(*given, "--names", wrong)
    assert "∂loss/∂w" in shown(*given[:-2], "--names", "w", "--format", "formulas")
    assert "∂loss/∂x" not in shown(*given[:-2], "--names", "w", "--format", "formulas")


def test_no_option_is_left_out_of_account(trained):
    x = ("x ** 2", "--set", "x=3")
    for given in (
        (*x, "--step", "0.1", "--format", "html"), (*x, "--step", "0.1", "--entry", "x[0]"), (*x, "--row", "1"),
        (*x, "--format", "numpy", "--unfold", "all"), (*x, "--entry", "x[0]", "--unfold", "all"), (*x, "--set", "y=1"),
        (*x, "--names", "x"), (*x, "--operations"), ("--operations", "--row", "1"),
        (trained, "--set", "x=1"),
    ):  # fmt: skip
        message = fails(*given)
        assert "fix: " in message, given
        assert given[-1].partition("=")[0] in message or given[-2] in message, given


def test_an_array_too_large_to_explain_is_refused_before_it_is_made():
    message = fails("sum(broadcast_to(x, shape=(100000, 1000000)))", "--set", "x=1")
    assert "broadcast_to makes an array of shape (100000, 1000000)" in message
    assert "choose smaller shapes" in message
    assert "loss = 12" in shown("sum(broadcast_to(x, shape=(3, 4)))", "--set", "x=1")


def test_a_file_that_is_read_is_never_written_to(file, trained, tmp_path):
    """Neither by its name, nor by a link to it; what else stands there as a file gives way as a whole."""
    before = file.read_bytes()
    (tmp_path / "link.html").symlink_to(file)
    for place in (file, tmp_path / "link.html", tmp_path / "." / "net.py"):
        assert "what is read stands there" in fails(f"{file}:loss", "--set", "x=[[1,2]]", "-o", place)
    assert file.read_bytes() == before
    reasons = {trained / name: "belongs to the run" for name in ("config.json", "model/manifest.json")}
    for place, reason in {**reasons, trained.parent / "t.csv": "what is read stands there"}.items():
        before = place.read_bytes()
        assert reason in fails(trained, "-o", place)
        assert place.read_bytes() == before
    x = ("x ** 2", "--set", "x=3")
    (tmp_path / "old.txt").write_text("old", encoding="utf-8")
    (tmp_path / "other.txt").symlink_to("old.txt")
    assert shown(*x, "-o", tmp_path / "other.txt") == ""
    assert (tmp_path / "old.txt").read_text(encoding="utf-8") == shown(*x)
    for place, words in (
        (tmp_path, "is a directory"),
        (tmp_path / ("n" * 300), "too long"),
        (tmp_path / "a\0", "null"),
    ):
        assert words in fails(*x, "-o", place)
    assert shown(*x, "-o", "/dev/null") == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "net.py", "old.txt", "other.txt"]


def test_what_happens_inside_a_loop(tmp_path):
    path = tmp_path / "loop.py"
    path.write_text(
        "import maplet as mp\n\nxs = mp.asarray([1.0, 2.0, 3.0])\n\n\ndef loss(w, xs):\n"
        "    end, _ = mp.scan(lambda h, x: (mp.tanh(w * h + x), None), w * 0.5, xs)\n    return end\n",
        encoding="utf-8",
    )
    given = (f"{path}:loss", "--set", "w=0.5")
    assert "backpropagation through time" in shown(*given)
    assert "loss, inside of v2, t = 1 of 0 … 2" in shown(*given, "--inside", "v2[1]")
    assert "t = 2 of 0 … 2" in shown(*given, "--inside", "v2")
    assert "there is no step 3" in fails(*given, "--inside", "v2[3]")
    assert "has no program inside" in fails(*given, "--inside", "w")
    assert "is a part of a program" in fails(*given, "--inside", "v2", "--step", "0.1")
    assert "def body1(" in shown(*given, "--format", "numpy")


def test_errors_are_one_readable_message():
    done = subprocess.run(
        [sys.executable, "-m", "maplet", "explain", "sigmod(x)"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[:3] == [
        "error: there is no operation 'sigmod'", "    sigmod(x)", "    ^",
    ]  # fmt: skip


def test_a_function_whose_parameters_all_have_defaults_is_explained_at_these(file):
    text = shown(f"{file}:at_its_defaults")
    assert "∂loss/∂v = ∂loss/∂loss·x = 1·2 = 2" in text
    assert "∂loss/∂x = ∂loss/∂loss·v = 1·0.5 = 0.5" in text


def test_a_parameter_that_is_not_given_keeps_its_default_and_its_place(file):
    text = shown(f"{file}:between", "--set", "rate=2")
    assert "loss = 4.5" in text  # 0.75·3·2
    assert "∂loss/∂rate" in text


def test_where_no_gradient_flows_it_is_said(tmp_path):
    path = tmp_path / "fixed.py"
    path.write_text("import maplet as mp\n\n\ndef f():\n    return mp.sin(mp.asarray(1.0))\n", encoding="utf-8")
    assert "no gradient flows here" in shown(f"{path}:f")
    assert "此处没有梯度" in shown(f"{path}:f", "--language", "zh")
