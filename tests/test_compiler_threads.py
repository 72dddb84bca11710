"""Threads: the same results for any number of them, and no trouble at forks, ends and Ctrl-C."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from maplet.compiler import threads
from maplet.compiler.cores import cores
from maplet.compiler.executor import native
from maplet.compiler.instructions import Op, Outcome, Word
from maplet.compiler.threads import LINE, Post
from maplet.compiler.threads_ir import PIECES
from maplet.errors import SettingError
from native_programs import Program, machine_code, repeat

pytestmark = pytest.mark.skipif(not threads.CAN_SHARE, reason="on this system programs run in one thread")


@pytest.fixture(autouse=True)
def _number_of_threads():
    before = threads.current.number
    yield
    threads.current.number = before


def mixed(number, *, rounds=300, extent=1000):
    """What some kernels, run with so many threads, make of an array."""
    threads.set_threads(number)
    x, program = np.arange(extent), Program()
    repeat(program, rounds, lambda: (program.call("mix", x), program.call("increment", x)))
    assert program.finish().start() == Outcome.DONE
    return x


# ── sharing ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [2, 3, 4])
def test_results_do_not_depend_on_the_number_of_threads(number):
    np.testing.assert_array_equal(mixed(number), mixed(1))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 7, 64])
def test_every_element_is_in_exactly_one_share(count):
    threads.set_threads(5)
    x, program = np.zeros(64, np.int64), Program()
    repeat(program, 100, lambda: program.call("increment", x, count=count))
    program.finish().start()
    np.testing.assert_array_equal(x, [100] * count + [0] * (64 - count))


def test_workers_take_part():
    """Each piece is marked with the scratch memory of the thread that did it; workers need some time to wake up."""
    threads.set_threads(3)
    x, toil, program = np.zeros(2 * 3 * PIECES, np.int64), np.zeros(600, np.int64), Program()
    program.call("toil", toil)
    program.call("mark", x, 4096 - 8)
    run = program.finish(scratch=4096)
    seen = set()
    deadline = time.monotonic() + 20
    while len(seen) < 3 and time.monotonic() < deadline:
        run.start()
        assert (x % 64 == 0).all()
        np.testing.assert_array_equal(x[::2], x[1::2])
        seen |= {int(address) for address in x}
    assert len(seen) == 3


def test_who_is_done_helps_the_others():
    """The first share is slow, the second one quick: whoever has the quick one takes pieces of the slow one."""
    threads.set_threads(2)
    x, program = np.zeros(4 * PIECES, np.int64), Program()
    program.call("tarry", x)
    run = program.finish(scratch=64)
    deadline, half = time.monotonic() + 20, len(x) // 2
    while len(set(x[:half])) < 2 and time.monotonic() < deadline:
        x[:half], x[half:] = 1, 0
        run.start()
    assert len(set(x[:half])) == 2
    assert x.all()


def test_scratch_memory_grows_between_runs():
    threads.set_threads(2)
    for size in (100, 1_000_000, 5_000):
        x, program = np.zeros(8, np.int64), Program()
        repeat(program, 50, lambda: program.call("mark", x, size - 8))  # noqa: B023  (it is called at once)
        assert program.finish(scratch=size).start() == Outcome.DONE
    assert threads.current.pool.scratch >= 1_000_000


def test_a_share_that_nobody_claims_is_done_by_the_caller():
    expected = mixed(1)
    mixed(4)
    pool = threads.current.pool
    pool.close(10)
    assert not any(worker.is_alive() for worker in pool.workers)
    np.testing.assert_array_equal(mixed(4), expected)
    assert threads.current.pool is pool
    threads.current.pool = None


def test_a_second_caller_works_alone_and_the_pool_is_given_back():
    expected = mixed(2)
    words = threads.current.pool.post.words
    assert words[Post.OWNER] == 0
    epoch = words[Post.EPOCH]
    words[Post.OWNER] = 1
    np.testing.assert_array_equal(mixed(2), expected)
    assert words[Post.EPOCH] == epoch
    assert words[Post.OWNER] == 1
    words[Post.OWNER] = 0
    mixed(2)
    assert words[Post.EPOCH] == epoch + 600


@pytest.mark.parametrize("last", [Op.HOST, Op.PAUSE])
def test_the_pool_is_free_while_python_has_the_program(last):
    threads.set_threads(2)
    program = Program()
    program.control[Word.BUDGET] = 1
    program.call("report", np.array([1, 1]), program.status)
    program.row(last)
    assert program.finish().start() in {Outcome.HOST, Outcome.PAUSED}
    assert threads.current.pool.post.words[Post.OWNER] == 0


def test_an_error_is_seen_whichever_thread_reports_it():
    threads.set_threads(2)
    for place in range(20):
        x, program = np.ones(20, np.int64), Program()
        x[place] = -1
        program.call("report", x, program.status)
        assert program.finish().start() == Outcome.FAILED


def test_the_number_of_threads_may_change_between_runs():
    expected = mixed(1)
    for number in (2, 4, 1, 3, 3, 2):
        np.testing.assert_array_equal(mixed(number), expected)
        assert number in {1, threads.current.pool.threads}
    wait_until(lambda: workers() == 1)


def test_one_thread_or_nothing_to_share_starts_no_pool():
    threads.current.pool = None
    mixed(1)
    threads.set_threads(2)
    program = Program()
    program.call("increment", np.zeros(9, np.int64), parallel=False)
    program.finish().start()
    assert threads.current.pool is None


def test_callers_in_several_threads_do_not_disturb_each_other():
    expected = mixed(1)
    threads.set_threads(2)
    results = {}

    def call(name):
        found = []
        for _ in range(30):
            x, program = np.arange(1000), Program()
            repeat(program, 300, lambda: (program.call("mix", x), program.call("increment", x)))  # noqa: B023  (at once)
            program.finish(scratch=100 * (1 + name)).start()
            found.append(bool((x == expected).all()))
        results[name] = found

    callers = [threading.Thread(target=call, args=(name,)) for name in range(4)]
    for caller in callers:
        caller.start()
    for number in (3, 1, 2, 4, 2):
        time.sleep(0.02)
        threads.set_threads(number)
    for caller in callers:
        caller.join()
    assert results == {name: [True] * 30 for name in range(4)}


def test_where_no_thread_can_be_started_the_caller_works_alone(monkeypatch):
    expected = mixed(1)
    monkeypatch.setattr(threads.current, "pool", None)
    started = []

    def start(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        begin(thread)

    begin = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)
    np.testing.assert_array_equal(mixed(3), expected)
    assert threads.current.pool is None
    monkeypatch.undo()
    wait_until(lambda: not started[0].is_alive())


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="sets a register of x86")
def test_subnormal_numbers_stay_what_they_are_whatever_the_calling_thread_has_set():
    """FTZ and DAZ (bits 15 and 6) are set in the caller's thread, as some libraries do when they are loaded."""
    [arithmetic] = machine_code("""
        declare void @llvm.x86.sse.stmxcsr(ptr) declare void @llvm.x86.sse.ldmxcsr(ptr)
        define i32 @arithmetic(i32 %new) { %place = alloca i32 call void @llvm.x86.sse.stmxcsr(ptr %place)
        %old = load i32, ptr %place store i32 %new, ptr %place call void @llvm.x86.sse.ldmxcsr(ptr %place)
        ret i32 %old }""", "arithmetic")  # fmt: skip
    for number in (1, 2):
        threads.set_threads(number)
        x = np.full(8, np.finfo(float).tiny)
        program = Program()
        program.call("halve", x.view(np.int64))
        run = program.finish()
        before = arithmetic(0x9FC0)
        try:
            run.start()
        finally:
            after = arithmetic(before)
        assert after & 0xFFC0 == 0x9FC0
        np.testing.assert_array_equal(x, np.finfo(float).tiny / 4)


