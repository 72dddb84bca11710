"""Contractions: every element is one chain of multiply-additions, whatever the tile, the order, the threads."""

import ctypes
import itertools
import math
import mmap
import platform
import random
import re
import sys
from functools import cache

import numpy as np
import pytest
from llvmlite import binding
from numpy.lib.stride_tricks import as_strided

from maplet.compiler import contraction_order
from maplet.compiler.contraction import Axis, Contraction, Plan, plan, planned
from maplet.compiler.contraction_schedule import simplified
from maplet.compiler.contraction_tiles import choices
from maplet.compiler.llvm import emit
from maplet.compiler.loop_check import check
from maplet.compiler.loop_text import text
from maplet.compiler.target import Target, target

DTYPES = {"f32": np.float32, "f64": np.float64}

# ── what a contraction means ─────────────────────────────────────────────────────────────────────


def fma32(a, b, total):
    """a·b + total, rounded once: the product is exact in f64, the sum rounded to odd, and so may be rounded again."""
    product, total = a.astype(np.float64) * b, total.astype(np.float64)
    found = product + total
    part = found - product
    error = (product - (found - part)) + (total - part)  # what the sum lacks, exactly (Knuth, TwoSum)
    bits = found.view(np.int64)
    towards = np.where((error > 0) == (found > 0), 1, -1)
    return np.where((error != 0) & (bits % 2 == 0), bits + towards, bits).view(np.float64).astype(np.float32)


def fma64(a, b, total):
    """a·b + total, rounded once: the product as the sum of two numbers (Veltkamp, Dekker), then the exact sum."""

    def halves(x):
        high = 134217729.0 * x - (134217729.0 * x - x)  # 2^27 + 1
        return high, x - high

    def one(x, y, z):
        product, (xh, xl), (yh, yl) = x * y, halves(x), halves(y)
        return math.fsum([product, ((xh * yh - product) + xh * yl + xl * yh) + xl * yl, z])

    return np.vectorize(one, otypes=[np.float64])(a, b, total)


def meaning(problem, a, b):
    """The result, term by term in lexicographic order."""
    shape = tuple(axis.extent for axis in problem.axes)
    fma = fma32 if problem.dtype == "f32" else fma64
    total = np.zeros(shape, a.dtype)
    for indices in itertools.product(*(range(axis.extent) for axis in problem.sums)) if total.size else ():
        views = []
        for name, array, first in (("a", a, problem.starts[0]), ("b", b, problem.starts[1])):
            start = first + sum(i * axis.stride(name) for i, axis in zip(indices, problem.sums, strict=True))
            strides = [axis.stride(name) * array.itemsize for axis in problem.axes]
            views.append(as_strided(array[start:], shape, strides).copy())
        total = fma(*views, total).reshape(shape)
    return total


def reach(problem, name):
    """The number of elements that an operand must have."""
    start = problem.starts["ab".index(name)]
    steps = [max(axis.extent - 1, 0) * axis.stride(name) for axis in (*problem.axes, *problem.sums)]
    assert start + sum(step for step in steps if step < 0) >= 0
    return start + sum(step for step in steps if step > 0) + 1


def operands(problem, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=reach(problem, name)).astype(DTYPES[problem.dtype]) for name in "ab"]


# ── problems ─────────────────────────────────────────────────────────────────────────────────────


def row_major(shape):
    return [math.prod(shape[n + 1 :]) for n in range(len(shape))]


def product(m, k, n, turned=("", ""), *, dtype="f32", batch=(), shared=("", ""), gap=0, starts=(0, 0)):
    """A product of matrices; ``turned`` says which are transposed, ``shared`` which batch axes an operand lacks."""

    def strides(which, rows, columns):
        first, second = (columns, rows) if turned[which] else (rows, columns)
        matrix = (1, second + gap) if turned[which] else (second + gap, 1)
        own = [1 if str(axis) in shared[which] else extent for axis, extent in enumerate(batch)]
        steps = [first * (second + gap) * step if n > 1 else 0 for n, step in zip(own, row_major(own), strict=True)]
        return steps, matrix

    a_steps, (am, ak) = strides(0, m, k)
    b_steps, (bk, bn) = strides(1, k, n)
    *steps, om, on = row_major((*batch, m, n))
    axes = [Axis(*four) for four in zip(batch, a_steps, b_steps, steps, strict=True)]
    return Contraction(dtype, (*axes, Axis(m, am, 0, om), Axis(n, 0, bn, on)), (Axis(k, ak, bk),), starts)


