"""Kernels in the loop language run as they are meant, on every kind of machine that this CPU can be."""

import ctypes
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from llvmlite import binding

import maplet as mp  # noqa: F401  (fills the registry)
from maplet.compiler import functions, native
from maplet.compiler.cache import Cache
from maplet.compiler.kernels import addresses
from maplet.compiler.llvm import emit
from maplet.compiler.loops import (
    After,
    Buffer,
    Carry,
    Cast,
    Constant,
    Fold,
    For,
    If,
    Kernel,
    Load,
    Report,
    Size,
    Steps,
    Store,
    Variable,
    apply,
    index,
    integer,
    plus,
    splat,
    times,
    turned,
)
from maplet.compiler.target import available, named
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name, kind_of, short_name
from maplet.errors import DTypeError, SettingError

LANES = 16
signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@pytest.fixture(scope="module", params=["", *available()])
def library(request):
    return native.Library(named(request.param), Cache(None))


def execute(library, kernel, arrays, sizes=(), *, begin=0, end=1):
    """Run a kernel; what it reports."""
    status, scratch = np.zeros(1, np.int64), np.zeros(kernel.scratch + 64, np.uint8)
    words = [*(array.ctypes.data for array in arrays), *sizes, status.ctypes.data]
    arguments = np.array(words, np.int64)
    (address,) = addresses([kernel], library)
    signature(address)(arguments.ctypes.data, begin, end, scratch.ctypes.data + -scratch.ctypes.data % 64)
    binding.parse_assembly(emit(kernel, "kernel")).verify()
    return status[0]


def kernel_of(buffers, sizes, body, scratch=0, name="kernel"):
    """A kernel of statements that use the variables ``begin`` and ``end``."""
    return Kernel(name, tuple(buffers), tuple(sizes), tuple(body), scratch, begin, end)


begin, end = Variable("i64", 1, "begin"), Variable("i64", 1, "end")
i, j, k = index("i"), index("j"), index("k")
n = Size("i64", 1, "n")
x, y, out = Buffer("x", "f32"), Buffer("y", "f32"), Buffer("out", "f32")
within = apply("less", apply("add", splat(i, LANES), Steps("i64", LANES)), splat(end, LANES), dtype="bool")


def number(value, lanes=LANES, dtype="f32"):
    return Constant(dtype, lanes, value)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1), (0, 16), (3, 20), (0, 47)])
def test_a_loop_with_a_masked_end_writes_exactly_its_part(library, first, last):
    doubled = apply("multiply", Load("f32", LANES, x, i, within), number(2))
    kernel = kernel_of([x, out], [], [For(i, begin, end, LANES, (Store(out, i, doubled, within),))])
    given, found = np.arange(64, dtype=np.float32), np.full(64, -1, np.float32)
    execute(library, kernel, [given[:last], found], begin=first, end=last)
    expected = np.full(64, -1, np.float32)
    expected[first:last] = given[first:last] * 2
    assert found.tolist() == expected.tolist()


def test_memory_need_not_be_aligned(library):
    body = [For(i, begin, end, LANES, (Store(out, i, Load("f32", LANES, x, i)),))]
    given, found = np.arange(65, dtype=np.float32)[1:], np.zeros(65, np.float32)[1:]
    execute(library, kernel_of([x, out], [], body), [given, found], end=64)
    assert (found == given).all()


def test_gather_and_scatter_with_and_without_a_mask(library):
    at = Buffer("at", "i64")
    where = Load("i64", LANES, at, i)
    odd = apply("equal", apply("bitwise_and", where, number(1, dtype="i64")), number(1, dtype="i64"), dtype="bool")
    body = [
        Store(out, i, Load("f32", LANES, x, where)),
        Store(out, plus(i, integer(16)), Load("f32", LANES, x, where, odd)),
        Store(y, where, Load("f32", LANES, x, i)),
        Store(y, apply("add", where, number(16, dtype="i64")), Load("f32", LANES, x, i), odd),
    ]
    kernel = kernel_of([x, at, out, y], [], [For(i, begin, end, LANES, tuple(body))])
    given, order = np.arange(100, 116, dtype=np.float32), np.random.default_rng(0).permutation(16)
    gathered, scattered = np.full(32, -1, np.float32), np.full(32, -1, np.float32)
    execute(library, kernel, [given, order, gathered, scattered])
    assert (gathered[:16] == given[order]).all()
    assert (gathered[16:] == np.where(order % 2, given[order], 0)).all()
    assert (scattered[order] == given).all()
    assert (scattered[16:][order] == np.where(order % 2, given, -1)).all()


