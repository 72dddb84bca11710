"""Native code beside its meaning: the same graph by `Program` and by `evaluate`."""

from __future__ import annotations

import numpy as np

from maplet.compiler import loop_check
from maplet.compiler.program import Program
from maplet.core.recording import graph_of
from maplet.core.types import ArrayType, bfloat16, kind_of
from maplet.transforms.evaluate import compute


def type_of(x):
    return ArrayType(x.shape, x.dtype)


def both(graph, values):
    """What native code gives for a graph, and what it means."""
    values = [np.ascontiguousarray(x).reshape(x.shape) for x in values]
    program = checked(Program(graph))
    with np.errstate(all="ignore"):
        return program.run(values), [np.asarray(y) for y in compute(graph, values)]


def checked(program):
    """The program, after a look at each of its kernels."""
    for kernel in program.instructions.kernels:
        if not kernel.name.startswith("contraction"):  # in those, all sums of a tile have one name
            loop_check.check(kernel)
    return program


def graph_for(f, values):
    """The graph of a function of a list of arrays that gives a list."""
    return graph_of(f, [type_of(x) for x in values])


def readable(x):
    """An array as NumPy's comparisons can read it: in bfloat16 they do not know a NaN."""
    return x.astype(np.float32) if x.dtype == bfloat16 else x


def assert_equal(found, expected, what=""):
    """The same bits, but for those of a NaN."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    found, expected = readable(found), readable(expected)
    np.testing.assert_array_equal(found, expected, err_msg=str(what))
    if kind_of(expected.dtype) == "f":
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(found)[number], np.signbit(expected)[number], err_msg=str(what))