def convolution(
    kind, places, kernel, inputs, outputs, *, examples=2, groups=1, strides=None, dilation=None, dtype="f32"
):
    """A convolution, channels last: ``forward``, or the gradient for its ``kernel`` or ``input`` (with stride 1)."""
    dimensions = len(places)
    strides, dilation = strides or [1] * dimensions, dilation or [1] * dimensions
    lengths = [(p - 1) * s + (k - 1) * d + 1 for p, s, k, d in zip(places, strides, kernel, dilation, strict=True)]
    x = row_major((examples, *lengths, groups, inputs))
    w = row_major((*kernel, groups, inputs, outputs))
    g = row_major((examples, *places, groups, outputs))
    steps = [stride * each for stride, each in zip(x[1:], strides, strict=False)]
    taps = [stride * each for stride, each in zip(x[1:], dilation, strict=False)]
    if kind == "forward":
        axes = [Axis(examples, x[0], 0, g[0]), *map(Axis, places, steps, itertools.repeat(0), g[1:])]
        axes += [Axis(groups, x[-2], w[-3], g[-2]), Axis(outputs, 0, 1, 1)]
        return Contraction(dtype, tuple(axes), (*map(Axis, kernel, taps, w), Axis(inputs, 1, outputs)), (0, 0))
    if kind == "kernel":
        axes = [*map(Axis, kernel, taps, itertools.repeat(0), w), Axis(groups, x[-2], g[-2], w[-3])]
        axes += [Axis(inputs, 1, 0, outputs), Axis(outputs, 0, 1, 1)]
        sums = (Axis(examples, x[0], g[0]), *map(Axis, places, steps, g[1:]))
        return Contraction(dtype, tuple(axes), sums, (0, 0))
    padded = row_major((examples, *(n + k - 1 for n, k in zip(lengths, kernel, strict=True)), groups, outputs))
    axes = [Axis(examples, padded[0], 0, x[0]), *map(Axis, lengths, padded[1:], itertools.repeat(0), x[1:])]
    axes += [Axis(groups, padded[-2], w[-3], x[-2]), Axis(inputs, 0, outputs, 1)]
    turned = [Axis(k, step, -stride) for k, step, stride in zip(kernel, padded[1:], w, strict=False)]
    last = sum((k - 1) * stride for k, stride in zip(kernel, w, strict=False))
    return Contraction(dtype, tuple(axes), (*turned, Axis(outputs, 1, 1)), (0, last))


PROBLEMS = {
    "small": product(3, 4, 5),
    "tile and a bit": product(33, 70, 37),
    "many tiles": product(70, 90, 200),
    "a turned": product(37, 29, 50, ("t", "")),
    "b turned": product(37, 29, 50, ("", "t")),
    "both turned": product(37, 29, 50, ("t", "t")),
    "few columns": product(100, 64, 10),
    "three columns, turned": product(41, 19, 3, ("", "t")),
    "matrix times vector": product(83, 61, 1),
    "vector times matrix": product(1, 61, 83),
    "vector times turned matrix": product(1, 61, 83, ("", "t")),
    "one number": product(1, 77, 1),
    "outer product": product(19, 1, 23),
    "no terms": product(5, 0, 21),
    "no rows": product(0, 5, 21),
    "no columns": product(5, 5, 0),
    "gaps between rows": product(21, 18, 40, gap=3, starts=(5, 7)),
    "batch": product(9, 8, 20, batch=(2, 3)),
    "batch of tiny ones": product(4, 4, 4, batch=(50,)),
    "batch that a does not have": product(9, 8, 20, batch=(2, 3), shared=("0", "")),
    "batch that b does not have": product(9, 8, 20, batch=(2, 3), shared=("", "01"), turned=("", "t")),
    "f64": product(13, 20, 21, dtype="f64"),
    "f64, turned": product(13, 20, 21, ("t", "t"), dtype="f64"),
    "1-D": convolution("forward", (11,), (3,), 5, 18, strides=(2,), dilation=(2,)),
    "2-D": convolution("forward", (7, 6), (3, 3), 4, 40),
    "2-D of one channel": convolution("forward", (9, 9), (3, 2), 1, 8),
    "3-D": convolution("forward", (3, 4, 5), (2, 1, 3), 3, 17, strides=(1, 2, 1), dilation=(2, 1, 1)),
    "groups": convolution("forward", (5, 6), (2, 2), 3, 17, groups=3),
    "depthwise": convolution("forward", (5, 6), (3, 3), 1, 1, groups=35),
    "gradient of a 1-D kernel": convolution("kernel", (12,), (3,), 5, 18, strides=(2,), dilation=(2,)),
    "gradient of a 2-D kernel": convolution("kernel", (7, 6), (3, 3), 4, 40),
    "gradient of a 3-D kernel": convolution("kernel", (3, 2, 4), (2, 1, 3), 3, 17, groups=2),
    "gradient of a 1-D input": convolution("input", (12,), (3,), 5, 18),
    "gradient of a 2-D input": convolution("input", (5, 6), (3, 2), 20, 18),
    "gradient of a 3-D input": convolution("input", (3, 2, 4), (2, 1, 3), 3, 4, groups=2),
    "2-D in f64": convolution("forward", (4, 3), (2, 2), 3, 9, dtype="f64"),
}