@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_a_square_is_turned(library, lanes):
    rows = [Load("f32", lanes, x, integer(n * lanes)) for n in range(lanes)]
    body = [Store(out, integer(n * lanes), row) for n, row in enumerate(turned(rows))]
    given, found = np.random.default_rng(0).random((2, lanes, lanes), np.float32)
    execute(library, kernel_of([x, out], [], [For(i, begin, end, LANES, tuple(body))]), [given, found])
    assert (found == given.T).all()


def test_a_mask_of_one_lane(library):
    holds = apply("less", i, n, dtype="bool")
    kernel = kernel_of([x, out], ["n"], [For(i, begin, end, 1, (Store(out, i, Load("f32", 1, x, i, holds), holds),))])
    found = np.full(8, -1, np.float32)
    execute(library, kernel, [np.arange(3, dtype=np.float32), found], [3], end=8)
    assert found.tolist() == [0, 1, 2, -1, -1, -1, -1, -1]


def test_an_update_in_place(library):
    more = apply("add", Load("f32", LANES, x, i), number(1))
    other = apply("multiply", more, number(2))
    kernel = kernel_of([x, out], [], [For(i, begin, end, LANES, (Store(x, i, more), Store(out, i, other)))])
    given, found = np.arange(32, dtype=np.float32), np.zeros(32, np.float32)
    execute(library, kernel, [given, found], end=32)
    assert (given == np.arange(1, 33)).all()
    assert (found == 2 * np.arange(1, 33)).all()


def test_truth_values_take_a_byte_each(library):
    truth, opposite = Buffer("truth", "bool"), Buffer("opposite", "bool")
    body = [Store(opposite, i, apply("logical_not", Load("bool", LANES, truth, i, within)), within)]
    kernel = kernel_of([truth, opposite], [], [For(i, begin, end, LANES, tuple(body))])
    given, found = np.array([0, 1, 7, 255] * 5, np.uint8), np.full(24, 9, np.uint8)
    execute(library, kernel, [given, found], end=20)
    assert found.tolist() == [1, 0, 0, 0] * 5 + [9] * 4


# ── loops ────────────────────────────────────────────────────────────────────────────────────────


def scaled_rows():
    """out[i, k] = x[i, k]·y[i]²: the square is made once for each row."""
    factor = Load("f32", 1, y, i)
    square = splat(apply("multiply", factor, factor), LANES)
    at = plus(times(i, n), k)
    inner = For(k, integer(0), n, LANES, (Store(out, at, apply("multiply", Load("f32", LANES, x, at), square)),))
    return kernel_of([x, y, out], ["n"], [For(i, begin, end, 1, (inner,))])


def test_what_does_not_change_in_a_loop_stands_before_it(library):
    given, factors = np.random.default_rng(1).random((5, 32), np.float32), np.arange(5, dtype=np.float32)
    found = np.zeros((5, 32), np.float32)
    execute(library, scaled_rows(), [given, factors, found], [32], end=5)
    assert (found == given * (factors * factors)[:, None]).all()
    outer, inner = emit(scaled_rows(), "rows").split("fmul float")[0], emit(scaled_rows(), "rows").split(" phi ")[-1]
    assert outer.count("phi") == 1
    assert "fmul <16 x float>" in inner
    assert "insertelement" not in inner