# ── how many ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [0, -1, 1025, 1.5, 2.0, "2", None, True])
def test_a_number_that_makes_no_sense_is_refused(number):
    threads.set_threads(3)
    with pytest.raises(SettingError, match="expected an integer from 1 to 1024"):
        threads.set_threads(number)
    assert threads.threads() == 3


@pytest.mark.parametrize(("text", "expected"), [("3", 3), (" 12 ", 12), ("1024", 1024)])
def test_the_environment_says_how_many(monkeypatch, text, expected):
    threads.current.number = None
    monkeypatch.setenv("MAPLET_THREADS", text)
    assert threads.threads() == expected


@pytest.mark.parametrize("text", ["0", "-2", "two", "1.5", "1025", "²"])
def test_an_environment_that_makes_no_sense_is_refused(monkeypatch, text):
    threads.current.number = None
    monkeypatch.setenv("MAPLET_THREADS", text)
    with pytest.raises(SettingError, match="MAPLET_THREADS="):
        threads.threads()


def test_without_a_word_all_cores_are_used_that_may_be(monkeypatch):
    for text in ("", None):
        threads.current.number = None
        monkeypatch.setenv("MAPLET_THREADS", text) if text is not None else monkeypatch.delenv("MAPLET_THREADS")
        assert threads.threads() == cores() >= 1


