"""Progress: what a terminal shows, what a pipe gets, and that it costs nothing and leaves nothing behind."""

import io
import os
import pty
import re
import subprocess
import sys
import textwrap
import time

import pytest
from rich.console import Console

from maplet.train.progress import Progress

ESCAPE = "\x1b"
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def record(epoch, **more):
    return {"epoch": epoch, "loss": 1 / epoch, "val_loss": 2 / epoch, **more, "learning_rate": 0.001, "seconds": 1.2}


def train(display, epochs=3, steps=4, first_epoch=1, reason=None):
    display.start(epochs, steps, first_epoch)
    for epoch in range(first_epoch, epochs + 1):
        for step in range(1, steps + 1):
            display.step(epoch, step, 1 / epoch)
        display.epoch_end(record(epoch))
    display.finish(reason)


def plain(**options):
    stream = io.StringIO()
    with Progress(console=Console(file=stream)) as display:
        train(display, **options)
    return stream.getvalue()


def terminal(width=120, **options):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, highlight=False, _environ={"TERM": "xterm"})
    return stream, Progress(console=console, **options)


def without_escapes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_pipe_gets_one_plain_line_per_epoch():
    assert plain() == (
        "epoch 1/3  loss 1.000    val_loss 2.000    1.2 s\n"
        "epoch 2/3  loss 0.5000   val_loss 1.000    1.2 s\n"
        "epoch 3/3  loss 0.3333   val_loss 0.6667   1.2 s\n"
    )


def test_the_reason_of_an_early_end_is_the_last_line():
    assert plain(reason="interrupted").splitlines()[-1] == "ended after epoch 3 of 3: interrupted"
    stream = io.StringIO()
    display = Progress(console=Console(file=stream))
    display.start(5, 10)
    display.finish("interrupted")
    assert stream.getvalue() == "ended before the end of epoch 1: interrupted\n"


def test_it_speaks_chinese():
    stream, display = terminal(language="zh")
    with display:
        train(display, reason="interrupted")
    shown = without_escapes(stream.getvalue())
    for words in (
        "第 1/3 轮  第 1/4 步",
        "损失 0.5000",
        "第 3/3 轮  损失 0.3333   验证损失 0.6667",
        "第 3/3 轮后结束：被中断",
    ):
        assert words in shown
    assert not re.search("epoch|step|loss|left", shown)


def test_a_resumed_run_goes_on_counting():
    assert [line[:9] for line in plain(epochs=4, first_epoch=3).splitlines()] == ["epoch 3/4", "epoch 4/4"]


def test_lines_stay_aligned_over_many_epochs():
    lines = plain(epochs=120, steps=1).splitlines()
    assert len(lines) == 120
    assert {line.index("val_loss") for line in lines[100:]} == {lines[-1].index("val_loss")}
    assert {line.index("loss") for line in lines} == {len("epoch 120/120  ")}


def test_long_lines_are_not_broken_where_nobody_looks_at_the_width():
    stream = io.StringIO()
    with Progress(console=Console(file=stream, width=20)) as display:
        display.epoch_end({"epoch": 1, **{f"metric_{n}": float(n) for n in range(30)}, "seconds": 0.1})
    assert stream.getvalue().count("\n") == 1
    assert "metric_29 29.00" in stream.getvalue()


def test_names_are_shown_as_they_are_and_what_is_no_number_is_not():
    stream = io.StringIO()
    with Progress(console=Console(file=stream)) as display:
        display.epoch_end({"epoch": 1, "loss": float("nan"), "[bold]x": 1.5, "note": "text", "seconds": 0.1})
    assert stream.getvalue() == "epoch 1/0  loss nan      [bold]x 1.500    0.1 s\n"


def test_nothing_is_shown_when_it_is_not_wanted():
    stream, display = terminal(enabled=False)
    with display:
        train(display, reason="interrupted")
    assert stream.getvalue() == ""


def test_a_terminal_shows_a_bar_and_is_left_clean():
    stream, display = terminal()
    with display:
        display.start(3, 4)
        display.step(1, 2, 0.75)
        display.epoch_end(record(1, val_accuracy=0.9512))
        display._refresh()
        during = without_escapes(stream.getvalue())
        display.finish("interrupted")
    for words in ("epoch 1/3  step 2/4", "━", "loss 0.7500", "val_loss 2.000", "val_accuracy 0.9512", "left"):
        assert words in during.splitlines()[-1], words
    shown = stream.getvalue()
    assert shown.count(HIDE) == shown.count(SHOW) == 1
    assert shown.index(HIDE) < shown.index(SHOW)
    assert "epoch 1/3  loss 1.000    val_loss 2.000    val_accuracy 0.9512   1.2 s" in without_escapes(shown)
    assert shown.endswith("ended after epoch 1 of 3: interrupted\n")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_bar_is_one_line_at_any_width(width):
    stream, display = terminal(width)
    with display:
        display.start(1000, 1000)
        display.step(999, 999, 0.75)
        display._last = record(1, **{f"val_metric_{n}": float(n) for n in range(5)})
        display._refresh()
        last = without_escapes(stream.getvalue().split("\r")[-1])
        assert "\n" not in last
        assert len(last) <= width
        assert "epoch 999/1000" in last


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_goes_through_and_leaves_the_terminal_as_it_was(error):
    stream, display = terminal()
    out, err = sys.stdout, sys.stderr

    def training_that_fails():
        with display:
            display.start(3, 4)
            display.epoch_end(record(1))
            display.epoch_end(record(2))
            raise error

    with pytest.raises(error):
        training_that_fails()
    assert (sys.stdout, sys.stderr) == (out, err)
    assert stream.getvalue().count(SHOW) == 1
    assert "epoch 2/3  loss 0.5000" in without_escapes(stream.getvalue())  # was still waiting for a refresh


