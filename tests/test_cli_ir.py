"""`maplet ir`: each stage of a tiny program, word for word where that is the same on every machine."""

import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import maplet as mp
from maplet import nn, optim
from maplet.cli.ir import ir

source = """\
import maplet as mp
from maplet import nn, optim

net = nn.Linear(3, 2)
optimizer = optim.SGD(0.1)
optimizer.init(net)


def centred(x):
    return x - mp.mean(x, axis=1, keepdims=True)


@mp.jit
def step(net, optimizer, x, y):
    loss, gradients = mp.value_and_grad(lambda net: nn.mse(net(x), y))(net)
    optimizer.update(net, gradients)
    return loss


def power(x, n):
    return x**n


def wrong(x):
    return {}["key"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.py"
    path.write_text(source, encoding="utf-8")
    return path


def shown(*arguments):
    result = CliRunner().invoke(ir, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def fails(*arguments):
    """The message of a command that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "maplet", "ir", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr


def centred(file, stage):
    return shown(f"{file}:centred", "--stage", stage, "--arg", "f32[2,3]")


def test_graph(file):
    assert (
        centred(file, "graph")
        == """\
graph(x: f32[2,3]) {
  %0 = sum(x, axes=(1,), keepdims=True) : f32[2,1]   # tiny.py:10
  %1 = divide(%0, f32(3.0)) : f32[2,1]   # tiny.py:10
  %2 = subtract(x, %1) : f32[2,3]   # tiny.py:10
  return %2
}
"""
    )


def test_fused(file):
    assert (
        centred(file, "fused")
        == """\
fused(x: f32[2,3]) {
  nest 2×1
    %0[i,0] = sum(k<3: x[i,k]) / 3.0   : f32[2,1]   # tiny.py:10
  nest 2×3
    %1[i,j] = x[i,j] - %0[i,0]   : f32[2,3]   # tiny.py:10
  return %1
}
"""
    )


def test_loops(file):
    assert (
        centred(file, "loops")
        == """\
# kernel 0: sum, divide · tiny.py:10
kernel sum+divide(x0: f32, y0: f32; s0, s1)
  %0 = bitwise_and(s0, -16)
  for i1 in begin‥end step 1
    %1 = i1 * s1
    for k2 in 0‥%0 step 16
      carry a3: f32×16 = 0.0×16
      next a3 = add(a3, x0[%1 + k2]×16)
    %2 = i1 * s1
    for k4 in %0‥s0 step 16
      carry a5: f32×16 = after a3
      %3 = less(steps×16, splat(s0 - k4)×16)
      next a5 = where(%3, add(a5, x0[%2 + k4 if %3]×16), a5)
    store y0[i1] = divide(fold_sum(after a5), 3.0)

# kernel 1: subtract · tiny.py:10
kernel subtract(x0: f32, x1: f32, y0: f32; s0, s1)
  %0 = 0 + bitwise_and(s0 - 0, -16)
  for i1 in begin‥end step 1
    %1 = i1 * s1
    %2 = i1 * s1
    %3 = x1[i1]
    %4 = splat(%3)×16
    for v2 in 0‥%0 step 16
      store y0[%1 + v2] = subtract(x0[%2 + v2]×16, %4)
    %5 = i1 * s1
    %6 = i1 * s1
    %7 = splat(%3)×16
    for v3 in %0‥s0 step 16
      %8 = less(steps×16, splat(s0 - v3)×16)
      store y0[%5 + v3 if %8] = subtract(x0[%6 + v3 if %8]×16, %7)
"""
    )


def test_llvm(file):
    text = centred(file, "llvm")
    assert text.startswith("; kernel 0: sum, divide · tiny.py:10\n")
    assert "\n; kernel 1: subtract · tiny.py:10\n" in text
    for number, what in enumerate(("fadd <16 x float>", "fsub <16 x float>")):
        function = text.split(f'define void @"kernel_{number}"(ptr %arguments, i64 %begin, i64 %end, ptr %scratch)')[1]
        assert what in function.split("\ndefine")[0]
        assert "ret void" in function


