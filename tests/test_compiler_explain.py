"""`explain_compile` and `profile`: what is native and what is not, and where the time goes."""

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.compiler import limits
from maplet.compiler.explain import Host, Native
from maplet.errors import PositionError, SettingError

few = limits.Limits(1, 1e11, 1e10)


@pytest.fixture
def known_limits(monkeypatch):
    """Limits that need not be measured."""
    monkeypatch.setattr("maplet.compiler.profile.limits", lambda: few)


def sorted_states(xs, w):
    def next_state(h, x):
        h = mp.tanh(mp.take(x, mp.argsort(h)) + h @ w)
        return h, mp.sum(h)

    return mp.scan(next_state, mp.zeros(4), xs)


def training():
    net, optimizer = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)), optim.Adam(0.01)
    optimizer.init(net)

    def step(net, optimizer, x, y):
        loss, gradients = mp.value_and_grad(lambda net: nn.mse(net(x), y))(net)
        optimizer.update(net, gradients)
        return loss

    return step, net, optimizer, mp.ones((5, 6)), mp.ones((5, 3))


def state_of(*trees):
    return [leaf.numpy().tobytes() for tree in trees for leaf in mp.core.tree.leaves(tree).values()]


def test_host_calls_are_listed_with_the_line_and_how_often_they_run():
    told = mp.explain_compile(sorted_states, mp.ones((5, 4)), mp.ones((4, 4)))
    first, host, last = told.parts
    assert isinstance(first, Native)
    assert (host.operation, host.types, host.rounds) == ("argsort", "f32[4] → i64[4]", 5)
    assert host.where.startswith("test_compiler_explain.py:")
    assert last.in_loops == last.kernels > 0
    assert told.host_calls == (host,)
    assert f"host     argsort   f32[4] → i64[4]   {host.where}   5 times" in str(told)
    assert first.kernels + last.kernels == told.kernels


def test_in_a_while_loop_nobody_knows_how_often():
    told = mp.explain_compile(
        lambda x: mp.while_loop(lambda x: mp.sum(x) < 9, lambda x: mp.sort(x) + 1, x), mp.zeros(3)
    )
    assert [host.rounds for host in told.host_calls] == [None]
    assert "in every round of a while loop" in str(told)


def test_a_training_step_is_one_native_program_that_writes_in_place():
    step, net, optimizer, x, y = training()
    jitted = mp.jit(step)
    before = state_of(net, optimizer)
    told = mp.explain_compile(jitted, net, optimizer, x, y)
    assert state_of(net, optimizer) == before
    assert not jitted.compilations
    assert not told.host_calls
    assert set(told.in_place) >= {"net.layers.0.weight", "net.layers.2.bias"}
    assert all("weight" not in name for name in told.moved)
    assert 0 < told.distinct <= told.kernels
    assert told.arena > 0


def test_a_jitted_function_tells_of_its_latest_program():
    f = mp.jit(lambda x: mp.exp(x) + 1)
    f(mp.ones(3))
    f(mp.ones((2, 3)))
    told = mp.explain_compile(f)
    assert told.reasons == tuple(f.reasons)
    assert len(told.reasons) == 2
    assert str(told).splitlines()[-2:] == [f"  {n}. {reason}" for n, reason in enumerate(f.reasons, 1)]


def test_a_method():
    class Model:
        @mp.jit
        def double(self, x):
            return 2 * x

    assert mp.explain_compile(Model().double, mp.ones(3)).kernels == 1


def test_missing_arguments():
    with pytest.raises(SettingError, match="missing a required argument: 'w'"):
        mp.explain_compile(sorted_states, mp.ones((5, 4)))
    with pytest.raises(SettingError, match="missing"):
        mp.explain_compile(mp.jit(sorted_states))


# ── profiles ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("known_limits")
def test_a_profile_leaves_all_as_it_was():
    step, net, optimizer, x, y = training()
    jitted = mp.jit(step)
    jitted(net, optimizer, x, y)
    before, handles = state_of(net, optimizer), list(net.parameters().values())
    profile = mp.profile(jitted, net, optimizer, x, y, repeat=3)
    assert state_of(net, optimizer) == before
    assert all(new is old for new, old in zip(net.parameters().values(), handles, strict=True))
    assert jitted.compilations == 1
    told = mp.explain_compile(jitted)
    assert len(profile.lines) == told.kernels
    assert all(line.calls == 1 and line.seconds > 0 for line in profile.lines)
    assert profile.runs == 3


@pytest.mark.usefixtures("known_limits")
def test_every_run_begins_with_the_same_values():
    class Counter(nn.Module):
        def __init__(self):
            self.steps = mp.asarray(0)

    counter = Counter()

    def f(counter, x):
        counter.steps = counter.steps + 1
        return mp.take(x, counter.steps)  # from the second step on there is none

    profile = mp.profile(f, counter, mp.asarray([1.0, 2.0]), repeat=3)
    assert counter.steps.item() == 0
    assert any("take" in line.what for line in profile.lines)


@pytest.mark.usefixtures("known_limits")
def test_work_in_loops_counts_every_round():
    profile = mp.profile(sorted_states, mp.ones((5, 4)), mp.ones((4, 4)), repeat=2)
    host, product = (
        next(line for line in profile.lines if line.what == what) for what in ("host call argsort", "matmul")
    )
    assert host.calls == product.calls == 5
    assert product.flops == 5 * 2 * 4 * 4
    assert host.fraction == 0 == host.flops
    assert product.where.startswith("test_compiler_explain.py:")
    assert product.fraction == pytest.approx(few.time_of(product.flops, product.bytes) / product.seconds)
    table = str(profile).splitlines()
    assert len(table) == len(profile.lines) + 4
    assert "host call argsort" in table[2]  # the longest first


@pytest.mark.usefixtures("known_limits")
def test_an_error_of_the_function_is_raised():
    with pytest.raises(PositionError):
        mp.profile(mp.take, mp.ones(3), mp.asarray([5]))
    with pytest.raises(SettingError, match="repeat"):
        mp.profile(mp.exp, mp.ones(3), repeat=0)


def test_limits_are_measured_by_kernels_that_do_what_they_say(monkeypatch):
    source, out = np.arange(4096, dtype=np.float32), np.zeros(4096, np.float32)
    assert limits._seconds(limits.copy_kernel(), [source, out], [4096 // 64], 64) > 0
    assert (out == source).all()
    out = np.zeros(limits.turns * 16, np.float32)
    assert limits._seconds(limits.peak_kernel(), [out], [100], limits.turns) > 0
    assert (out == 0.5 * limits.chains_at_once()).all()  # x ← x/2 + 1/4 comes to rest at 1/2
    monkeypatch.setattr(limits, "copied", 1 << 16)
    found = limits._measured.__wrapped__(1)
    assert found.flops > 1e8
    assert found.bytes > 1e7
    assert found.time_of(found.flops, 0) == 1
    assert found.time_of(0, 2 * found.bytes) == 2


def test_words():
    assert str(Host("sort", "f32[3] → f32[3]", "a.py:1", 1)) == "host     sort   f32[3] → f32[3]   a.py:1"
    assert str(Native(1, 0)) == "native   1 kernel"