# ── running ──────────────────────────────────────────────────────────────────────────────────────

LEVELS = {
    "avx512": (("avx512f", "avx512bw", "avx512dq", "avx512vl"), Target("avx512", "x86-64-v4", "", 64, 32)),
    "avx2": (("avx2", "fma", "f16c"), Target("avx2", "x86-64-v3", "", 32, 16)),
    "sse": (("sse4.2",), Target("sse", "x86-64-v2", "", 16, 16)),
}


def targets():
    """This CPU, and the older kinds of it that it can stand for."""
    has = binding.get_host_cpu_features() if platform.machine().lower() in {"x86_64", "amd64"} else {}
    return [target(), *(one for needs, one in LEVELS.values() if all(has.get(need) for need in needs))]


@cache
def machine(kind):
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.Target.from_triple(binding.get_process_triple())
    return triple.create_target_machine(cpu=kind.cpu, features=kind.features, opt=3, reloc="pic", jit=True)


@cache
def native(ir_text, kind):
    """A kernel, and what keeps it alive."""
    engine = binding.create_mcjit_compiler(binding.parse_assembly(ir_text), machine(kind))
    engine.finalize_object()
    word = ctypes.c_int64
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, word, word, ctypes.c_void_p)(
        engine.get_function_address("k")
    ), engine