def test_no_color_leaves_out_the_colours(monkeypatch):
    for no_color, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        monkeypatch.setenv("TERM", "xterm")
        stream = io.StringIO()
        with Progress(console=Console(file=stream, force_terminal=True, width=100)) as display:
            train(display)
        assert bool(re.search(r"\x1b\[3[0-7]m", stream.getvalue())) == coloured


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = io.StringIO()
    with Progress(console=Console(file=stream, force_terminal=True)) as display:
        train(display)
    assert ESCAPE not in stream.getvalue()
    assert stream.getvalue().count("\n") == 3


@pytest.mark.parametrize("live", [True, False])
def test_a_step_costs_less_than_five_microseconds(live):
    display = terminal()[1] if live else Progress(console=Console(file=io.StringIO()))
    with display:
        display.start(1, 10**6)
        display.step(1, 1, 0.5)
        costs = []
        for attempt in range(20):  # the least of many: another process may take the core
            display._next_refresh = float("inf")
            began = time.perf_counter()
            for step in range(1000):
                display.step(1, attempt * 1000 + step, 0.5)
            costs.append((time.perf_counter() - began) / 1000)
    assert min(costs) < 5e-6


def test_ten_refreshes_a_second_are_enough():
    stream, display = terminal()
    with display:
        display.start(10**6, 1)
        began, epoch = time.perf_counter(), 0
        while time.perf_counter() - began < 0.5:
            epoch += 1
            display.step(epoch, 1, 0.5)
            display.epoch_end(record(epoch))
        assert epoch > 50
        assert stream.getvalue().count("\r") < 20  # two for each redrawing
    assert without_escapes(stream.getvalue()).count("1.2 s\n") == epoch


PROGRAM = textwrap.dedent("""
    import sys, time
    from maplet.train.progress import Progress
    with Progress() as display:
        display.start(2, 10)
        for epoch in (1, 2):
            for step in range(1, 11):
                time.sleep(0.02)
                display.step(epoch, step, 0.5)
            display.epoch_end({"epoch": epoch, "loss": 0.5, "seconds": 0.2})
            print("from a callback")
        display.finish("enough")
    print("result")
""")


def run_in_terminal(stdout=None):
    """What a program writes to a terminal; its stdout may go elsewhere."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=slave, stdout=stdout or slave, stderr=slave, env=environment
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(master)
    assert process.wait() == 0, shown
    return shown.decode()


def test_a_real_terminal_shows_bar_epochs_and_prints_in_order():
    shown = without_escapes(run_in_terminal())
    assert "epoch 1/2  step " in shown
    places = [shown.index(words) for words in ("epoch 1/2  loss", "epoch 2/2  loss", "ended after", "result")]
    assert places == sorted(places)
    assert shown.count("from a callback") == 2


def test_what_is_printed_goes_to_stdout_even_while_the_bar_is_shown(tmp_path):
    with (tmp_path / "out.txt").open("w") as file:
        shown = run_in_terminal(file)
    assert (tmp_path / "out.txt").read_text() == "from a callback\nfrom a callback\nresult\n"
    assert "from a callback" not in shown
    assert "━" in shown


def test_a_pipe_gets_no_escape_code_even_when_colour_is_forced():
    environment = {**os.environ, "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "from a callback\nfrom a callback\nresult\n"
    assert done.stderr == (
        "epoch 1/2  loss 0.5000   0.2 s\nepoch 2/2  loss 0.5000   0.2 s\nended after epoch 2 of 2: enough\n"
    )


class Full(io.StringIO):
    """A stream on a full disk, or whose reader has gone; it counts how often one tries."""

    tries = 0

    def write(self, _text):
        self.tries += 1
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("is_terminal", [False, True])
def test_training_outlives_a_display_that_cannot_be_written(is_terminal):
    stream, out = Full(), sys.stdout
    with Progress(console=Console(file=stream, force_terminal=is_terminal, _environ={"TERM": "xterm"})) as display:
        train(display, reason="interrupted")
    assert 1 <= stream.tries <= 3  # the cursor is asked back once more
    assert sys.stdout is out


def test_a_closed_stream_is_silent_and_another_fault_is_not():
    stream = io.StringIO()
    display = Progress(console=Console(file=stream))
    stream.close()
    train(display)
    display = Progress(console=Console(file=io.StringIO()))
    with pytest.raises(ValueError, match="shown"), display._or_silence():
        raise ValueError("cannot be shown")


@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_width_that_no_terminal_has_does_not_matter(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    train(Progress())
    assert sys.stderr.getvalue() == plain()