def test_loops_of_no_rounds_give_what_they_started_with(library):
    total = Variable("f32", 1, "total")
    loop = For(k, integer(0), n, 1, (), (Carry(total, number(7, 1), apply("add", total, Load("f32", 1, x, k))),))
    kernel = kernel_of([x, out], ["n"], [loop, Store(out, integer(0), After("f32", 1, loop, 0))])
    for size, expected in ((0, 7), (-3, 7), (3, 10)):
        found = np.zeros(1, np.float32)
        execute(library, kernel, [np.ones(3, np.float32), found], [size])
        assert found[0] == expected


def test_carried_values_change_all_at_once(library):
    """Fibonacci: (a, b) ← (b, a + b)."""
    a, b = Variable("i64", 1, "a"), Variable("i64", 1, "b")
    carried = (Carry(a, integer(0), b), Carry(b, integer(1), apply("add", a, b)))
    loop = For(k, integer(0), n, 1, (), carried)
    result = Buffer("result", "i64")
    kernel = kernel_of([result], ["n"], [loop, Store(result, integer(0), After("i64", 1, loop, 0))])
    found = np.zeros(1, np.int64)
    execute(library, kernel, [found], [50])
    assert found[0] == 12586269025


def test_values_made_in_one_loop_are_made_again_in_the_next(library):
    square = apply("multiply", Load("f32", 1, x, k), Load("f32", 1, x, k))
    loops = [For(k, integer(0), n, 1, (Store(buffer, k, square),)) for buffer in (y, out)]
    found = np.zeros((2, 4), np.float32)
    execute(library, kernel_of([x, y, out], ["n"], loops), [np.arange(4, dtype=np.float32), *found], [4])
    assert found.tolist() == [[0, 1, 4, 9]] * 2


def folded(values, combine):
    """The upper half to the lower half, until one is left."""
    while len(values) > 1:
        half = len(values) // 2
        values = combine(values[:half], values[half:])
    return values[0]


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i32"])
@pytest.mark.parametrize(
    ("combiner", "function", "combine"),
    [("sum", "add", np.add), ("prod", "multiply", np.multiply), ("max", "maximum", np.maximum),
     ("min", "minimum", np.minimum)],
)  # fmt: skip
def test_a_reduction_of_lanes_has_one_order(library, dtype, combiner, function, combine):
    source, result = Buffer("source", dtype), Buffer("result", dtype)
    lanes = Variable(dtype, LANES, "lanes")
    loop = For(
        k, integer(LANES), n, LANES, (),
        (Carry(lanes, Load(dtype, LANES, source, integer(0)), apply(function, lanes, Load(dtype, LANES, source, k))),),
    )  # fmt: skip
    fold = Fold(dtype, 1, combiner, After(dtype, LANES, loop, 0))
    kernel = kernel_of([source, result], ["n"], [loop, Store(result, integer(0), fold)])
    given = (np.random.default_rng(2).normal(size=64) * 1.5).astype(dtypes_by_short_name[dtype])
    if dtype == "i32":
        given[given == 0] = 3
    expected = folded(list_of_lanes(given, combine), combine)
    found = np.zeros(1, given.dtype)
    execute(library, kernel, [given, found], [64])
    assert found.tobytes() == expected.tobytes()


def list_of_lanes(given, combine):
    lanes = given[:LANES]
    for start in range(LANES, len(given), LANES):
        lanes = combine(lanes, given[start : start + LANES])
    return lanes


def test_the_largest_of_numbers_and_nan_is_nan(library):
    folds = [Fold("f32", 1, combiner, Load("f32", LANES, x, integer(0))) for combiner in ("max", "min")]
    kernel = kernel_of([x, out], [], [Store(out, integer(at), fold) for at, fold in enumerate(folds)])
    for place in range(LANES):
        given, found = np.arange(LANES, dtype=np.float32), np.zeros(2, np.float32)
        given[place] = np.nan
        execute(library, kernel, [given, found])
        assert np.isnan(found).all()


