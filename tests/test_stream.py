"""Training data in blocks: the same batches as by hand, at most two blocks in memory, and an end that is clean."""

import logging
import signal
import threading
import weakref

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.core.tree import leaves
from maplet.data import Stream, batch_slices, permutation
from maplet.errors import DataError, NonFiniteError, SettingError, ShapeError
from maplet.train.inputs import as_samples
from maplet.train.source import Streamed
from maplet.train.stepping import Stepping


def network():
    mp.seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def block(rows, number=0, *, weights=False):
    rng = np.random.default_rng(number)
    x, y = rng.normal(size=(rows, 4)).astype("float32"), rng.integers(0, 3, rows)
    return (x, y, rng.uniform(0, 2, rows).astype("float32")) if weights else (x, y)


def fit(data, net=None, **settings):
    net = net or network()
    given = {"loss": "cross_entropy", "optimizer": optim.Adam(0.01), "epochs": 2, "batch_size": 8, "progress": False}
    return mp.fit(net, data, **{**given, **settings})


def bits(run):
    return {name: leaf.numpy().tobytes() for name, leaf in leaves(run.net).items()}


def record(run):
    return [{name: value for name, value in one.items() if name != "seconds"} for one in run.history]


def by_hand(blocks, epochs=2, size=8):
    """The batches of an epoch, one after another: what is left over of a block comes first in the next."""
    net, optimizer = network(), optim.Adam(0.01)
    optimizer.init(net)
    net.reseed(0)
    net.train()
    stepping = Stepping(net, optimizer, nn.cross_entropy)
    for epoch in range(1, epochs + 1):
        parts = [[], []]
        ends = []
        for number, (x, y) in enumerate(blocks):
            order = permutation(len(x), 0, epoch, number)
            parts[0].append(x[order])
            parts[1].append(y[order])
            ends.append(len(x))
        x, y = map(np.concatenate, parts)
        for part in batch_slices(len(x), size):
            stepping.run(as_samples((x[part], y[part]), np.dtype("float32"), "made"))
    net.eval()
    return {name: leaf.numpy().tobytes() for name, leaf in leaves(net).items()}


class Watching(mp.Callback):
    """Wants to see every step, so that they are run one by one."""

    def on_step(self, run):
        pass


# ── the same as ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("rows", [5, 8, 32, 45])
def test_one_block_is_data_in_memory(rows, weights):
    data = block(rows, weights=weights)
    one, other = fit(data), fit(Stream([data]))
    assert bits(one) == bits(other)
    assert record(one) == record(other)


@pytest.mark.parametrize(
    "sizes", [(16, 16, 16), (20, 20, 20), (3, 2, 4, 1), (30, 1, 1, 9), (8,), (7, 1), (1, 33, 2, 40), (5, 0, 12, 0)]
)
@pytest.mark.parametrize("callbacks", [(), (Watching(),)])
def test_the_batches_are_those_of_a_loop_by_hand(sizes, callbacks):
    blocks = [block(rows, number) for number, rows in enumerate(size for size in sizes)]
    run = fit(Stream(blocks), callbacks=callbacks)
    assert bits(run) == by_hand([one for one in blocks if len(one[0])])


def test_a_list_a_function_and_an_iterator_are_one():
    blocks = [block(rows, number) for number, rows in enumerate((20, 13, 30))]
    expected = bits(fit(Stream(blocks), epochs=1))
    assert bits(fit(Stream(lambda: iter(blocks)), epochs=1)) == expected
    assert bits(fit(Stream(iter(blocks)), epochs=1)) == expected
    assert bits(fit(Stream(lambda: (one for one in blocks)), epochs=1)) == expected


def test_trees_and_lists():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def __call__(self, x):
            return self.inner(x["a"] + x["b"][0])

    def tree(number):
        x, y = block(11, number)
        return {"a": x, "b": (x,)}, y

    run = fit(Stream([tree(0), tree(1)]), Sum())
    assert np.isfinite(run.history[-1]["loss"])
    plain = fit(Stream([(block(11)[0].tolist(), block(11)[1].tolist())]))
    assert bits(plain) == bits(fit(Stream([block(11)])))


class StopAt(mp.Callback):
    """Ctrl-C in a certain step."""

    def __init__(self, step):
        self.step, self.count = step, 0

    def on_step(self, _run):
        self.count += 1
        if self.count == self.step:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("step", range(1, 14))
def test_resumed_after_every_step_it_is_as_if_it_had_not_been_interrupted(tmp_path, step):
    blocks = [block(rows, number) for number, rows in enumerate((20, 13, 19))]
    expected = fit(Stream(blocks), directory=tmp_path / "whole", callbacks=[StopAt(0)])
    cut = fit(Stream(blocks), directory=tmp_path / "cut", callbacks=[StopAt(step)])
    assert cut.stop_reason == "interrupted"
    assert not readers()
    resumed = fit(Stream(blocks), directory=tmp_path / "cut", existing="resume", callbacks=[StopAt(0)])
    assert bits(resumed) == bits(expected)
    assert record(resumed) == record(expected)


def test_a_changed_first_block_is_not_resumed(tmp_path):
    fit(Stream([block(20), block(20, 1)]), directory=tmp_path / "run")
    with pytest.raises(mp.errors.MapletError, match="sha256 of the first block"):
        fit(Stream([block(20, 5), block(20, 1)]), directory=tmp_path / "run", existing="resume")


# ── memory and threads ───────────────────────────────────────────────────────────────────────────


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "maplet reader"]


def test_at_most_two_blocks_are_in_memory(monkeypatch):
    alive, most = [], []
    as_block = Streamed.as_block

    def counted(self, number, data):
        found = as_block(self, number, data)
        alive.append(weakref.ref(found))
        most.append(sum(one() is not None for one in alive))
        return found

    monkeypatch.setattr(Streamed, "as_block", counted)
    fit(Stream(lambda: (block(50, number) for number in range(8))))
    assert len(most) == 16
    assert max(most) == 2
    assert not readers()