@pytest.mark.parametrize(("files", "expected"), [
    ({}, 8),
    ({"proc/self/cgroup": "0::/"}, 8),
    ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "max 100000"}, 8),
    ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "350000 100000"}, 3),
    ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "350000 100000",
      "sys/fs/cgroup/a/cpu.max": "200000 100000"}, 2),
    ({"proc/self/cgroup": "0::/elsewhere", "sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
    ({"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "9900000 100000"}, 8),
    ({"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "nonsense"}, 8),
    ({"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "100 0"}, 8),
    ({"proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/d\n1:name=systemd:/d",
      "sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_quota_us": "400000\n",
      "sys/fs/cgroup/cpu,cpuacct/d/cpu.cfs_period_us": "100000\n"}, 4),
    ({"proc/self/cgroup": "4:cpuacct,cpu:/d", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "250000",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000"}, 5),
    ({"proc/self/cgroup": "4:cpu:/d", "sys/fs/cgroup/cpu/d/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu/d/cpu.cfs_period_us": "100000"}, 8),
])  # fmt: skip
def test_cores_are_those_of_the_process_less_the_quota_of_its_container(monkeypatch, tmp_path, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert cores(tmp_path) == expected


# ── idle, fork, end ──────────────────────────────────────────────────────────────────────────────


def workers():
    return sum(thread.name.startswith("maplet-") for thread in threading.enumerate())


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_idle_workers_take_no_processor_time():
    mixed(4)
    time.sleep(0.1)
    before = os.times()
    time.sleep(0.5)
    after = os.times()
    assert after.user + after.system - before.user - before.system < 0.05


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")  # Python; JAX
def test_a_child_of_a_fork_has_threads_of_its_own():
    """Forked while other threads run programs and change the pool, which hold every lock now and then."""
    expected = mixed(2)
    stop = threading.Event()

    def run():
        number = 2
        while not stop.is_set():
            mixed(number, rounds=20)
            number = 5 - number

    callers = [threading.Thread(target=run) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                right = False
                try:
                    right = bool((mixed(3) == expected).all()) and workers() == 2
                finally:
                    os._exit(0 if right else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for caller in callers:
            caller.join()


_beginning = """
import os, signal, sys, threading, time
import numpy as np
from maplet.compiler import threads
from maplet.compiler.instructions import Op, Outcome, Word
from native_programs import Program, repeat

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs behind ignore it

def program(rounds, budget=0):
    made, x = Program(), np.arange(1000)
    made.control[Word.BUDGET] = budget
    repeat(made, rounds, lambda: (made.call("mix", x), made.row(Op.PAUSE)))
    executor = made.finish(scratch=5000)
    executor.memory = made
    return executor

def run_long():
    run = program(2**60, 20_000_000)
    outcome = run.start()
    while outcome == Outcome.PAUSED:
        outcome = run.resume()

threads.set_threads(3)
assert program(10).start() == Outcome.DONE
"""


def in_process(text, **options):
    """A Python process that has run a program in three threads and then does as the text says."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-W", "error", "-c", _beginning + text]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


_AFTER = """
threads.atexit.unregister(threads.current.end)
threads.atexit.register(lambda: sys.stderr.write(f"after: {program(9).start()}"))
threads.atexit.register(threads.current.end)
"""


@pytest.mark.parametrize(("text", "code", "said"), [
    ("print('end')", 0, ""),
    ("raise ValueError('planted')", 1, "ValueError: planted"),
    ("sys.exit(7)", 7, ""),
    ("os._exit(3)", 3, ""),
    ("threading.Thread(target=sys.exit, args=(5,)).start()", 0, ""),
    # other threads are at it when Python ends
    ("threading.Thread(target=run_long, daemon=True).start(); time.sleep(0.1)", 0, ""),
    ("for _ in range(3): threading.Thread(target=run_long, daemon=True).start()\ntime.sleep(0.1); sys.exit(4)", 4, ""),
    # a program that runs after the workers were sent home
    (_AFTER, 0, "after: 0"),
    # a pool that nobody sent home
    ("threads.atexit.unregister(threads.current.end)", 0, ""),
])  # fmt: skip
def test_python_ends_as_it_should(text, code, said):
    process = in_process(text)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert said in errors
    assert said or not errors


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize(("text", "code"), [
    ("print('ready', flush=True)\nrun_long()", -signal.SIGINT),
    ("""
print('ready', flush=True)
try:
    run_long()
except KeyboardInterrupt:
    pool = threads.current.pool
    assert pool.post.words[threads.Post.OWNER] == 0
    before = int(pool.post.words[threads.Post.EPOCH])
    assert program(10).start() == Outcome.DONE
    assert threads.current.pool is pool and pool.post.words[threads.Post.EPOCH] == before + 10
    sys.exit(9)
""", 9),
])  # fmt: skip
def test_ctrl_c_while_native_code_runs(text, code):
    process = in_process(text)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert time.monotonic() - sent < 10


def test_the_words_of_different_threads_are_in_different_lines():
    """Between these the processors would send their caches back and forth."""
    assert {post // LINE for post in (Post.EPOCH, Post.CLOSED, Post.THREADS, Post.FUNCTION, Post.COUNT)} == {0}
    assert len({post // LINE for post in (Post.EPOCH, Post.OWNER, Post.MUTEX, Post.CONDITION, Post.FIRST)}) == 5
    assert threads.Memory(1000).address % (LINE * 8) == 0
    assert native().pool is not None