@pytest.mark.parametrize("lanes", [1, 2, 8, 16, 64])
def test_any_and_all(library, lanes):
    truth, result = Buffer("truth", "bool"), Buffer("result", "bool")
    value = Load("bool", lanes, truth, integer(0))
    stores = [Store(result, integer(at), Fold("bool", 1, name, value)) for at, name in enumerate(("any", "all"))]
    kernel = kernel_of([truth, result], [], stores)
    for given in (np.zeros(lanes, bool), np.ones(lanes, bool), np.arange(lanes) == lanes - 1, np.arange(lanes) != 0):
        found = np.zeros(2, bool)
        execute(library, kernel, [given, found])
        assert found.tolist() == [given.any(), given.all()]


# ── conditions ───────────────────────────────────────────────────────────────────────────────────


def test_what_stands_under_an_if_stays_under_it(library):
    """The memory is not there where the condition does not hold: a null pointer."""
    given = Load("f32", 1, x, integer(0))
    holds = apply("not_equal", n, integer(0), dtype="bool")
    body = [For(i, begin, end, 1, (If(holds, (Store(out, i, given),)),)), Store(y, integer(0), number(1, 1))]
    kernel = kernel_of([x, out, y], ["n"], body)
    found, done = np.zeros(3, np.float32), np.zeros(1, np.float32)
    execute(library, kernel, [np.array([5], np.float32), found, done], [1], end=3)
    assert found.tolist() == [5, 5, 5]
    address_zero = type("Nothing", (), {"ctypes": type("Address", (), {"data": 0})})
    execute(library, kernel, [address_zero, found, done], [0], end=3)
    assert found.tolist() == [5, 5, 5]
    assert done[0] == 1


def test_values_first_made_under_an_if_are_made_again_after_it(library):
    value = apply("add", Load("f32", 1, x, i), number(1, 1))
    even = apply("equal", apply("bitwise_and", i, integer(1)), integer(0), dtype="bool")
    kernel = kernel_of(
        [x, y, out], [], [For(i, begin, end, 1, (If(even, (Store(y, i, value),)), Store(out, i, value)))]
    )
    found = np.zeros((2, 4), np.float32)
    execute(library, kernel, [np.arange(4, dtype=np.float32), *found], end=4)
    assert found.tolist() == [[1, 0, 3, 0], [1, 2, 3, 4]]


@pytest.mark.parametrize("lanes", [1, 16])
def test_a_report_is_made_where_some_lane_is_wrong(library, lanes):
    code = Size("i64", 1, "code")
    wrong = apply("less", Load("f32", lanes, x, i), number(0, lanes), dtype="bool")
    kernel = kernel_of([x], ["code"], [For(i, begin, end, lanes, (Report(wrong, code),))])
    given = np.ones(64, np.float32)
    assert execute(library, kernel, [given], [42], end=64) == 0
    given[37] = -1
    assert execute(library, kernel, [given], [42], end=64) == 42
    assert execute(library, kernel, [given], [42], end=32) == 0


def test_what_is_read_from_scratch_was_written_before(library):
    """Rows are turned around in the thread's own memory; its first element, of one address, is read anew each time."""
    turned = Buffer("turned", "f32", scratch=128)
    back = plus(apply("subtract", n, k), integer(-1))
    write = For(k, integer(0), n, 1, (Store(turned, back, Load("f32", 1, x, plus(times(i, n), k))),))
    first = Load("f32", 1, turned, integer(0))
    total = apply("add", Load("f32", 1, turned, j), first)
    read = For(j, integer(0), n, 1, (Store(out, plus(times(i, n), j), total),))
    kernel = kernel_of([x, out], ["n"], [For(i, begin, end, 1, (write, read))], scratch=128 + 32)
    given, found = np.arange(24, dtype=np.float32).reshape(3, 8), np.zeros((3, 8), np.float32)
    execute(library, kernel, [given, found], [8], end=3)
    assert (found == given[:, ::-1] + given[:, -1:]).all()


# ── dtypes ───────────────────────────────────────────────────────────────────────────────────────


