"""The benchmarks measure what they say: workers, agreement, turns, tables. No test looks at how fast anything is."""

import importlib.util
import math
import platform
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # they are not part of what is installed

from benchmarks import __main__ as command  # noqa: E402  (the path comes first)
from benchmarks import data, limit, machine, measure, reference, report, workloads  # noqa: E402
from benchmarks.contestants import EVERY, Contestant  # noqa: E402
from benchmarks.limit import Limit  # noqa: E402
from benchmarks.measure import Outcome, Plan  # noqa: E402
from benchmarks.worker import Worker  # noqa: E402

XOR = workloads.every()["xor"]
FAKE = '''
"""A framework that is told what to answer."""

import os
import time

from benchmarks import reference
from benchmarks.contestants.runner import Absent, Runner


class Fake(Runner):
    def __init__(self, workload, variant):
        self.workload, self.wrong, self.units = workload, variant == "wrong", 0

    def reset(self):
        self.units = 0

    def run(self, units):
        self.units += units
        time.sleep(units / 1000)

    def result(self):
        assert self.units == self.workload.rehearsal, "it began anew"
        weights, _ = reference.value(self.workload)
        if self.wrong:
            weights["bias1"] = weights["bias1"] + 1e-3
        return weights


def prepare(workload, threads, variant):
    print("frameworks chatter")
    os.system("echo and so do their libraries")
    if variant == "away":
        raise Absent("it is on holiday")
    if variant == "lacking":
        import a_framework_that_nobody_has
    if variant == "broken":
        raise ValueError("it cannot do this")
    if variant == "dead":
        os.write(2, b"a fault in native code")
        os._exit(3)
    assert os.environ["OMP_NUM_THREADS"] == str(threads)
    return Fake(workload, variant)
'''


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A contestant for each behaviour."""
    tmp_path.joinpath("a_fake_framework.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def of(variant, *, peer=True):
        return Contestant(variant, "a_fake_framework", variant, "made up", (workloads.Training,), peer=peer)

    return of


# ── the measurement ──────────────────────────────────────────────────────────────────────────────


def test_contestants_are_timed_or_stand_there_with_the_reason(fake):
    variants = ["right", "wrong", "away", "lacking", "broken", "dead", "also right"]
    told = []
    found = measure.compete(XOR, [fake(v) for v in variants], Plan(1, rounds=3, burst=0.005), told.append)
    outcomes = dict(zip(variants, found, strict=True))
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "right": "timed", "wrong": "disagrees", "away": "absent", "lacking": "absent", "broken": "failed",
        "dead": "failed", "also right": "timed",
    }  # fmt: skip
    for name in ("right", "also right"):
        assert len(outcomes[name].seconds) == 3
        assert outcomes[name].units >= 1
        assert outcomes[name].error == 0
        assert outcomes[name].ready > 0
    assert not any(outcomes[name].seconds for name in variants if outcomes[name].status != "timed")
    assert "bias1 is off by" in outcomes["wrong"].reason
    assert outcomes["wrong"].error > XOR.tolerance
    assert outcomes["away"].reason == "it is on holiday"
    assert "a_framework_that_nobody_has" in outcomes["lacking"].reason
    assert "ValueError: it cannot do this" in outcomes["broken"].reason
    assert "status 3\n" in outcomes["dead"].reason
    assert "a fault in native code" in outcomes["dead"].reason
    assert "round 3 of 3" in told


def test_each_round_begins_with_the_next(monkeypatch):
    monkeypatch.setattr(measure, "REST", 0)
    asked = []

    class Stub:
        def __init__(self, name):
            self.name = name

        def ask(self, do, *, seconds):
            assert (do, seconds) == ("burst", 0.1)
            asked.append(self.name)
            if asked.count("b") == 2 and self.name == "b":
                raise measure.Refusal("failed", "it fell over")
            return {"units": 4, "seconds": 2.0}

    running = [(Outcome(name, "", True), Stub(name)) for name in "abc"]
    measure._time(running, Plan(1, rounds=4), lambda _: None)
    assert "".join(asked) == "abc" + "bca" + "ca" + "ac"  # b falls over in the second round and is left out
    assert [outcome.seconds for outcome, _ in running] == [[0.5] * 4, [0.5], [0.5] * 4]
    assert [outcome.status for outcome, _ in running] == ["timed", "failed", "timed"]


def test_a_burst_grows_until_it_is_long_enough_and_then_stays(monkeypatch):
    clock, log = [0.0], []
    monkeypatch.setattr("benchmarks.worker.time.perf_counter", lambda: clock[0])

    class Runner:
        grain = 5

        def reset(self):
            log.append("reset")

        def run(self, units):
            log.append(units)
            clock[0] += 0.01 * units

    worker = Worker("", "", 1)
    worker.runner, worker.units = Runner(), Runner.grain
    assert worker.burst(seconds=0.09) == {"units": 10, "seconds": pytest.approx(0.1)}
    assert log == ["reset", 5, 5, "reset", 5, 10]  # each time from the start, with a run that is not timed
    assert worker.burst(seconds=99)["units"] == 10


def test_a_worker_that_is_silent_is_given_up(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "PATIENCE", 0.0)
    process = measure.Process(fake("right"), 1, tmp_path / "log")
    with pytest.raises(measure.Refusal, match="no answer to prepare") as caught:
        process.ask("prepare", workload="xor", quick=False)
    assert caught.value.status == "failed"
    process.close()
    assert process.process.returncode is not None


# ── agreement ────────────────────────────────────────────────────────────────────────────────────


def test_disagreement_is_relative_to_what_was_learnt():
    start, expected = {"w": np.array([100.0, 100.0])}, {"w": np.array([100.0, 100.1])}
    assert reference.disagreement(expected, expected, start)[0] == 0
    off = {"w": np.array([100.01, 100.12])}
    assert reference.disagreement(off, expected, start)[0] == pytest.approx(0.3, rel=1e-6)
    assert reference.disagreement(off, expected, {})[0] == pytest.approx(math.hypot(0.01, 0.02) / 141.5, rel=1e-3)


@pytest.mark.parametrize(
    "wrong", [{}, {"w": np.ones(3)}, {"w": np.array([1.0, math.nan])}, {"w": np.ones(2), "v": np.ones(2)}]
)
def test_what_is_missing_misshapen_or_not_finite_disagrees(wrong):
    assert reference.disagreement(wrong, {"w": np.ones(2)}, {})[0] == math.inf


def test_an_array_that_does_not_move_must_not_move():
    still = {"w": np.ones(2)}
    assert reference.disagreement(still, still, still)[0] == 0
    assert reference.disagreement({"w": np.array([1.0, 1.0 + 1e-9])}, still, still)[0] == math.inf


@pytest.mark.parametrize("early", [False, True])
def test_adam_of_the_reference_in_both_forms(early):
    adam = reference.Adam(0.5, {"w": np.zeros(1)}, early_epsilon=early)
    found, expected, m, v = {"w": np.zeros(1)}, 0.0, 0.0, 0.0
    for step, g in enumerate((1e-7, -2e-7), 1):  # so small that it matters where ε stands
        found = adam.update(found, {"w": np.array([g])})
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        if early:
            expected -= 0.5 * math.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (math.sqrt(v) + 1e-8)
        else:
            expected -= 0.5 * (m / (1 - 0.9**step)) / (math.sqrt(v / (1 - 0.999**step)) + 1e-8)
    assert found["w"][0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_backpropagation_of_the_reference_is_the_derivative(activation):
    network = workloads.Network((3, 4, 5, 2), activation, "sgd", 0.1)
    rng = np.random.default_rng(0)
    weights = {name: array.astype(np.float64) for name, array in data.weights(network).items()}
    x, y = rng.normal(size=(6, 3)), rng.integers(0, 2, 6)

    def loss(weights):
        a = x
        for n in range(3):
            z = a @ weights[f"weight{n}"] + weights[f"bias{n}"]
            a = np.tanh(z) if activation == "tanh" else np.maximum(z, 0)
        return -np.mean(np.log(reference._softmax(z)[np.arange(6), y]))

    gradients = reference._gradients(network, weights, x, y)
    for name, gradient in gradients.items():
        direction = rng.normal(size=gradient.shape)
        ahead, behind = (loss({**weights, name: weights[name] + h * direction}) for h in (1e-6, -1e-6))
        assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


def test_the_row_wise_reference_is_the_derivative(monkeypatch):
    workload = workloads.Rows("small", 3, 5)
    given = [array.astype(np.float64) if array.dtype == np.float32 else array for array in data.rows(workload)]
    rng = np.random.default_rng(0)

    def value(*arrays):
        monkeypatch.setattr(data, "rows", lambda _: arrays)
        return reference._rows(workload)

    found = value(*given)
    for place, name in enumerate(("x", "gamma", "beta")):
        direction = rng.normal(size=given[place].shape)
        losses = []
        for h in (1e-6, -1e-6):
            moved = list(given)
            moved[place] = given[place] + h * direction
            losses.append(value(*moved)["loss"])
        assert np.sum(found[name] * direction) == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6)


def test_the_convolution_of_the_reference_and_its_pullback():
    workload = workloads.Convolution("small", 2, 4, 3, 2, gradients=True)
    images, weights, cotangent = data.convolution(workload)
    found = reference._convolution(workload)
    # One element by the definition, at a corner, where some of the nine places lie outside.
    expected = sum(images[1, i, j] @ weights[i + 1, j + 1] for i in (0, 1) for j in (0, 1))
    np.testing.assert_allclose(found["y"][1, 0, 0], expected, rtol=1e-5)
    # ⟨ȳ, y⟩ is linear in the images and in the weights, so both pullbacks give it back.
    total = np.sum(found["y"] * cotangent)
    assert np.sum(found["images"] * images) == pytest.approx(total)
    assert np.sum(found["weights"] * weights) == pytest.approx(total)


@pytest.mark.parametrize("name", ["xor", "softmax"])
def test_maplet_agrees_with_the_reference(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MAPLET_DATA", str(tmp_path))  # made-up digits: the real ones take a while to unpack
    workload = workloads.every()[name]
    expected, start = reference.value(workload)
    for variant in ("step", "scan"):
        worker = Worker("benchmarks.contestants.maplet", variant, 1)
        assert worker.answer({"do": "prepare", "workload": name, "quick": True}).keys() == {"seconds", "grain"}
        path = tmp_path / "result.npz"
        assert worker.answer({"do": "rehearse", "units": workload.rehearsal, "path": str(path)}) == {}
        with np.load(path) as found:
            assert reference.disagreement(dict(found), expected, start)[0] < workload.tolerance


@pytest.mark.slow
@pytest.mark.parametrize("workload", workloads.every(quick=True).values(), ids=lambda workload: workload.name)
def test_everyone_who_is_there_agrees(workload):
    interpreted = [one for one in command.contestants_for(workload, ()) if "compile" not in one.name]
    outcomes = measure.compete(workload, interpreted, Plan(1, rounds=1, burst=1e-3, quick=True))
    wrong = {outcome.contestant: outcome.reason for outcome in outcomes if outcome.status not in {"timed", "absent"}}
    assert not wrong
    assert any(outcome.status == "timed" for outcome in outcomes)


# ── what is measured ─────────────────────────────────────────────────────────────────────────────


def test_workloads_are_chosen_by_name_and_by_group():
    assert [w.name for w in workloads.chosen(("mlp", "xor"))] == ["xor", "mlp"]
    assert len(workloads.chosen(("matmul",))) == 5
    assert [w.name for w in workloads.chosen(("conv-large",))] == ["conv-large"]
    assert workloads.chosen(()) == list(workloads.every().values())
    with pytest.raises(KeyError, match="matmu"):
        workloads.chosen(("mlp", "matmu"))


def test_every_workload_has_a_peer_and_a_limit_and_every_contestant_a_file():
    for workload in workloads.every().values():
        assert any(isinstance(workload, one.takes) for one in EVERY if one.peer), workload.name
        assert workload.flops or workload.moves
        assert workload.says
    assert len({one.name for one in EVERY}) == len(EVERY)
    for one in EVERY:
        assert importlib.util.find_spec(one.module), one.name


def test_the_work_of_a_step_is_counted():
    network = workloads.Network((2, 3, 5), "tanh", "sgd", 0.1)
    # Forward 2·7·(6 + 15), as much for the weights, and for the inputs of the second layer.
    assert network.flops(7) == 2 * (2 * 7 * (6 + 15)) + 2 * 7 * 15


def test_digits_are_the_real_ones_or_say_that_they_are_not(shared, tmp_path, monkeypatch):
    x, y = data.digits(100)
    monkeypatch.setenv("MAPLET_DATA", str(tmp_path))
    assert "made-up" in data.digits_source()
    made_up, labels = data.digits(100)
    assert (made_up.shape, made_up.dtype, labels.shape, labels.dtype) == (x.shape, x.dtype, y.shape, y.dtype)
    monkeypatch.setenv("MAPLET_DATA", str(shared("mnist").parent))
    assert data.digits_source() == "MNIST"
    assert data.digits(5)[1].tolist() == [5, 0, 4, 1, 9]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="reads x86-64 assembly")
def limit_of(threads, flops, memory):
    """Caches of 10 and 100 bytes, with rates of their own."""
    return Limit(threads, flops, memory, near=8000.0, near_bytes=10, far=400.0, far_bytes=100)


def test_the_kernel_of_the_limit_works_in_registers_alone():
    peak = limit.Peak()
    assert peak(10) == 2 * peak.lanes * peak.sums * 10
    body = peak.assembly.split(".LBB0_1:")[1].split("jl\t")[0].strip().splitlines()
    sums = [line for line in body if "fmadd" in line or "mulps" in line]
    assert len(sums) == peak.sums
    assert not any("(" in line for line in body), "an operand in memory"


def test_the_limit_adds_what_must_be_moved_where_it_lies():
    found = limit_of(1, flops=100.0, memory=10.0)
    assert found.seconds(200.0, []) == 2.0
    assert found.seconds(200.0, [(8000.0, 10.0)]) == 3.0
    assert found.seconds(200.0, [(400.0, 100.0)]) == 3.0
    assert found.seconds(200.0, [(30.0, 101.0), (20.0, 1e9)]) == 7.0
    assert found.seconds(200.0, [(10.0, 1e9)], [(15.0, 1e9)]) == 3.0
    assert found.seconds(200.0, [(10.0, 1e9)], [(25.0, 1e9)]) == 3.5


def test_the_environment_tells_everyone_how_many_threads(monkeypatch):
    monkeypatch.setenv("UNTOUCHED", "yes")
    found = machine.environment(3)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MAPLET_THREADS", "NPROC"):
        assert found[name] == "3"
    assert found["UNTOUCHED"] == "yes"


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def run():
    """Two workloads; in the second nobody but maplet was timed."""
    outcomes = [
        Outcome("maplet", "", False, error=1e-7, ready=1.0, seconds=[3.0, 1.0, 2.0], units=7),
        Outcome("quick", "", True, error=2e-7, ready=2.0, seconds=[4.0, 4.0, 5.0], units=7),
        Outcome("slow", "", True, error=2e-7, ready=2.0, seconds=[8.0], units=7),
        Outcome("liar", "", True, status="disagrees", reason="weight0 is off", error=0.5),
        Outcome("gone", "", True, status="absent", reason="a|b\nNo module named gone"),
    ]
    first = report.Result("mlp", "a net", "step", 1, 3, 1e-4, flops=10.0, moves=[], streams=[], outcomes=outcomes)
    second = replace(first, workload="rows", threads=2, flops=0.0, moves=[[3.0, 1e9]], outcomes=outcomes[:1])
    limits = [limit_of(1, 10.0, 1.0), limit_of(2, 20.0, 6.0)]
    return report.Run("today", {"processor": "abacus"}, {"maplet": "9"}, {"rounds": "3"}, ["a note"], limits,
                      [first, second])  # fmt: skip


def test_the_table_compares_with_the_fastest_peer_and_the_limit(run):
    rows = report.rows(run, run.results[0])
    assert [row[:5] for row in rows] == [
        ["maplet", "2.00 s", "1.00 s – 3.00 s", "0.50", "50 %"],
        ["quick", "4.00 s", "4.00 s – 5.00 s", "1.00", "25 %"],
        ["slow", "8.00 s", "8.00 s – 8.00 s", "2.00", "12 %"],
    ]
    assert report.missing(run.results[0]) == [
        "liar disagrees: weight0 is off", "gone absent: No module named gone"
    ]  # fmt: skip
    assert report.rows(run, run.results[1])[0][3:5] == ["", "25 %"]


def test_the_page_holds_every_workload_and_everyone_missing(run):
    page = report.page(run)
    assert "| mlp | 1 | 2.00 s (maplet) | 4.00 s (quick) | 0.50 | 50 % |" in page
    assert "| rows | 2 | 2.00 s (maplet) | not timed |  | 25 % |" in page
    assert "- liar disagrees: weight0 is off" in page
    for part in ("abacus", "maplet 9", "today", "- a note", "## mlp · 1 thread\n", "## rows · 2 threads\n"):
        assert part in page


def test_the_cost_of_watching_is_that_of_the_median_round(run):
    assert "What it costs to watch" not in report.page(run)
    plain, watched = run.results[0].outcomes[0], [3.3, 1.02, 2.04]
    run.results[0].outcomes[:] = [
        replace(plain, contestant="maplet fit"), replace(plain, contestant="maplet fit watched", seconds=watched)
    ]  # fmt: skip
    assert report.watching(run) == [["mlp", "1", "2.00 s", "2.04 s", "+2.0 %"]]
    assert "| mlp | 1 | 2.00 s | 2.04 s | +2.0 % |" in report.page(run)


def test_of_two_measurements_of_the_limit_the_better_counts(run):
    run.note(limit_of(2, 10.0, 12.0))
    assert run.limits == [limit_of(1, 10.0, 1.0), limit_of(2, 20.0, 12.0)]
    assert run.least_seconds(run.results[1]) == 0.25


def test_results_are_read_back_as_they_were(run, tmp_path):
    report.save(run, tmp_path / "results.json")
    assert report.load(tmp_path / "results.json") == run


def test_the_page_in_the_repository_is_that_of_its_data():
    written = ROOT / "benchmarks" / "results.json"
    if not written.exists():
        pytest.skip("no results are written yet")
    page = report.page(report.load(written))
    assert (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.2345, "1.23 s"), (0.99996, "1.00 s"), (0.9, "900 ms"), (0.01234, "12.3 ms"), (9.996e-3, "10.0 ms"),
     (4.56e-6, "4.56 µs"), (1e-6, "1.00 µs"), (5e-8, "50 ns")],
)  # fmt: skip
def test_durations_have_three_digits(seconds, text):
    assert report.duration(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.874, "87 %"), (0.0961, "10 %"), (0.031, "3.1 %"), (0.000234, "0.023 %")]
)
def test_shares_are_in_per_cent(fraction, text):
    assert report.share(fraction) == text


# ── the command ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def invoke(fake, tmp_path, monkeypatch):
    """The command with contestants made up, a limit made up, and the results in a temporary folder."""
    monkeypatch.setattr(command, "EVERY", [fake("right", peer=False), fake("also right"), fake("wrong"), fake("away")])
    monkeypatch.setattr(measure, "limit", lambda threads: limit_of(threads, 1e9, 1e9))
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setenv("MAPLET_DATA", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(command.main, arguments)


def test_the_command_measures_and_writes(invoke, tmp_path):
    found = invoke("--quick", "--workload", "xor", "--threads", "1", "--peers", "also right,away", "--write")
    assert found.exit_code == 0, found.output
    assert "away absent: it is on holiday" in found.output
    run = report.load(tmp_path / "results.json")
    assert [outcome.status for outcome in run.results[0].outcomes] == ["timed", "timed", "absent"]
    assert [len(outcome.seconds) for outcome in run.results[0].outcomes] == [2, 2, 0]
    assert tmp_path.joinpath("RESULTS.md").read_text(encoding="utf-8") == report.page(run)


def test_what_is_measured_again_takes_the_place_of_the_old(invoke, tmp_path):
    for names in (("xor", "softmax"), ("xor",)):
        chosen = [part for name in names for part in ("--workload", name)]
        found = invoke("--quick", *chosen, "--threads", "1", "--peers", "away", "--write")
        assert found.exit_code == 0, found.output
    run = report.load(tmp_path / "results.json")
    assert [result.workload for result in run.results] == ["xor", "softmax"]
    path = tmp_path / "results.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"numpy": "', '"numpy": "0.'), encoding="utf-8")
    refused = invoke("--quick", "--workload", "xor", "--threads", "1", "--peers", "away", "--write")
    assert refused.exit_code == 2
    assert "other versions" in refused.output


def test_the_command_is_loud_about_disagreement(invoke, tmp_path):
    found = invoke("--quick", "--workload", "xor", "--threads", "1", "--peers", "wrong")
    assert found.exit_code == 1
    assert "wrong disagrees in xor" in found.output
    assert not tmp_path.joinpath("results.json").exists()  # nothing is written unasked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--workload", "matmu"), "no workload 'matmu'"), (("--peers", "theano"), "'theano' is not among"),
     (("--threads", "100000"), "may use")],
)  # fmt: skip
def test_the_command_refuses_what_is_not_there(invoke, arguments, message):
    found = invoke(*arguments)
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())


def test_the_command_lists_what_there_is(invoke):
    found = invoke("--list").output
    assert all(name in found for name in [*workloads.every(), "also right", "always there"])
