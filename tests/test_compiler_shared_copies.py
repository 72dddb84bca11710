"""An operand that several products read in the same panels is copied once."""

from dataclasses import replace

import numpy as np

import maplet as mp
from maplet.compiler.contraction import planned
from maplet.compiler.contraction_schedule import Contraction, simplified
from maplet.compiler.contraction_tiles import choices
from maplet.compiler.jit import jit
from maplet.compiler.target import target
from test_compiler_contraction import PROBLEMS, run

numbers = np.random.default_rng(0)


def copies(problem: Contraction, array):
    """Every copy of an operand that some choice of tile makes: what it is said to be, and what it is."""
    for choice in choices(problem, target()):
        made = planned(problem, choice)
        for step in made.steps:
            if step.copies is None:
                continue
            name, panels = step.buffers
            found = np.full(made.temporaries[panels], np.nan, array.dtype)
            run(type(made)((step,), {}), target(), {name: array, panels: found, "out": found})
            yield step.copies, found


def test_copies_that_are_said_to_be_equal_are_equal():
    """Of one array, whatever the problem, the operand and the tile."""
    arrays = {"f32": numbers.normal(size=1 << 16).astype(np.float32), "f64": numbers.normal(size=1 << 16)}
    known, met_again = {}, 0
    some = [simplified(problem) for problem in PROBLEMS.values() if problem.outputs]
    moved = [replace(problem, starts=(problem.starts[0] + 1, problem.starts[1] + 2)) for problem in some]
    for problem in some + moved[::3]:
        for said, found in copies(problem, arrays[problem.dtype]):
            met_again += said in known
            np.testing.assert_array_equal(known.setdefault(said, found), found)
    assert met_again > len(PROBLEMS)


def panel_calls(f):
    (compiled,) = f.programs.values()
    return [call for call in compiled.program.instructions.calls if call.kernel.name == "panels"]


def test_gradients_of_two_weights_share_the_copy_of_what_comes_in():
    x, z, g = (numbers.normal(size=(2048, n)).astype(np.float32) for n in (256, 128, 1024))
    both, one, other = jit(lambda x, z, g: (x.T @ g, z.T @ g)), jit(lambda x, g: x.T @ g), jit(lambda z, g: z.T @ g)
    found, expected = both(x, z, g), (one(x, g), other(z, g))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    if panel_calls(one) and panel_calls(other):  # on a CPU where either is worth a copy by itself
        assert len(panel_calls(both)) == 1


def test_what_was_copied_is_not_read_after_its_array_has_changed():
    """A loop whose carry is a factor of two products in each round: each round copies it anew."""
    w, xs = numbers.normal(size=(256, 1024)).astype(np.float32), numbers.normal(size=(3, 64, 256)).astype(np.float32)

    def turn(w, x):
        return w - 1e-3 * (x.T @ (x @ w)), (x @ w, (x + 1) @ w)

    def turns(w, xs):
        return mp.scan(turn, w, xs)

    found, expected = jit(turns)(w, xs), turns(mp.asarray(w), mp.asarray(xs))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found[1][1], expected[1][1], rtol=1e-3, atol=1e-3)