def samples(old):
    """Sixteen numbers of a dtype, its ends among them."""
    dtype = dtypes_by_short_name[old]
    if old == "bool":
        return np.arange(16) % 3 == 0
    if kind_of(dtype) in "iu":
        ends = np.iinfo(dtype)
        given = [
            ends.min,
            ends.max,
            ends.max - 1,
            ends.max // 2,
            ends.max // 3,
            0,
            1,
            2,
            3,
            5,
            16,
            77,
            100,
            126,
            127,
            9,
        ]
        return np.array(given).astype(dtype) if old != "u64" else np.array(given, np.uint64)
    given = [0.0, -0.0, 0.5, -0.5, 1.5, 2.99, -3.7, 100.25, 126.9, 1 + 2**-11 + 2**-40, 2**-25 * 1.0001, 2**-24 * 1.5,
             65519.0, np.inf, -np.inf, np.nan]  # fmt: skip
    return np.array(given, np.float64).astype(dtype)


def converted(given, new):
    """As NumPy has it; what it leaves open is the nearest end of the range, and 0 for NaN."""
    dtype = dtypes_by_short_name[new]
    with np.errstate(all="ignore"):
        result = given.astype(dtype)
        if kind_of(given.dtype) == "f" and kind_of(dtype) in "iu":
            ends = np.iinfo(dtype)
            low, high = np.trunc(given.astype(float)) < ends.min, np.trunc(given.astype(float)) > ends.max
            result = np.where(low, ends.min, np.where(high, ends.max, np.where(np.isnan(given), 0, result)))
    return result.astype(dtype)


@pytest.mark.parametrize("lanes", [1, 16])
@pytest.mark.parametrize("old", dtypes_by_short_name)
def test_casts_between_all_dtypes_are_those_of_numpy(library, old, lanes):
    source = Buffer("source", old)
    results = [Buffer(f"to_{new}", new) for new in dtypes_by_short_name]
    value = Load(old, lanes, source, i)
    stores = tuple(Store(result, i, Cast(result.dtype, lanes, value)) for result in results)
    kernel = kernel_of([source, *results], [], [For(i, begin, end, lanes, stores)])
    given = samples(old)
    found = [np.zeros(16, dtype) for dtype in dtypes_by_short_name.values()]
    execute(library, kernel, [given, *found], end=16)
    for new, result in zip(dtypes_by_short_name, found, strict=True):
        expected = converted(given, new)
        assert result.tobytes() == expected.tobytes() or np.array_equal(result, expected, equal_nan=True), (old, new)
        if kind_of(expected.dtype) == "f":
            sure = ~np.isnan(expected)
            assert (np.signbit(result) == np.signbit(expected))[sure].all(), (old, new)


# ── contraction ──────────────────────────────────────────────────────────────────────────────────


def contraction(rows, columns):
    """``rows`` × ``columns`` vectors of sums, each one chain of fma over k."""
    inner_size, stride, out_stride = (Size("i64", 1, name) for name in ("inner", "stride", "out_stride"))
    tiles = [(row, column) for row in range(rows) for column in range(columns)]
    sums = {tile: Variable("f32", LANES, f"sum{tile}") for tile in tiles}
    row_at = [times(plus(i, integer(row)), stride) for row in range(rows)]
    left = [splat(Load("f32", 1, x, plus(at, k)), LANES) for at in row_at]
    base = times(k, integer(columns * LANES))
    right = [Load("f32", LANES, y, plus(base, integer(column * LANES))) for column in range(columns)]
    carried = tuple(
        Carry(sums[row, column], number(0), apply("fma", left[row], right[column], sums[row, column]))
        for row, column in tiles
    )
    loop = For(k, integer(0), inner_size, 1, (), carried)
    stores = [
        Store(
            out, plus(times(plus(i, integer(row)), out_stride), integer(column * LANES)), After("f32", LANES, loop, at)
        )
        for at, (row, column) in enumerate(tiles)
    ]
    return kernel_of(
        [x, y, out], ["inner", "stride", "out_stride"], [For(i, begin, end, rows, (loop, *stores))], name="contraction"
    )


