"""The elementary functions in machine code: how exact they are, and that every target and width gives the same bits.

float32 is held against NumPy in float64, float64 against NumPy in 80 bits (where the machine has them) or mpmath.
"""

import ctypes
import itertools
import math
import os
from functools import cache

import numpy as np
import pytest
from llvmlite import binding, ir

from maplet.compiler import vector_math
from maplet.compiler.kernels import addresses
from maplet.compiler.loops import Buffer, For, Kernel, Load, Size, Store, apply, index, integer
from maplet.compiler.target import target
from maplet.compiler.vectors import Vectors, type_of
from maplet.core.primitive import registry
from maplet.errors import SettingError

two_arguments = ["atan2", "hypot", "logaddexp", "power"]
orders = {"polygamma_1": 1, "polygamma_2": 2, "polygamma_5": 5}  # one function for each order
one_argument = sorted(vector_math.table.keys() - {*two_arguments, "polygamma"} | orders.keys())
reflected = {"lgamma", "digamma", *orders}  # differences of two terms below 0
# How far apart the numbers are that the slow test visits; with MAPLET_EVERY_FLOAT=1 it visits all, in half an hour.
strides = dict.fromkeys(["exp", "log", "tanh", "sigmoid"], 1) | {"erf": 5, "expm1": 5, "log1p": 5}
strides |= dict.fromkeys(["erfc", "erfinv", "lgamma", "digamma"], 5) | dict.fromkeys(orders, 199)
odd = {"asin", "asinh", "atan", "atanh", "erf", "erfinv", "sin", "sinh", "tan", "tanh"}
even = {"cos", "cosh"}

host = ""
dtypes = {"f16": np.float16, "f32": np.float32, "f64": np.float64}
wide = np.longdouble
needs_80_bits = pytest.mark.skipif(np.finfo(wide).nmant < 63, reason="NumPy has nothing wider than float64 here")

# ── from a rule to arrays ────────────────────────────────────────────────────────────────────────