def test_the_next_block_is_read_while_one_is_trained_on():
    asked = []

    class Look(mp.Callback):
        def __init__(self):
            self.seen = []

        def on_step(self, run):
            for _ in range(1000):
                if len(asked) >= min(3, 2 + (run.step > 5)):
                    break
                threading.Event().wait(0.01)
            self.seen.append((run.step, len(asked)))

    def read():
        for number in range(3):
            asked.append(number)
            yield block(40, number)

    look = Look()
    fit(Stream(read), epochs=1, callbacks=[look])
    assert look.seen[0] == (1, 2)
    assert look.seen[5] == (6, 3)


def test_equal_blocks_compile_once(monkeypatch):
    made = []
    begin = Stepping.begin
    monkeypatch.setattr(Stepping, "begin", lambda self: (begin(self), made.append(self))[0])
    fit(Stream([block(32, number) for number in range(5)]))
    assert len({id(one) for one in made}) == 1
    assert len(made[0].compiled["steps"].programs) == 1


class ReadError(Exception):
    pass


def broken():
    yield block(20)
    yield block(20, 1)
    raise ReadError("the disk is gone")


def test_an_error_of_the_reader_names_the_block():
    with pytest.raises(DataError, match=r"reading block 1 of the stream failed: ReadError: the disk is gone") as caught:
        fit(Stream(broken))
    assert isinstance(caught.value.__cause__, ReadError)
    assert not readers()


def test_a_generator_is_closed_when_training_stops():
    closed = []

    def read():
        try:
            for number in range(100):
                yield block(20, number)
        finally:
            closed.append(True)

    class Stop(mp.Callback):
        def on_step(self, run):
            run.stop("enough")

    run = fit(Stream(read), callbacks=[Stop()])
    assert run.stop_reason == "enough"
    assert closed
    assert not readers()


def test_after_an_error_in_training_no_thread_is_left():
    with pytest.raises(NonFiniteError):
        fit(Stream([block(20), block(20, 1)]), loss=lambda prediction, _: mp.log(0 * mp.mean(prediction) - 1))
    assert not readers()


# ── bad input ────────────────────────────────────────────────────────────────────────────────────


def test_what_is_no_stream():
    with pytest.raises(SettingError, match="Stream takes blocks, given int"):
        Stream(3)
    with pytest.raises(SettingError, match="gave NoneType"):
        fit(Stream(lambda: None))


def test_an_iterator_serves_one_epoch():
    with pytest.raises(SettingError, match="there are 2 epochs"):
        fit(Stream(iter([block(9)])))
    blocks = [block(9)]
    once = iter(blocks)
    with pytest.raises(DataError, match="no rows in epoch 2"):
        fit(Stream(lambda: once))


@pytest.mark.parametrize("blocks", [[], [block(0)]])
def test_no_rows_at_all(blocks):
    with pytest.raises(DataError, match="no rows"):
        fit(Stream(blocks))
    assert not readers()


def test_blocks_of_another_form():
    x, y = block(9, 1)
    for wrong in ((x[:, :3], y), (x, y.astype("float32")), (x, y, np.ones(9))):
        with pytest.raises(ShapeError, match="block 1 of the stream has rows of"):
            fit(Stream([block(9), wrong]))
    with pytest.raises(DataError, match=r"training \(block 1\) x"):
        fit(Stream([block(9), (np.full((9, 4), np.nan, np.float32), y)]))
    with pytest.raises(DataError, match=r"training \(block 0\) data is a pair"):
        fit(Stream([x]))
    assert not readers()


def test_metrics_need_validation_data():
    with pytest.raises(SettingError, match="validation"):
        fit(Stream([block(9)]), metrics=["accuracy"])
    run = fit(Stream([block(9)]), metrics=["accuracy"], validation=block(7))
    assert "val_accuracy" in run.history[0]


def test_conversion_is_said_once(caplog):
    caplog.set_level(logging.INFO, "maplet")
    double = [(x.astype("float64"), y) for x, y in (block(9), block(9, 1))]
    fit(Stream(double))
    assert len([one for one in caplog.records if "converted" in one.getMessage()]) <= 2  # once for each epoch's start


# ── chunks ───────────────────────────────────────────────────────────────────────────────────────


def test_chunks_are_those_of_the_batch():
    x, y = block(37)
    net, optimizer = network(), optim.Adam(0.01)
    optimizer.init(net)
    net.reseed(0)
    net.train()

    @mp.jit
    def step(net, optimizer, x, y, chunks):
        both = mp.value_and_grad(lambda net, x, y: nn.cross_entropy(net(x), y))
        _, gradients = mp.chunked(both, chunks)(net, x, y)
        optimizer.update(net, gradients)

    order = permutation(37, 0, 1)
    for part in batch_slices(37, 8):
        step(net, optimizer, x[order[part]], y[order[part]], 4 if part.stop - part.start == 8 else 1)
    run = fit((x, y), epochs=1, chunks=4)
    assert bits(run) == {name: leaf.numpy().tobytes() for name, leaf in leaves(net).items()}
    assert bits(fit(Stream([(x, y)]), epochs=1, chunks=4)) == bits(run)
    assert bits(fit((x, y), epochs=1, chunks=4, callbacks=[Watching()])) == bits(run)


def test_chunks_that_cannot_be():
    for chunks in (0, 3, "2"):
        with pytest.raises(SettingError, match="chunks"):
            fit(block(9), chunks=chunks)
    with pytest.raises(SettingError, match="with weights"):
        fit(block(16, weights=True), chunks=2)