def contracted(library, rows, columns):
    """24 rows of factors, one matrix, and their sums of products in tiles."""
    rng = np.random.default_rng(3)
    a, b = rng.random((24, 50), np.float32), rng.random((50, columns * LANES), np.float32)
    c = np.zeros((24, columns * LANES), np.float32)
    execute(library, contraction(rows, columns), [a, b, c], [50, 50, columns * LANES], end=24)
    return a, b, c


def test_sums_of_products_have_the_same_bits_on_every_machine_and_in_tiles_of_every_size(library):
    a, b, c = contracted(library, 8, 3)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert np.abs(c - exact).max() < 50 * 2**-24 * exact.max()
    other = native.Library(named(""), Cache(None))
    assert c.tobytes() == contracted(other, 4, 3)[2].tobytes()


@pytest.mark.skipif("avx512" not in available(), reason="needs a CPU with AVX-512")
@pytest.mark.parametrize(("rows", "columns"), [(8, 3), (6, 4), (14, 2)])
def test_the_sums_of_a_contraction_stay_in_registers(rows, columns):
    assembly = native.assembly(emit(contraction(rows, columns), "contraction"), named("avx512"))
    blocks = re.split(r"^\.LBB\w+:", assembly, flags=re.MULTILINE)
    (inner,) = [block for block in blocks if block.count("vfmadd") == rows * columns]
    inner = inner[: inner.index("\tj")]
    assert "Reload" not in inner
    assert "Spill" not in inner
    assert "vmovaps" not in inner
    assert inner.count("{1to16}") + inner.count("vbroadcastss") == rows
    assert inner.count("vmovups") == columns


def test_products_and_sums_are_not_contracted():
    product = apply("multiply", Load("f32", LANES, x, i), Load("f32", LANES, y, i))
    value = apply("add", product, Load("f32", LANES, out, i))
    kernel = kernel_of([x, y, out], [], [For(i, begin, end, LANES, (Store(out, i, value),))])
    assert "fmadd" not in native.assembly(emit(kernel, "kernel"))


# ── machine code ─────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_compiled_twice(tmp_path):
    kernels = [scaled_rows(), contraction(2, 1), scaled_rows()]
    first = native.Library(named(""), Cache(tmp_path / "code"))
    found = addresses(kernels, first)
    assert first.compiled == 2
    assert found[0] == found[2] != found[1]
    assert addresses([scaled_rows()], first) == found[:1]
    assert first.compiled == 2
    second = native.Library(named(""), Cache(tmp_path / "code"))
    addresses(kernels, second)
    assert second.compiled == 0
    given, result = np.ones((1, 16), np.float32), np.zeros((1, 16), np.float32)
    execute(second, scaled_rows(), [given, np.full(1, 3, np.float32), result], [16])
    assert (result == 9).all()


def test_code_of_one_kind_of_machine_is_not_taken_for_another(tmp_path):
    for kind in available():
        library = native.Library(named(kind), Cache(tmp_path / "code"))
        addresses([scaled_rows()], library)
        assert library.compiled == 1


def test_other_functions_and_those_that_they_call(library):
    ir_text = """
    declare ptr @memset(ptr, i32, i64)
    define void @clear(ptr %place, i64 %bytes) nounwind {
      %done = call ptr @memset(ptr %place, i32 0, i64 %bytes)
      ret void
    }
    define i64 @double(i64 %x) nounwind {
      %y = add i64 %x, %x
      ret i64 %y
    }
    """
    before = library.compiled
    source = native.Source(("clear", "double"), lambda: ir_text)
    ((clear, double),) = library.functions({library.key(ir_text): source})
    assert library.functions({library.key(ir_text): source}) == [[clear, double]]
    assert library.compiled == before + 1
    given = np.ones(5)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(clear)(given.ctypes.data, 32)
    assert given.tolist() == [0, 0, 0, 0, 1]
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(double)(21) == 42


