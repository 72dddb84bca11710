"""Scalar functions in machine code: the same bits as the reference of the primitive, for every dtype, width and target.

A NaN is equal to a NaN, whatever its bits.
"""

import ctypes
import itertools
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from llvmlite import binding, ir

import maplet as mp  # noqa: F401 (it fills the registry)
from maplet.compiler import arithmetic, functions, portable_math
from maplet.compiler.target import target
from maplet.compiler.vectors import Vectors, type_of
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name, float_limits, kind_of, short_name
from maplet.errors import GraphError, SettingError

host = ""
combinations = [*itertools.product((host, "avx512", "avx2", "sse"), (1, 4, 16, 64))]
every_combination = pytest.mark.parametrize(("machine", "lanes"), combinations)
numbers = itertools.count()  # each loop has a name of its own
floats = [np.dtype(name) for name in ("float16", "float32", "float64")]

# ── from a rule to arrays ────────────────────────────────────────────────────────────────────────


@cache
def machine_for(name):
    """LLVM's code generator for a target, and what links its code; None where this CPU is not that good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAPLET_TARGET", name)
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


def loop_text(rule, dtypes, gives, lanes, symbol):
    """An LLVM module: ``symbol(inputs…, output, count)`` applies a rule to arrays, ``lanes`` elements at a time."""
    word, byte, pointer = ir.IntType(64), ir.IntType(8), ir.PointerType()
    module = ir.Module(name=symbol)
    kind = ir.FunctionType(ir.VoidType(), [pointer] * (len(dtypes) + 1) + [word])
    function = ir.Function(module, kind, symbol)
    *inputs, output, count = function.args
    first, body, last = (function.append_basic_block() for _ in range(3))
    ir.IRBuilder(first).branch(body)
    builder = ir.IRBuilder(body)
    index = builder.phi(word)
    vectors = Vectors(builder, lanes)

    def place(start, dtype):
        size = ir.Constant(word, dtypes_by_short_name[dtype].itemsize)
        return builder.gep(start, [builder.mul(index, size)], source_etype=byte)

    def in_memory(dtype):
        return type_of("u8" if dtype == "bool" else dtype, lanes)

    values = [
        builder.load(place(x, dtype), typ=in_memory(dtype), align=1) for x, dtype in zip(inputs, dtypes, strict=True)
    ]
    values = [
        builder.trunc(x, vectors.type("bool")) if dtype == "bool" else x
        for x, dtype in zip(values, dtypes, strict=True)
    ]
    found = rule(vectors, values)
    assert found.type == vectors.type(gives)
    found = builder.zext(found, in_memory("bool")) if gives == "bool" else found
    builder.store(found, place(output, gives), align=1)
    following = builder.add(index, ir.Constant(word, lanes))
    index.add_incoming(ir.Constant(word, 0), first)
    index.add_incoming(following, builder.block)  # a function may branch
    builder.cbranch(builder.icmp_signed("<", following, count), body, last)
    ir.IRBuilder(last).ret_void()
    return str(module)


def run(rule, arrays, gives, lanes=16, machine=host):
    """Apply a rule of ``(vectors, values)`` to arrays of one length; ``gives`` is the short name of the result."""
    found = machine_for(machine)
    if found is None:
        pytest.skip(f"this CPU has not what {machine} needs")
    generator, linker = found
    dtypes = [short_name(x.dtype) for x in arrays]
    symbol = f"loop_{next(numbers)}"
    module = binding.parse_assembly(loop_text(rule, dtypes, gives, lanes, symbol))
    module.triple, module.data_layout = generator.triple, str(generator.target_data)
    module.verify()
    library = binding.JITLibraryBuilder().add_object_img(generator.emit_object(module)).add_current_process()
    library = library.export_symbol(symbol).link(linker, symbol)

    size = arrays[0].size
    padded = -(-size // lanes) * lanes
    inputs = [np.concatenate([x, np.zeros(padded - size, x.dtype)]) for x in arrays]
    output = np.empty(padded, dtypes_by_short_name[gives])
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(inputs) + 1), ctypes.c_int64)(library[symbol])
    function(*[x.ctypes.data for x in inputs], output.ctypes.data, padded)
    return output[:size]


def named(function, *dtypes):
    return lambda vectors, values: functions.apply(vectors, function, values, list(dtypes))


def assert_same_bits(got, want, *inputs):
    same = got.view(f"u{got.itemsize}") == want.view(f"u{want.itemsize}")
    if kind_of(want.dtype) == "f":
        same |= np.isnan(got) & np.isnan(want)
    wrong = np.flatnonzero(~same)
    shown = [([x[n] for x in inputs], got[n], want[n]) for n in wrong[:5]]
    assert got.dtype == want.dtype
    assert not wrong.size, f"{wrong.size} of {want.size}: (inputs, got, want) {shown}"


# ── what is put in ───────────────────────────────────────────────────────────────────────────────


def values_of(dtype, rng):
    """Zeros, ends of the range, halves, infinities, NaN, subnormal numbers, and any bits."""
    if kind_of(dtype) == "b":
        return np.array([True, False] * 4)
    any_bits = rng.bytes(60 * dtype.itemsize)
    anything = np.frombuffer(any_bits, dtype)
    if kind_of(dtype) == "f":
        known = float_limits(dtype)
        sizes = [
            0.0, 0.49, 0.5, 1, 1.5, 2.5, 3, 7, np.inf, known.max, known.tiny, known.tiny * 1.5,
            known.smallest_subnormal, known.eps, 1 + known.eps, 1 - known.epsneg,
            0.5 / known.eps, 0.5 / known.eps + 0.5, 2 / known.eps,
        ]  # fmt: skip
        plain = np.array([*sizes, *[-x for x in sizes], np.nan], dtype)
        return np.concatenate([plain, (rng.normal(size=60) * 4).astype(dtype), anything])
    known = np.iinfo(dtype)
    plain = np.array([0, 1, 2, 3, 5, 7, 8, 31, 32, 63, 64, known.max, known.max - 1, known.max // 2, known.min], dtype)
    return np.concatenate([plain, 0 - plain, known.min // 2 + plain, rng.integers(0, 70, 20).astype(dtype), anything])


def takes(primitive, dtype):
    """How many arrays of a dtype, and what the primitive gives for them; None where it takes none."""
    for count in (1, 2):
        types = [ArrayType((2,), dtype)] * count
        try:
            return count, primitive.shape(*types).dtype
        except (TypeError, ValueError):
            continue
    return None


spelled = {*arithmetic.table, *arithmetic.of_integers, *portable_math.table} - {"where", "fma", "philox"}
cases = [
    (name, dtype, *found)
    for name in sorted(spelled)
    for dtype in dtypes_by_short_name.values()
    if (found := takes(registry[name], dtype)) and not (name == "power" and dtype.kind == "f")
]


def inputs_of(name, dtype, count):
    rng = np.random.default_rng(len(name))
    arrays = [values_of(dtype, rng) for _ in range(count)]
    arrays = [x.ravel() for x in np.meshgrid(*arrays)]
    if name == "power" and dtype.kind == "i":
        arrays[1] = np.where(arrays[1] < 0, ~arrays[1], arrays[1])  # a negative power is no integer
    return arrays


def check_against_reference(number, chosen):
    name, dtype, count, gives = cases[number]
    arrays = inputs_of(name, dtype, count)
    with np.errstate(all="ignore"):
        want = registry[name].reference(*arrays)
    for machine, lanes in chosen:
        if machine_for(machine):
            got = run(named(name, *[short_name(dtype)] * count), arrays, short_name(gives), lanes, machine)
            assert_same_bits(got, want, *arrays)


names = {f"{name}-{short_name(dtype)}": n for n, (name, dtype, _, _) in enumerate(cases)}


@pytest.mark.parametrize("number", names.values(), ids=names.keys())
def test_a_function_has_the_bits_of_its_reference(number):
    check_against_reference(number, [combinations[number % len(combinations)], (host, 16)])


@pytest.mark.slow
@pytest.mark.parametrize("number", names.values(), ids=names.keys())
def test_a_function_has_the_bits_of_its_reference_on_every_target(number):
    check_against_reference(number, combinations)


def test_the_cases_are_those_that_are_meant():
    assert {name for name, *_ in cases} == spelled
    assert len(cases) > 300


# ── those that are no primitive of one dtype ─────────────────────────────────────────────────────


@every_combination
@pytest.mark.parametrize("dtype", ["bool", "i8", "f16", "f32", "f64"])
def test_where_chooses_in_every_lane(dtype, machine, lanes):
    rng = np.random.default_rng(1)
    x, y = (np.resize(values_of(dtypes_by_short_name[dtype], rng), 200) for _ in range(2))
    condition = rng.random(200) < 0.5
    got = run(named("where", "bool", dtype, dtype), [condition, x, y], dtype, lanes, machine)
    assert_same_bits(got, np.where(condition, x, y), condition, x, y)


def rounded(number, dtype):
    """A fraction as a float: the nearest, and of two the even one."""
    known = float_limits(dtype)
    if number == 0:
        return dtype.type(0)
    size = abs(number)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    unit = Fraction(2) ** (max(exponent, known.minexp) - known.nmant)
    whole = round(number / unit) * unit
    return dtype.type(
        np.copysign(np.inf, float(number > 0) - 0.5) if abs(whole) > Fraction(float(known.max)) else float(whole)
    )


@pytest.mark.parametrize("machine", [host, "avx512", "avx2", "sse"])
@pytest.mark.parametrize("dtype", floats, ids=short_name)
def test_fma_rounds_once(dtype, machine):
    rng = np.random.default_rng(2)
    known = float_limits(dtype)
    x, y = (rng.normal(size=600).astype(dtype) for _ in range(2))
    with np.errstate(all="ignore"):
        z = -x * y  # what is left is the error of the product
    z[200:400] = (np.round(np.float64(z[200:400])) + 1).astype(dtype)  # the sum lies near the middle of two numbers
    x[400:500], y[400:500] = known.max, rng.choice([1, -1, 2, known.eps], size=100).astype(dtype)
    z[500:], x[500:] = known.smallest_subnormal, known.tiny
    want = [
        rounded(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)), dtype)
        for a, b, c in zip(x, y, z, strict=True)
    ]
    name = short_name(dtype)
    got = run(named("fma", name, name, name), [x, y, z], name, 16, machine)
    np.testing.assert_array_equal(got, np.array(want, dtype))


@every_combination
def test_philox_has_the_bits_of_random_bits(machine, lanes):
    rng = np.random.default_rng(3)
    key, draw = rng.integers(2**64, size=(2, 8), dtype=np.uint64)
    draw[:2] = 0, 2**64 - 1
    want = registry["random_bits"].reference(key, draw, shape=(50,)).ravel()
    element = np.tile(np.arange(50), 8)
    arrays = [key.repeat(50), draw.repeat(50), element // 4, element % 4]
    got = run(named("philox", "u64", "u64", "i64", "i64"), arrays, "u32", lanes, machine)
    assert_same_bits(got, want, *arrays)


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 16, 100, -3, -1, 0])
@pytest.mark.parametrize("function", ["floor_divide", "remainder"])
@pytest.mark.parametrize("dtype", ["i8", "i64", "u8", "u64"])
@pytest.mark.parametrize("lanes", [1, 16])
def test_division_by_a_number_that_stands_in_the_kernel(function, dtype, divisor, lanes):
    numpy_dtype = dtypes_by_short_name[dtype]
    x = values_of(numpy_dtype, np.random.default_rng(4))
    y = np.full_like(x, np.array(divisor).astype(numpy_dtype))

    def rule(vectors, values):
        return functions.apply(vectors, function, [*values, vectors.constant(dtype, divisor)], [dtype, dtype])

    with np.errstate(all="ignore"):
        want = registry[function].reference(x, y)
    assert_same_bits(run(rule, [x], dtype, lanes), want, x)


@pytest.mark.parametrize("function", ["floor_divide", "remainder"])
@pytest.mark.parametrize("dtype", floats, ids=short_name)
def test_division_beside_a_whole_quotient(function, dtype):
    """Where a quotient is rounded up to an integer, its floor is not that of x/y."""
    rng, size = np.random.default_rng(7), 20_000
    y = rng.normal(size=size).astype(dtype)
    count = np.rint(rng.normal(size=size) * 2.0 ** rng.uniform(0, 9 if dtype.itemsize == 2 else 18, size))
    integer = f"i{dtype.itemsize}"
    x = (y * count).astype(dtype).view(integer) + rng.integers(-1, 2, size).astype(integer)
    x = x.view(dtype)
    with np.errstate(all="ignore"):
        want = registry[function].reference(x, y)
    name = short_name(dtype)
    assert_same_bits(run(named(function, name, name), [x, y], name), want, x, y)


# ── f16 ──────────────────────────────────────────────────────────────────────────────────────────


def resized(source, to):
    return lambda vectors, values: vectors.resize(values[0], source, to)


every_half = np.arange(2**16, dtype=np.uint16).view(np.float16)


@pytest.mark.parametrize("machine", [host, "avx2", "sse"])
@pytest.mark.parametrize("wide", ["f32", "f64"])
def test_every_f16_is_widened_exactly_and_what_lies_between_two_is_rounded_once(wide, machine):
    dtype = dtypes_by_short_name[wide]
    assert_same_bits(run(resized("f16", wide), [every_half], wide, 16, machine), every_half.astype(dtype), every_half)

    ordered = np.sort(every_half[np.isfinite(every_half)].astype(dtype))
    ordered = np.append(ordered, dtype.type(2**16))  # the next one, if there was one
    middles = np.array([(low + high) / 2 for low, high in itertools.pairwise(ordered)], dtype)
    near = [middles, np.nextafter(middles, dtype.type(np.inf)), np.nextafter(middles, dtype.type(-np.inf))]
    x = np.concatenate([*near, ordered, values_of(dtype, np.random.default_rng(5))])
    with np.errstate(all="ignore"):
        want = x.astype(np.float16)
    assert_same_bits(run(resized(wide, "f16"), [x], "f16", 16, machine), want, x)


# ── many more numbers for what random draws are made of ──────────────────────────────────────────


@pytest.mark.parametrize("function", ["portable_log", "portable_exp", "normal_quantile"])
@pytest.mark.parametrize("dtype", floats, ids=short_name)
def test_portable_functions_have_the_bits_of_their_steps(function, dtype):
    rng = np.random.default_rng(6)
    x = np.concatenate(
        [
            np.frombuffer(rng.bytes(50_000 * dtype.itemsize), dtype),
            rng.random(50_000).astype(dtype),
            (rng.random(20_000) * 2.0 ** rng.uniform(-60, 0, 20_000)).astype(dtype),
            rng.uniform(-760, 730, 50_000).astype(dtype),
        ]
    )
    with np.errstate(all="ignore"):
        want = registry[function].reference(x)
    assert_same_bits(run(named(function, short_name(dtype)), [x], short_name(dtype)), want, x)


# ── what there is not ────────────────────────────────────────────────────────────────────────────


def test_a_function_without_native_code_is_named():
    with pytest.raises(GraphError, match=r"no native code for gamma\(f32, i64\)") as caught:
        functions.apply(Vectors(ir.IRBuilder(), 4), "gamma", [], ["f32", "i64"])
    assert "add" in str(caught.value)
