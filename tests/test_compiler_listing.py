"""A fused program as text, and how much its kernels are said to compute."""

from math import prod

import numpy as np
import pytest

import maplet as mp
from maplet import nn, optim
from maplet.compiler.elements import Axis, Linear
from maplet.compiler.formulas import along_axes
from maplet.compiler.fusion import fuse
from maplet.compiler.listing import listing
from maplet.compiler.program import Program
from maplet.compiler.stages import stage_text
from maplet.errors import PositionError


def shown(f, *args):
    return listing(fuse(mp.trace(f, *args)))


def test_nests_and_contractions():
    def f(x, w, b):
        h = mp.tanh(x @ w + b)
        return mp.softmax(h), h[:, ::-1] + 1

    assert (
        shown(f, mp.zeros((2, 3)), mp.zeros((3, 4)), mp.zeros(4))
        == """\
fused(x: f32[2,3], w: f32[3,4], b: f32[4]) {
  contraction
    %0[i,j] = sum(k<3: x[i,k] * w[k,j])   : f32[2,4]
  nest 2×4
    %1[i,j] = tanh(%0[i,j] + b[j])   : f32[2,4]
  nest 2×1
    v0[i] = max(k<4: %1[i,k])
    %2[i,0] = where(isfinite(v0[i]), v0[i], 0.0)   : f32[2,1]
  nest 2×4
    %3[i,j] = exp(%1[i,j] - %2[i,0])   : f32[2,4]
  nest 2×1
    %4[i,0] = sum(k<4: %3[i,k])   : f32[2,1]
  nest 2×4
    %5[i,j] = %3[i,j] / %4[i,0]   : f32[2,4]
    %6[i,j] = %1[i,-j+3] + 1.0   : f32[2,4]
  return %5, %6
}"""
    )


def test_a_scan_with_a_host_call():
    def f(xs, w):
        def next_state(h, x):
            h = mp.tanh(mp.take(x, mp.argsort(h)) + h @ w)
            return h, mp.sum(h)

        return mp.scan(next_state, mp.zeros(4), xs)

    assert (
        shown(f, mp.zeros((5, 4)), mp.zeros((4, 4)))
        == """\
fused(xs: f32[5,4], w: f32[4,4]) {
  nest 4
    %0[i] = 0.0   : f32[4]
  for t in 0‥5   → %2: f32[5]
    carry %1 = %0   : f32[4]
    host call
      %3 = argsort(%1)   : i64[4]
    contraction
      %4[i] = sum(j<4: %1[j] * w[j,i])   : f32[4]
    nest 4
      v0[i] = where(%3[i] < 0, %3[i] + 4, %3[i])
      error in take if v0[i] < 0 or v0[i] >= 4
      v1[i] = where(v0[i] < 0 or v0[i] >= 4, 0, v0[i])
      %1'[i] = tanh(xs[t,v1[i]] + %4[i])   : f32[4]
    nest
      %2[t] = sum(i<4: %1'[i])   : f32[]
  return %1, %2
}"""
    )


def test_a_loop_and_a_choice():
    def f(x):
        y = mp.while_loop(lambda y: mp.sum(y) < 100.0, lambda y: 2 * y + 1, x)
        return mp.cond(mp.sum(y) > 200.0, lambda y: y - 1, lambda y: y[::-1], y)

    assert (
        shown(f, mp.zeros(4))
        == """\
fused(x: f32[4]) {
  while %1
    carry %0 = x   : f32[4]
    nest
      %1 = sum(i<4: %0[i]) < 100.0   : bool[]
    nest 4
      %0'[i] = 2.0 * %0[i] + 1.0   : f32[4]
  nest
    %2 = i64(not sum(i<4: %0[i]) > 200.0)   : i64[]
  switch on %2   : f32[4]
    case 0
      nest 4
        %3[i] = %0[i] - 1.0   : f32[4]
    case 1
      nest 4
        %3[i] = %0[-i+3]   : f32[4]
  return %3
}"""
    )


def test_what_is_written_in_place_has_a_prime():
    net, optimizer = nn.Linear(3, 2), optim.SGD(0.1)
    optimizer.init(net)

    def step(net, optimizer, x):
        loss, gradients = mp.value_and_grad(lambda net: mp.sum(net(x)))(net)
        optimizer.update(net, gradients)
        return loss

    text = stage_text("fused", step, net, optimizer, mp.zeros((5, 3)))
    assert "net.weight'[i,j] = net.weight[i,j] - f32(optimizer.learning_rate) * " in text
    assert "return %" in text
    assert "net.weight', net.bias', optimizer.steps'" in text.splitlines()[-2]