@cache
def generator(machine):
    """LLVM's code generator for a target, and what links its code; None where this CPU is not that good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAPLET_TARGET", machine)
        try:
            chosen = target.__wrapped__()  # without its memory of the first answer
        except SettingError:
            return None
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()

    def new():
        return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
            cpu=chosen.cpu, features=chosen.features, opt=3, reloc="pic", codemodel="default", jit=True
        )

    return new(), binding.create_lljit_compiler(new(), use_jit_link=True)


def loop_text(name, dtype, lanes, count, symbol):
    """An LLVM module: ``symbol(inputs…, output, size)`` applies a function to arrays, ``lanes`` elements at a time."""
    word, pointer = ir.IntType(64), ir.PointerType()
    module = ir.Module(name=symbol)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * (count + 1) + [word]), symbol)
    *inputs, output, size = function.args
    first, body, last = (function.append_basic_block() for _ in range(3))
    ir.IRBuilder(first).branch(body)
    builder = ir.IRBuilder(body)
    at = builder.phi(word)

    def place(start):
        return builder.gep(start, [at], source_etype=type_of(dtype, 1))

    values = [builder.load(place(x), typ=type_of(dtype, lanes), align=1) for x in inputs]
    vectors, function = Vectors(builder, lanes), name
    if name in orders:
        function, values = "polygamma", [*values, vectors.constant(dtype, orders[name])]
    builder.store(vector_math.table[function](vectors, values, dtype), place(output), align=1)
    following = builder.add(at, ir.Constant(word, lanes))
    at.add_incoming(ir.Constant(word, 0), first)
    at.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, size), body, last)
    ir.IRBuilder(last).ret_void()
    return str(module)


def compiled(name, dtype="f32", lanes=16, machine=host):
    """A function of arrays of one length."""
    return loaded(name, dtype, lanes, machine)


@cache
def loaded(name, dtype, lanes, machine):
    made = generator(machine)
    if made is None:
        pytest.skip(f"this CPU has not what {machine} needs")
    code, linker = made
    count = 2 if name in two_arguments else 1
    symbol = f"{name}_{dtype}_{lanes}_{machine}"
    module = binding.parse_assembly(loop_text(name, dtype, lanes, count, symbol))
    module.triple, module.data_layout = code.triple, str(code.target_data)
    module.verify()
    builder = binding.JITLibraryBuilder().add_object_img(code.emit_object(module)).add_current_process()
    library = builder.export_symbol(symbol).link(linker, symbol)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)(library[symbol])

    def run(*arrays):
        size = arrays[0].size
        padded = -(-size // lanes) * lanes
        inputs = [np.concatenate([x, np.zeros(padded - size, x.dtype)]) if padded > size else x for x in arrays]
        output = np.empty(padded, dtypes[dtype])
        function(*[x.ctypes.data for x in inputs], output.ctypes.data, padded)
        return output[:size]

    run.library = library  # the code goes when this does
    return run


# ── exact values, and the distance from them ─────────────────────────────────────────────────────


def exact(name, *arguments):
    """The reference of the primitive in float64, of float64 the same in 80 bits."""
    in_80_bits = {"sigmoid": wide_sigmoid, "erf": wide_erf, "rsqrt": lambda x: 1 / np.sqrt(x)}
    with np.errstate(all="ignore"):  # also a NaN that signals, cast to a wider dtype
        if arguments[0].dtype == np.float64:
            if name in by_mpmath:
                return exact_by_mpmath(name, *arguments)
            return (in_80_bits.get(name) or getattr(np, name))(*[x.astype(wide) for x in arguments])
        return reference(name, *[x.astype(np.float64) for x in arguments])


def reference(name, *arguments):
    """What the primitive means."""
    if name in orders:
        return registry["polygamma"].reference(*arguments, n=orders[name])
    return registry[name].reference(*arguments)


by_mpmath = {"erfc", "erfinv", *reflected}


def exact_by_mpmath(name, x):
    """What mpmath computes in 40 digits; at 0, at poles, beyond the domain, of infinities and NaN the reference."""
    mpmath = pytest.importorskip("mpmath")
    given = np.abs(x) < {"erfc": 30, "erfinv": 1, "lgamma": np.inf, "digamma": np.inf}.get(name, 1e6)
    given &= x != 0
    if name in reflected:
        given &= (x > 0) | (x != np.trunc(x))
    found = reference(name, x).astype(wide)
    with mpmath.workdps(40):
        function = {
            "erfc": mpmath.erfc, "erfinv": mpmath.erfinv, "digamma": lambda v: mpmath.psi(0, v),
            "lgamma": lambda v: mpmath.re(mpmath.loggamma(v)),
        }.get(name) or (lambda v: mpmath.psi(orders[name], v))  # fmt: skip
        found[given] = [wide(mpmath.nstr(function(mpmath.mpf(float(v))), 25)) for v in x[given]]
    return found


def wide_sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def wide_erf(x):
    """2/√π·e^(−x²)·Σ 2ⁿ·x^(2n+1)/(1·3·5···(2n+1)), of which no term is below 0."""
    size = np.minimum(np.abs(x), 6.5)
    term = total = size
    for n in range(1, 200):
        term = term * 2 * size * size / (2 * n + 1)
        total = total + term
    found = total * np.exp(-size * size) * 2 / np.sqrt(4 * np.arctan(wide(1)))
    return np.copysign(np.where(size < 6.5, found, np.where(np.isnan(x), x, 1)), x)


def ulps(got, want):
    """The distance in units of the last place of the exact value; ∞ where a zero has the wrong sign or NaN is not NaN.

    An infinity counts as the number after the greatest finite one.
    """
    form = np.finfo(got.dtype)
    beyond = np.ldexp(want.dtype.type(1), form.maxexp)
    with np.errstate(all="ignore"):
        bounded = np.clip(want, -beyond, beyond)
        exponent = np.clip(np.frexp(bounded)[1] - 1, form.minexp, form.maxexp - 1)
        unit = np.ldexp(want.dtype.type(1), exponent - form.nmant)
        finite = np.where(np.isinf(got), np.copysign(beyond, got), got.astype(want.dtype))
        distance = np.abs(finite - bounded) / unit
    wrong_zero = (got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want))
    distance = np.where(np.isnan(got) | np.isnan(want) | wrong_zero, np.inf, distance)
    return np.where(np.isnan(got) & np.isnan(want), 0, distance)


def assert_within(bound, got, want, *inputs):
    distance = ulps(got, want)
    worst = np.argmax(distance)
    shown = f"f{tuple(x[worst] for x in inputs)} = {got[worst]!r}, exactly {want[worst]!r}"
    assert distance[worst] <= bound, f"{distance[worst]:.3f} units: {shown}"


def assert_same_bits(got, want, *inputs):
    pattern = f"u{got.itemsize}"
    wrong = np.flatnonzero((got.view(pattern) != want.view(pattern)) & ~(np.isnan(got) & np.isnan(want)))
    shown = [([x[n] for x in inputs], got[n], want[n]) for n in wrong[:5]]
    assert not wrong.size, f"{wrong.size} of {want.size}: (inputs, got, want) {shown}"


# ── what is put in ───────────────────────────────────────────────────────────────────────────────


def specials(dtype):
    """Numbers at the edges, with both signs."""
    form = np.finfo(dtype)
    some = [
        0, np.inf, np.nan, form.smallest_subnormal, form.tiny, np.nextafter(form.tiny, dtype(0)), form.max,
        1, np.nextafter(dtype(1), dtype(2)), np.nextafter(dtype(1), dtype(0)), 0.5, 0.25, 1.5, 2, 3, 4, 9, 10, 17, 88,
        88.8, 89, 103.9, 104, 110, 709, 709.7, 710, 745, 746, 750, math.pi, math.pi / 2, math.log(2) / 2, 0.55, 0.9,
        2.0**23 - 1, 2.0**23 + 1, 2.0**24 + 2, 2.0**52 + 1, 2.0**53 + 2, 1e10, 2.0**28, 2.0**30, 2.0**100,
        1.4616321449683623, 2.4570247382208006, 5, 6, 7.5, 10.05, 26.5, 27.2, 1000.5,
    ]  # fmt: skip
    with np.errstate(over="ignore"):
        positive = np.asarray(some).astype(dtype)
    return np.concatenate([positive, -positive])


def bit_patterns(dtype, size, rng):
    return rng.integers(0, 256, size=size * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)


def numbers(dtype, size, seed=0):
    """Bit patterns, numbers of every ordinary size, numbers beside 1, and the special ones."""
    rng = np.random.default_rng(seed)
    part = size // 4
    ordinary = rng.normal(size=part) * np.exp(rng.uniform(-12, 8, size=part))
    beside_one = (1 + rng.normal(size=part) * np.exp(rng.uniform(-30, 0, size=part))) * rng.choice([-1, 1], size=part)
    small = rng.uniform(-4, 4, size=part)
    parts = [ordinary, beside_one, small, specials(dtype)]
    return np.concatenate([bit_patterns(dtype, part, rng), *[x.astype(dtype) for x in parts]])


def pairs(dtype, size, seed=1):
    """Pairs of such numbers, pairs of one size, pairs of integers and halves, and every pair of special ones."""
    rng = np.random.default_rng(seed)
    part = size // 4
    special = specials(dtype)
    x, y = numbers(dtype, part, seed), numbers(dtype, part, seed + 1)
    rng.shuffle(y)
    scale = np.exp(rng.uniform(-80, 80, size=part))
    xs = [x, scale * rng.normal(size=part), rng.integers(-40, 40, size=part), rng.uniform(-2, 1, size=part)]
    ys = [y, scale * rng.normal(size=part), rng.integers(-80, 80, size=part) / 2, rng.uniform(-2, 1, size=part)]
    beside_one = 1 + rng.normal(size=part) * np.exp(rng.uniform(-16, 0, size=part))
    xs += [beside_one, np.repeat(special, special.size)]
    ys += [1 / (beside_one - 1 + 1e-30) * rng.normal(size=part), np.tile(special, special.size)]
    with np.errstate(all="ignore"):
        return tuple(np.concatenate([z.astype(dtype) for z in zs]) for zs in (xs, ys))


def inputs(name, dtype, size):
    return pairs(dtype, size) if name in two_arguments else (numbers(dtype, size),)


# ── how exact they are ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", one_argument + two_arguments)
def test_float32_is_within_two_units_of_the_exact_value(name):
    arrays = inputs(name, np.float32, 100_000)
    assert_within(2, compiled(name)(*arrays), exact(name, *arrays), *arrays)


def greater_term(name, *arguments):
    """Of ln(eˣ + eʸ) the greater of x and y; of what is reflected below 0, the value at 1 − x."""
    if name == "logaddexp":
        return np.fmax(*arguments)
    (x,) = arguments
    with np.errstate(invalid="ignore"):  # a NaN that signals
        return np.where(x < 0, reference(name, 1 - x), 0)


@needs_80_bits
@pytest.mark.parametrize("name", one_argument + two_arguments)
@pytest.mark.parametrize("part", [0.2, pytest.param(1, marks=pytest.mark.slow)])
def test_float64_is_within_its_stated_bound(name, part):
    size = int(part * (2_000 if name in by_mpmath else 20_000 if name == "erf" else 100_000))
    arrays = inputs(name, np.float64, size)
    got, want = compiled(name, "f64")(*arrays), exact(name, *arrays)
    bound = vector_math.bounds[name]
    if name == "logaddexp" or name in reflected:  # it can be the small difference of two numbers
        larger = greater_term(name, *arrays)  # in whose units the bound then is
        less_exact = np.isfinite(larger) & (np.abs(got) < np.abs(larger))
        unit = np.spacing(np.abs(larger[less_exact]))
        assert np.max(np.abs(got[less_exact] - want[less_exact]) / unit, initial=0) <= bound
        arrays, got, want = [x[~less_exact] for x in arrays], got[~less_exact], want[~less_exact]
    assert_within(bound, got, want, *arrays)


@pytest.mark.parametrize("name", one_argument)
def test_every_float16_is_the_rounded_float32(name):
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        want = compiled(name)(x.astype(np.float32)).astype(np.float16)
    assert_same_bits(compiled(name, "f16")(x), want, x)


@pytest.mark.parametrize("name", [*sorted(odd), *sorted(even)])
def test_odd_and_even_functions_are_so_in_every_bit(name):
    x = np.abs(numbers(np.float32, 100_000))
    got, mirrored = compiled(name)(x), compiled(name)(-x)
    assert_same_bits(-mirrored if name in odd else mirrored, got, x)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_values_that_people_know(dtype):
    def value(name, *arguments):
        return compiled(name, dtype)(*[np.asarray([x], dtypes[dtype]) for x in arguments])[0]

    assert value("exp", 0.0) == value("cosh", 0.0) == value("cos", 0.0) == 1
    assert value("sigmoid", 0.0) == 0.5
    assert [value("log2", 2.0**n) for n in range(-40, 41)] == list(range(-40, 41))
    assert [value("log10", 10.0**n) for n in range(11)] == list(range(11))
    assert [value("power", -2.0, n) for n in range(-9, 10)] == [(-2.0) ** n for n in range(-9, 10)]
    assert [value("hypot", 3.0 * n, -4.0 * n) for n in (1, 2.0**40, 2.0**-40)] == [5, 5 * 2.0**40, 5 * 2.0**-40]
    assert value("atan2", 1.0, -1.0) == dtypes[dtype](3 * math.pi / 4)
    assert value("logaddexp", -np.inf, -np.inf) == -np.inf
    assert value("erfc", 0.0) == 1
    assert [value("lgamma", n) for n in (1.0, 2.0)] == [0, 0]
    some_units = 4 * float(np.finfo(dtypes[dtype]).eps)
    assert value("lgamma", 0.5) == pytest.approx(math.log(math.pi) / 2, rel=some_units)
    assert value("digamma", 1.0) == pytest.approx(-0.5772156649015329, rel=some_units)
    assert value("polygamma_1", 1.0) == pytest.approx(math.pi**2 / 6, rel=some_units)


@pytest.mark.parametrize(("name", "near"), [
    *(("lgamma", x) for x in (-2.457, -2.748, -3.1436, -3.9553, -4.0392, -5.0082)),
    *(("digamma", x) for x in (1.4616, -0.504, -1.573, -2.611, -9.703, -100.8)),
    *(("polygamma_2", x) for x in (-1.53, -2.505, -30.5)),
])  # fmt: skip
def test_beside_the_zeros_of_the_gamma_functions(name, near):
    """Where a float32 is the small difference of two numbers, it is no less exact."""
    mpmath = pytest.importorskip("mpmath")
    functions = {"lgamma": lambda v: mpmath.log(abs(mpmath.gamma(v)))}
    zero = np.float32(mpmath.findroot(functions.get(name, lambda v: mpmath.psi(orders.get(name, 0), v)), near))
    x = (zero.view(np.int32) + np.arange(-9, 10, dtype=np.int32)).view(np.float32)
    assert_within(1, compiled(name)(x), exact_by_mpmath(name, x.astype(np.float64)), x)


def test_the_hardest_angle_of_float64():
    """Of all, this one comes nearest to a multiple of π/2 (J.-M. Muller, Elementary Functions, table 11.1)."""
    x = np.asarray([6381956970095103 * 2.0**797])
    assert compiled("cos", "f64")(x)[0] == pytest.approx(-4.68716592425462761112e-19, rel=1e-15, abs=0)
    assert compiled("sin", "f64")(x)[0] == 1


# ── the same bits everywhere ─────────────────────────────────────────────────────────────────────


every_target = list(itertools.product((host, "avx512", "avx2", "sse"), (1, 4, 16)))
some_targets = [(host, 1), ("avx512", 16), ("avx2", 4), ("sse", 4)]


@pytest.mark.parametrize("name", one_argument + two_arguments)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("targets", [some_targets, pytest.param(every_target, marks=pytest.mark.slow)], ids=len)
def test_every_target_and_width_gives_the_same_bits(name, dtype, targets):
    arrays = inputs(name, dtypes[dtype], 6_000)
    want = compiled(name, dtype)(*arrays)
    for machine, lanes in targets:
        if generator(machine) is not None:
            assert_same_bits(compiled(name, dtype, lanes, machine)(*arrays), want, *arrays)


@pytest.mark.parametrize("lanes", [2, 32, 64])
@pytest.mark.parametrize("name", ["sin", "logaddexp", "log", "hypot", "power", "erfinv", "lgamma", "polygamma_2"])
def test_repairs_work_in_every_width(name, lanes):
    arrays = inputs(name, np.float32, 6_000)
    assert_same_bits(compiled(name, "f32", lanes)(*arrays), compiled(name)(*arrays), *arrays)


def test_functions_that_branch_run_in_kernels():
    """Two such functions in one kernel, in an inner loop, loaded as every kernel is."""
    x, out, i, j = Buffer("x", "f32"), Buffer("out", "f32"), index("i"), index("j")
    value = Load("f32", 16, x, j)
    inner = For(
        j, integer(0), Size("i64", 1, "n"), 16, (Store(out, j, apply("add", apply("sin", value), apply("cos", value))),)
    )
    kernel = Kernel("turns", (x, out), ("n",), ())
    kernel = Kernel(
        "turns", (x, out), ("n",), (For(i, kernel.begin, kernel.end, 1, (inner,)),), 0, kernel.begin, kernel.end
    )
    (address,) = addresses([kernel])
    angles = np.resize(numbers(np.float32, 4_000), 4_096)
    got, status = np.empty_like(angles), np.zeros(1, np.int64)
    words = np.asarray([angles.ctypes.data, got.ctypes.data, angles.size, status.ctypes.data])
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address)(
        words.ctypes.data, 0, 2, None
    )
    assert_same_bits(got, compiled("sin")(angles) + compiled("cos")(angles), angles)


# ── every float32 ────────────────────────────────────────────────────────────────────────────────


def sparing(name, x):
    """The reference, with less work where that is simple: most of float32 lies there."""
    if name == "erf" and np.all(np.abs(x) < 2.0**-13):
        small = x.astype(np.float64)
        return 2 / math.sqrt(math.pi) * small * (1 - small**2 / 3)
    if name == "erf" and np.all(np.abs(x) > 6):
        return np.copysign(1.0, x.astype(np.float64))
    if name in {"log", "log1p"} and np.all(x < -1):
        return np.full(x.size, np.nan)
    return exact(name, x)


@pytest.mark.slow
@pytest.mark.parametrize("name", one_argument)
def test_all_of_float32_is_within_two_units(name):
    """Every one for the functions most used, one in 5 or in 37 for the others.

    What is at most the next number after the rounded exact value is within 1½ units; only the others are looked at.
    """
    run, size = compiled(name), 1 << 14
    stride = 1 if os.environ.get("MAPLET_EVERY_FLOAT") == "1" else strides.get(name, 37)
    x = np.arange(0, size * stride, stride, dtype=np.uint32)
    for _ in range(2**32 // (size * stride) + 1):
        inputs = x.view(np.float32)
        got, want = run(inputs), sparing(name, inputs)
        with np.errstate(all="ignore"):
            steps = got.view(np.int32) - want.astype(np.float32).view(np.int32)
        doubtful = np.flatnonzero((steps + 1).view(np.uint32) > 2)
        if doubtful.size:
            assert_within(2, got[doubtful], want[doubtful], inputs[doubtful])
        x += size * stride