def run(made: Plan, kind, arrays, parts=1, rng=None):
    """Run a plan; each step in some parts, in any order."""
    status = np.zeros(1, np.int64)
    dtype = arrays["out"].dtype
    arrays = arrays | {name: np.full(size, np.nan, dtype) for name, size in made.temporaries.items()}
    for step in made.steps:
        places = [arrays[name].ctypes.data for name in step.buffers]
        assert len(step.sizes) == len(check(step.kernel).sizes)
        words = np.array([*places, *step.sizes, status.ctypes.data], np.int64)
        bounds = [step.count * n // parts for n in range(parts + 1)]
        pieces = list(itertools.pairwise(bounds))
        if rng:
            rng.shuffle(pieces)
        for begin, end in pieces:
            native(emit(step.kernel, "k"), kind)[0](words.ctypes.data, begin, end, None)
    assert not status.any()


def result(problem, made, kind, a, b, *, parts=1, rng=None):
    """What a plan computes; nothing but the result is written."""
    margin = 3
    out = np.full(problem.outputs + margin, np.nan, a.dtype)
    run(made, kind, {"a": a, "b": b, "out": out}, parts, rng)
    assert np.isnan(out[problem.outputs :]).all()
    return out[: problem.outputs].reshape([axis.extent for axis in problem.axes])


def assert_same_bits(found, expected):
    assert found.tobytes() == expected.tobytes(), f"they differ by up to {np.abs(found - expected).max()}"


# ── tests ────────────────────────────────────────────────────────────────────────────────────────


def test_the_reference_rounds_once():
    x, y = np.float32(1 + 2**-12), np.float32(1 - 2**-12)
    assert fma32(np.array([x]), np.array([y]), np.array([-1], np.float32))[0] == -(2.0**-24)
    # The exact sum lies just above the middle of two numbers of f32, and f64 cannot hold what it lies above it.
    tie, tiny = np.array([1 + 2**-23], np.float32), np.array([2**-24], np.float32)
    below = np.array([1 - 2.0**-23], np.float32)
    assert fma32(tiny, below, tie)[0] == tie[0]
    assert fma32(tiny, tie, np.array([1], np.float32))[0] == 1 + 2**-23
    assert fma64(1 + 2.0**-30, 1 - 2.0**-30, -1.0) == -(2.0**-60)


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_element_is_one_chain_of_multiply_additions(name):
    problem = PROBLEMS[name]
    a, b = operands(problem)
    expected = meaning(problem, a, b)
    for kind in targets()[:2]:
        made = plan(problem, kind)
        assert_same_bits(result(problem, made, kind, a, b), expected)
        assert_same_bits(result(problem, made, kind, a, b, parts=3, rng=random.Random(0)), expected)


@pytest.mark.parametrize("name", ["many tiles", "both turned", "three columns, turned", "gradient of a 2-D kernel"])
def test_the_bits_do_not_depend_on_the_width_of_vectors(name):
    problem = PROBLEMS[name]
    a, b = operands(problem)
    found = [result(problem, plan(problem, kind), kind, a, b) for kind in targets()]
    for one in found[1:]:
        assert_same_bits(one, found[0])


def assert_that_choices_change_nothing(problem, rng, how_many, monkeypatch):
    """Any tiles, copies, blocks and tasks, on any kind of CPU."""
    a, b = operands(problem)
    expected, simple = meaning(problem, a, b), simplified(problem)
    for _ in range(how_many):
        monkeypatch.setattr(contraction_order, "row_bytes", rng.choice([8, 32, 100, 2048]))
        monkeypatch.setattr(contraction_order, "cache_bytes", rng.choice([100, 1000, 500_000]))
        monkeypatch.setattr(contraction_order, "task_cycles", rng.choice([50.0, 1000.0, 20_000.0]))
        kind = rng.choice(targets())
        choice = rng.choice(list(choices(simple, kind)))
        made = planned(simple, choice)
        assert_same_bits(result(problem, made, kind, a, b, parts=rng.choice([1, 2, 5]), rng=rng), expected)


@pytest.mark.parametrize("name", ["many tiles", "b turned", "few columns", "2-D", "gradient of a 2-D kernel"])
def test_tiles_copies_blocks_and_threads_change_nothing(name, monkeypatch):
    assert_that_choices_change_nothing(PROBLEMS[name], random.Random(name), 6, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_tiles_copies_blocks_and_threads_change_nothing_in_random_problems(seed, monkeypatch):
    rng = random.Random(seed)
    extents = [1, 2, 3, 5, 8, 13, 16, 17, 31, 32, 33, 48, 65, 97]
    if seed % 2:
        sides = [rng.choice(extents) for _ in range(3)]
        turned = [rng.choice(["", "t"]) for _ in "ab"]
        batch = [rng.choice([1, 2, 3]) for _ in range(rng.choice([0, 1, 2]))]
        shared = [rng.choice(["", "0", "1", "01"]) for _ in "ab"]
        starts = rng.choice([0, 2]), rng.choice([0, 2])
        problem = product(*sides, turned, batch=batch, shared=shared, gap=rng.choice([0, 3]), starts=starts)
    else:
        count = rng.choice([1, 2, 2, 3])
        each = [[rng.choice(some) for _ in range(count)] for some in ([1, 2, 3, 6], [1, 2, 3], [1, 1, 2], [1, 1, 2])]
        channels = rng.choice([1, 3, 4, 8]), rng.choice([1, 5, 16, 17, 40])
        kind = rng.choice(["forward", "kernel", "input"])
        steps = {} if kind == "input" else {"strides": each[2], "dilation": each[3]}
        groups = rng.choice([1, 1, 3])
        problem = convolution(kind, each[0], each[1], *channels, groups=groups, **steps)
    assert_that_choices_change_nothing(problem, rng, 6, monkeypatch)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to protect memory")
@pytest.mark.parametrize("name", ["tile and a bit", "few columns", "three columns, turned", "b turned", "2-D", "f64"])
def test_nothing_is_read_or_written_beyond_an_array(name):
    """Each array ends, then begins, at a page that may not be touched: doing so would end the process."""
    problem = PROBLEMS[name]
    a, b = operands(problem)
    expected = meaning(problem, a, b)
    guarded = [Guarded(array.nbytes) for array in (a, b, expected)]
    for kind in targets()[:2]:
        for at_end in (True, False):
            arrays = [memory.array(x, at_end) for memory, x in zip(guarded, (a, b, expected), strict=True)]
            arrays[2][...] = np.nan
            run(plan(problem, kind), kind, dict(zip(("a", "b", "out"), arrays, strict=True)))
            assert_same_bits(arrays[2], expected)


class Guarded:
    """Memory between two pages that may not be touched."""

    def __init__(self, size):
        self.page = mmap.PAGESIZE
        self.inside = -(-size // self.page) * self.page
        self.memory = mmap.mmap(-1, self.inside + 2 * self.page)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        protect = ctypes.CDLL(None, use_errno=True).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for place in (self.start, self.start + self.page + self.inside):
            assert protect(place, self.page, mmap.PROT_READ & 0) == 0

    def array(self, like, at_end):
        """A copy of an array that ends, or begins, at a border."""
        offset = self.page + (self.inside - like.nbytes if at_end else 0)
        found = np.frombuffer(self.memory, like.dtype, like.size, offset).reshape(like.shape)
        found[...] = like
        return found


def test_long_sums_are_as_exact_as_one_rounding_for_each_term():
    problem = product(40, 3000, 70)
    a, b = operands(problem)
    found = result(problem, plan(problem, target()), target(), a, b)
    a, b = a.reshape(40, 3000).astype(np.float64), b.reshape(3000, 70).astype(np.float64)
    bound = 3000 * np.finfo(np.float32).eps / 2 * (np.abs(a) @ np.abs(b))
    assert (np.abs(found - a @ b) <= bound).all()


def test_long_sums_are_cut_into_blocks_where_panels_are_read_again():
    def is_in_blocks(problem):
        return "block0" in text(plan(problem, target()).steps[-1].kernel)

    assert is_in_blocks(product(64, 5000, 64))
    assert not is_in_blocks(product(64, 500, 64))
    assert not is_in_blocks(product(1, 5000, 64))


def test_infinity_and_nan_pass_through():
    problem = product(20, 9, 40)
    a, b = operands(problem)
    a[9 * 3], a[9 * 5], b[7] = np.inf, np.nan, np.inf
    found = result(problem, plan(problem, target()), target(), a, b)
    with np.errstate(invalid="ignore"):
        expected = a.reshape(20, 9) @ b.reshape(9, 40)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


def test_an_empty_result_takes_no_steps():
    assert plan(PROBLEMS["no rows"], target()) == Plan((), {})


def test_small_problems_take_one_step_and_one_task():
    for name in ("small", "outer product", "batch of tiny ones"):
        made = plan(PROBLEMS[name], target())
        assert [step.count for step in made.steps] == [1]
        assert not made.temporaries


def test_large_problems_are_cut_into_enough_tasks_for_eight_threads():
    for problem in (
        product(1024, 1024, 1024),
        product(128, 784, 256),
        convolution("forward", (28, 28), (3, 3), 32, 64, examples=8),
    ):
        *_, step = plan(problem, target()).steps
        share = -(-step.count // 8) * 8 / step.count  # of the time that eight threads take, if all took the same
        assert share <= 1.25


def test_a_turned_operand_of_many_rows_is_copied_once():
    made = plan(product(256, 300, 200, ("", "t")), target())
    copying, contracting = made.steps
    assert copying.buffers == ("b", "b_panels")
    assert contracting.buffers == ("a", "b_panels", "out")
    assert contracting.flops == 2 * 256 * 300 * 200
    assert made.temporaries["b_panels"] >= 300 * 200


def test_one_kernel_serves_many_shapes():
    def kernels(problem):
        return [text(step.kernel, canonical=True) for step in plan(problem, target()).steps]

    assert kernels(product(64, 64, 64)) == kernels(product(128, 80, 128)) == kernels(product(37, 80, 128))
    assert kernels(product(1024, 512, 1024)) == kernels(product(1000, 768, 1024))


def test_every_vector_counts_on_at_least_eight_chains_where_the_result_is_large_enough():
    for kind in targets():
        for problem in (product(1024, 1024, 1024), product(100, 784, 10), product(512, 512, 1)):
            tile = min(choices(simplified(problem), kind), key=lambda choice: choice.cycles).tile
            assert tile.height * tile.vectors >= 8
            assert tile.height * tile.vectors < kind.registers


@pytest.mark.skipif(platform.machine().lower() not in {"x86_64", "amd64"}, reason="reads the assembly of x86-64")
@pytest.mark.parametrize("name", ["many tiles", "both turned", "few columns", "2-D", "gradient of a 2-D input", "f64"])
def test_the_totals_of_a_tile_stay_in_registers(name):
    simple = simplified(PROBLEMS[name])
    for kind in targets()[:2]:
        best = sorted(choices(simple, kind), key=lambda choice: choice.cycles)[:4]
        for choice in best:
            module = binding.parse_assembly(emit(planned(simple, choice).steps[-1].kernel, "k"))
            blocks = re.split(r"\n(?=\.LBB)", machine(kind).emit_assembly(module))
            innermost = max(blocks, key=lambda block: block.count("vfmadd"))
            assert innermost.count("vfmadd") >= choice.tile.height * choice.tile.vectors
            assert not re.search(r"vmov\w+\s+.*\(%rsp\)", innermost), choice