def test_asm(file):
    text = centred(file, "asm")
    assert text.startswith("# kernel 0: sum, divide · tiny.py:10\n")
    assert len(re.findall(r"^_?kernel_[01]:", text, re.MULTILINE)) == 2
    assert len(re.findall(r"^\s+ret", text, re.MULTILINE)) >= 2
    if "%rdi" in text:  # x86
        assert re.search(r"^\s+v?addps", text, re.MULTILINE)
        assert re.search(r"^\s+v?subps", text, re.MULTILINE)


def test_names_of_the_file_are_arguments(file):
    text = shown(
        f"{file}:step", *("--arg", "net"), *("--arg", "optimizer"), *("--arg", "f32[5,3]"), "--arg", "f32[5,2]"
    )
    assert "\n    net.bias'[i] = net.bias[i] - f32(optimizer.learning_rate) * sum(" in text
    assert text.count("contraction") == 2
    assert "# pullback of square · tiny.py:15" in text


def test_numbers_are_arguments(file):
    assert "square(" in shown(f"{file}:power", "--stage", "graph", "--arg", "f64[4]", "--arg", "2")
    assert "x: f64[4], n: f32[]" in shown(f"{file}:power", "--stage", "graph", "--arg", "f64[4]", "--arg", "2.5")


def test_a_type_takes_no_memory(file):
    assert "x: f32[1000000,1000000]" in shown(f"{file}:centred", "--stage", "graph", "--arg", "f32[1000000,1000000]")


def test_the_training_step_of_a_run(tmp_path):
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Dropout(0.5))
    data = np.ones((12, 4), np.float32), np.arange(12) % 3
    mp.fit(
        net, data, loss=nn.cross_entropy, optimizer=optim.Adam(0.01), epochs=1, batch_size=6,
        directory=tmp_path / "run", progress=False,
    )  # fmt: skip
    text = shown(tmp_path / "run")
    assert "  x: f32[6,4],\n  y: i64[6],\n) {" in text
    assert "   # layers.0\n" in text
    assert ".py:" not in text
    assert "net.layers.0.weight'[i,j] = " in text
    loops = shown(tmp_path / "run", "--stage", "loops")
    assert ": matmul, where · pullback of matmul · layers.2" in loops
    assert "called at 2 places\n" in loops
    assert ".py:" not in loops


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{file}:centered"], "has no centered"),
        (["{file}:centered"], "did you mean 'centred'"),
        (["{file}"], "neither a run directory nor a function"),
        (["{file}x:centred"], "there is no file"),
        (["{file}:centred"], "missing a required argument: 'x'"),
        (["{file}:centred", "--arg", "f32[2,"], "f32[2, is no type of an array"),
        (["{file}:centred", "--arg", "f33[2]"], "f33[2] is no type of an array"),
        (["{file}:centred", "--arg", "f32[2][3]"], "is no type of an array"),
        (["{file}:centred", "--arg", "ney"], "did you mean 'net'"),
        (["{file}:centred", "--arg", "f32[2]"], "tiny.py:10"),
        (["{file}:wrong", "--arg", "f32[2]"], "wrong: KeyError: 'key'\n  at:  tiny.py:25"),
        (["{file}:optimizer"], "not a function"),
        (["{file}:centred", "--stage", "machine"], "'machine' is not one of"),
        (["{folder}", "--arg", "f32[2]"], "leave it out"),
    ],
)
def test_mistakes_are_explained(file, arguments, message):
    given = [argument.format(file=file, folder=file.parent) for argument in arguments]
    if message == "tiny.py:10":  # an error of maplet's own, in the user's line
        done = CliRunner().invoke(ir, given)
        assert message in str(done.exception.where)
        return
    if message.startswith("'machine'"):
        assert message in CliRunner().invoke(ir, given).output
        return
    assert message in str(CliRunner().invoke(ir, given).exception)


def test_a_mistake_on_the_command_line_is_one_message(file):
    assert fails(f"{file}:centered").startswith(f"error: {file} has no centered\n  fix: did you mean 'centred'?")


def test_a_file_that_cannot_be_run(tmp_path):
    (tmp_path / "broken.py").write_text("import maplet\n1 / 0\n")
    message = fails(f"{tmp_path / 'broken.py'}:f")
    assert "ZeroDivisionError" in message
    assert "at:  broken.py:2" in message