def test_guards_scatters_and_swapped_carries():
    padded = shown(lambda x: mp.pad(x, 1), mp.zeros((2, 3)))
    assert "%0[i,j] = where(v0[i,j], (x[i-1,j-1] if v0[i,j]), 0.0)   : f32[4,5]" in padded
    gathered = shown(mp.grad(lambda x: mp.sum(mp.take(x, mp.asarray([1, 1, 0])) ** 2)), mp.zeros(4))
    assert "scatter into 0" in gathered
    assert "constant c0: i64[3]" in gathered
    assert "] += " in gathered
    swapped = shown(lambda a, b: mp.scan(lambda c, _: ((c[1], c[0]), None), (a, b), None, length=3)[0], 1.0, 2.0)
    assert "%0' = %1" in swapped
    assert "%1' = %0" in swapped


def test_a_long_program_is_listed_without_end_of_stack_and_formulas_stay_short():
    def f(x):
        for _ in range(150):
            x = mp.sin(x) + x * 0.5
        return x

    lines = shown(f, mp.zeros(3)).splitlines()
    assert len(lines) > 40
    assert max(map(len, lines)) < 160


@pytest.mark.parametrize("seed", range(30))
def test_positions_along_axes_are_the_flat_position(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))
    axes = [Axis(int(n)) for n in rng.integers(2, 5, 3)]
    form = Linear(int(rng.integers(-9, 9)), {axis: int(rng.integers(-20, 20)) for axis in axes})
    total = Linear()
    parted = along_axes(form, shape, loose=True)
    for n, place in enumerate(parted):
        total += place.scaled(prod(shape[n + 1 :]))
    if shape[-1] != 1:
        assert total.key == form.key
    strict = along_axes(form, shape, loose=False)
    if strict is not None:
        assert all(0 <= place.bounds()[0] <= place.bounds()[1] < n for place, n in zip(strict, shape, strict=True))


def test_an_error_inside_a_loop_names_the_line():
    def f(xs, n):
        return mp.scan(lambda total, x: (total + mp.sum(mp.take(x, n)), None), 0.0, xs)[0]

    with pytest.raises(PositionError, match="take") as caught:
        mp.jit(f)(mp.ones((3, 4)), mp.asarray([7]))
    assert "test_compiler_listing.py:" in caught.value.where


# ── work ─────────────────────────────────────────────────────────────────────────────────────────


def work(f, *args):
    """(floating operations, bytes) of each call of a kernel."""
    return [(called.flops, called.bytes) for called in Program(mp.trace(f, *args)).instructions.calls]


def test_floating_operations_are_counted_once_for_each_position_that_decides_them():
    x, b = mp.zeros((6, 8)), mp.zeros(8)
    assert work(lambda x, b: mp.exp(x) * x + b, x, b) == [(3 * 48, 4 * (48 + 8 + 48))]
    assert work(lambda x, s: x + s * s, x, mp.asarray(2.0)) == [(48 + 1, 4 * (48 + 1 + 48))]
    assert work(lambda x: mp.where(x > 0, x, 0.0), x) == [(0, 4 * 96)]
    assert work(lambda x: mp.sum(x * x, axis=1), x)[0][0] == 2 * 48


def test_a_product_of_matrices_counts_twice_its_terms():
    flops = sum(f for f, _ in work(lambda x, w: x @ w, mp.zeros((64, 32)), mp.zeros((32, 48))))
    assert flops == 2 * 64 * 32 * 48


def test_rows_that_are_looked_up_do_not_count_the_table():
    table, rows = mp.zeros((1000, 8)), mp.asarray([3, 1, 4])
    assert work(lambda table, rows: mp.take(table, rows, axis=0), table, rows) == [(0, 4 * 24 + 8 * 3 + 4 * 24)]
    (_, filled), (flops, visited) = work(
        lambda table, rows: mp.grad(lambda t: mp.sum(mp.take(t, rows, axis=0)))(table), table, rows
    )[-2:]
    assert filled == 4 * 8000
    assert flops == 24
    assert visited < 4 * 200