def test_a_long_chain_of_values():
    value = Load("f32", LANES, x, i)
    for _ in range(3000):
        value = apply("add", value, number(1))
    kernel = kernel_of([x, out], [], [For(i, begin, end, LANES, (Store(out, i, value),))])
    assert emit(kernel, "chain").count("fadd") == 3000


def branching(vectors, arguments, dtype):
    """|x|, found by a branch: a function may take several blocks."""
    builder = vectors.builder
    zero = vectors.constant(dtype, 0)
    before, body, after = builder.block, *(builder.function.append_basic_block() for _ in range(2))
    builder.cbranch(builder.any(builder.fcmp_ordered("<", *arguments, zero)), body, after)
    builder.position_at_end(body)
    size = vectors.intrinsic("fabs", arguments)
    builder.branch(after)
    builder.position_at_end(after)
    result = builder.phi(size.type)
    result.add_incoming(arguments[0], before)
    result.add_incoming(size, body)
    return result


def test_functions_that_branch_may_stand_anywhere(library, monkeypatch):
    monkeypatch.setitem(functions.functions, "branching", branching)
    size_of = lambda value: apply("branching", value)
    bias = Load("f32", 1, y, integer(0))
    row = size_of(
        apply("subtract", Load("f32", 1, y, i), size_of(bias))
    )  # changes in the outer loop, made by the inner
    column = size_of(Load("f32", LANES, x, k))
    at = plus(times(i, n), k)
    few = apply("less", k, integer(LANES), dtype="bool")
    inner = For(k, integer(0), n, LANES, (
        Store(out, at, apply("add", column, splat(row, LANES))),
        If(few, (Store(out, at, apply("subtract", size_of(Load("f32", LANES, out, at)), number(1))),)),
    ))  # fmt: skip
    kernel = kernel_of([x, y, out], ["n"], [For(i, begin, end, 1, (inner,))])
    columns, rows = np.linspace(-1, 1, 32, dtype=np.float32), np.array([-2, 1, 5], np.float32)
    found = np.zeros((3, 32), np.float32)
    execute(library, kernel, [columns, rows, found], [32], end=3)
    expected = np.abs(columns) + np.abs(rows - 2)[:, None]
    expected[:, :16] -= 1
    assert (found == expected).all()


@pytest.mark.parametrize("name", sorted(set(functions.functions) & set(registry) - {"polygamma"}))
def test_every_function_can_be_written(name):
    count, written = len(registry[name].example(np.random.default_rng(0))[0]), 0
    for dtype in dtypes_by_short_name:
        dtypes = [dtype] * count if name != "where" else ["bool", dtype, dtype]
        try:
            result = registry[name].shape(*(ArrayType((), dtypes_by_short_name[each]) for each in dtypes))
        except DTypeError:
            continue
        for lanes in (1, LANES):
            sources = [Buffer(f"source{at}", each) for at, each in enumerate(dtypes)]
            target = Buffer("target", short_name(result.dtype))
            value = apply(name, *(Load(buffer.dtype, lanes, buffer, i) for buffer in sources), dtype=target.dtype)
            kernel = kernel_of([*sources, target], [], [For(i, begin, end, lanes, (Store(target, i, value),))])
            binding.parse_assembly(emit(kernel, "kernel")).verify()
            written += 1
    assert written


def test_the_machine_is_named_by_the_environment():
    code = "from maplet.compiler.target import target; print(target().name)"

    def run(name):
        environment = {**os.environ, "MAPLET_TARGET": name}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )

    least = available()[-1:] or [""]
    assert run(least[0]).stdout.split() == (least if least[0] else [named("").name])
    assert "MAPLET_TARGET=cray is no target" in run("cray").stderr


def test_a_target_beyond_the_cpu_is_refused(monkeypatch):
    monkeypatch.setattr("llvmlite.binding.get_host_cpu_features", lambda: {"sse4.2": True})
    assert available() == ["sse"]
    with pytest.raises(SettingError, match="avx512 is more than this CPU has"):
        named("avx512")
