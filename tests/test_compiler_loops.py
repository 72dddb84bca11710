"""The loop language: how kernels are printed, which are legal, and that one text is one kernel."""

import dataclasses
from math import inf, nan

import pytest

from maplet.compiler import loops
from maplet.compiler.functions import functions
from maplet.compiler.llvm import emit
from maplet.compiler.loop_check import check, own_functions, result_dtype
from maplet.compiler.loop_text import text, truths
from maplet.compiler.loops import (
    After,
    Ahead,
    Apply,
    Buffer,
    Carry,
    Cast,
    Constant,
    Fold,
    For,
    If,
    Kernel,
    Load,
    Pick,
    Report,
    Size,
    Splat,
    Steps,
    Store,
    Value,
    Variable,
    apply,
    index,
    integer,
    plus,
    splat,
    times,
)
from maplet.core.kinds import access_of, is_elementwise
from maplet.core.primitive import registry
from maplet.core.types import ArrayType, dtypes_by_short_name
from maplet.errors import GraphError


def size(name):
    return Size("i64", 1, name)


def f32(number, lanes=1):
    return Constant("f32", lanes, number)


def mean(names="mean x out rows columns i k total"):
    """The mean of each row."""
    kernel, x, out, rows, columns, i, k, total = names.split()
    source, result = Buffer(x, "f32"), Buffer(out, "f32")
    begin, end, row, column = index("begin"), index("end"), index(i), index(k)
    carried = Variable("f32", 16, total)
    term = Load("f32", 16, source, plus(times(row, size(columns)), column))
    loop = For(column, integer(0), size(columns), 16, (), (Carry(carried, f32(0.0, 16), apply("add", carried, term)),))
    whole = Fold("f32", 1, "sum", After("f32", 16, loop, 0))
    store = Store(result, row, apply("divide", whole, Cast("f32", 1, size(columns))))
    return Kernel(kernel, (source, result), (rows, columns), (For(row, begin, end, 1, (loop, store)),), 0, begin, end)


def everything():
    """A kernel with every kind of value and statement."""
    x, chosen, places, out = Buffer("x", "f32"), Buffer("chosen", "bool"), Buffer("places", "i64"), Buffer("out", "f64")
    tile = Buffer("tile", "f64", 64)
    begin, end, i, j = index("begin"), index("end"), index("i"), index("j")
    most, count = Variable("f32", 8, "most"), Variable("i64", 1, "count")
    lanes = apply("add", Splat("i64", 8, j), Steps("i64", 8))
    mask = apply("less", lanes, Splat("i64", 8, size("n")), dtype="bool")
    gathered = Load("f32", 8, x, Load("i64", 8, places, j, mask), mask)
    scaled = apply("fma", gathered, f32(0.1, 8), splat(Load("f32", 1, x, i), 8))
    inner = For(
        j, integer(0), size("n"), 8,
        (Store(tile, j, Cast("f64", 8, scaled), mask), Report(apply("logical_not", mask), size("code"))),
        (
            Carry(most, f32(-inf, 8), apply("maximum", most, scaled)),
            Carry(count, i, apply("subtract", count, integer(1))),
        ),
    )  # fmt: skip
    largest = Cast("f64", 1, Fold("f32", 1, "max", After("f32", 8, inner, 0)))
    halves = Load("bool", 4, chosen, times(i, integer(4)))
    some = Fold("bool", 1, "any", halves)
    row = Load("f64", 1, out, i)
    some = apply("logical_or", some, Fold("bool", 1, "any", Pick("bool", 4, halves, halves, (7, 0, 1, 4))))
    guarded = If(
        apply("logical_and", some, Constant("bool", 1, True)),
        (Store(out, i, apply("multiply", apply("add", row, largest), apply("exp", row))),),
    )
    last = Store(out, plus(size("n"), After("i64", 1, inner, 1)), Load("f64", 1, tile, Constant("i64", 1, 3)))
    soon = (Ahead(x, plus(i, integer(64))), Ahead(out, plus(i, integer(8)), written=True))
    body = (For(i, begin, end, 1, (inner, guarded, *soon, last)),)
    return Kernel("everything", (x, chosen, places, out), ("n", "m", "code"), body, 64 + 512, begin, end)


# ── text ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_of_a_kernel():
    assert (
        text(mean())
        == """\
kernel mean(x: f32, out: f32; rows, columns)
  %0 = f32(columns)
  for i in begin‥end step 1
    %1 = i * columns
    for k in 0‥columns step 16
      carry total: f32×16 = 0.0×16
      next total = add(total, x[%1 + k]×16)
    store out[i] = divide(fold_sum(after total), %0)
"""
    )


def test_the_text_of_every_kind_of_value_and_statement():
    assert (
        text(everything())
        == """\
kernel everything(x: f32, chosen: bool, places: i64, out: f64; n, m, code) scratch 576
  tile: f64 in scratch at 64
  %0 = splat(n)×8
  for i in begin‥end step 1
    %1 = splat(x[i])×8
    for j in 0‥n step 8
      carry most: f32×8 = -inf×8
      carry count: i64 = i
      %2 = less(add(splat(j)×8, steps×8), %0)
      %3 = fma(x[places[j if %2]×8 if %2]×8, 0.1×8, %1)
      store tile[j if %2] = f64(%3)
      report code if logical_not(%2)
      next most = maximum(most, %3)
      next count = count - 1
    %4 = chosen[i * 4]×4
    %5 = logical_and(logical_or(fold_any(%4), fold_any(pick(%4, %4; 7 0 1 4))), true)
    if %5
      %6 = out[i]
      store out[i] = multiply(add(%6, f64(fold_max(after most))), exp(%6))
    ahead x[i + 64]
    ahead out[i + 8] to write
    store out[n + after count] = tile[3]
"""
    )


def test_the_canonical_text():
    assert (
        text(mean(), canonical=True)
        == """\
kernel(b0: f32, b1: f32; n0, n1)
  %1 = f32(n1)
  for v0 in begin‥end step 1
    %0 = v0 * n1
    for v1 in 0‥n1 step 16
      carry v2: f32×16 = 0x0.0p+0×16
      next v2 = add(v2, b0[%0 + v1]×16)
    store b1[v0] = divide(fold_sum(after v2), %1)
"""
    )


def within(*body, buffers=(), sizes=("n", "m"), scratch=0):
    """A kernel of statements for each i."""
    begin, end = index("begin"), index("end")
    outer = For(i, begin, end, 1, body)
    return Kernel("test", buffers, sizes, (outer,), scratch, begin, end)


i, j, k = index("i"), index("j"), index("k")
x, out = Buffer("x", "f32"), Buffer("out", "f32")


def stored(value, at=i):
    """The lines of a kernel that stores a value."""
    lines = text(check(within(Store(out, at, value), buffers=(x, out)))).split("\n")
    return "\n".join(line for line in lines[1:] if not line.startswith("  for"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f32(1), "1.0"),
        (f32(0.1), "0.1"),
        (f32(-0.0), "-0.0"),
        (f32(nan), "nan"),
        (Cast("f32", 1, Constant("f16", 1, 2.0)), "f32(2.0:f16)"),
        (Cast("f32", 1, Constant("f64", 1, -inf)), "f32(-inf:f64)"),
        (Cast("f32", 1, Constant("i64", 1, -3)), "f32(-3)"),
        (Cast("f32", 1, Constant("u8", 1, 255)), "f32(255:u8)"),
        (Cast("f32", 1, Constant("bool", 1, True)), "f32(true)"),
        (Fold("f32", 1, "max", f32(2.5, 4)), "fold_max(2.5×4)"),
        (Fold("f32", 1, "sum", Splat("f32", 4, Load("f32", 1, x, i))), "fold_sum(splat(x[i])×4)"),
    ],
)
def test_the_text_of_a_value(value, shown):
    assert f" = {shown}\n" in stored(value)


def test_positions_are_written_as_in_mathematics():
    at = apply("multiply", apply("add", i, integer(-1)), apply("subtract", i, apply("floor_divide", i, integer(4))))
    assert stored(f32(0.0), at) == "    store out[(i + -1) * (i - floor_divide(i, 4))] = 0.0\n"


def test_what_is_long_or_used_twice_has_a_name():
    value = Load("f32", 1, x, i)
    for _ in range(4):
        value = apply("multiply", value, f32(0.123456789))
    once = apply("exp", value)
    assert (
        stored(apply("add", once, once))
        == """\
    %0 = multiply(multiply(multiply(x[i], 0.123456789), 0.123456789), 0.123456789)
    %1 = exp(multiply(%0, 0.123456789))
    store out[i] = add(%1, %1)
"""
    )


def test_a_value_stands_in_the_loop_that_computes_it():
    """Loads stay behind the writes of a loop, and what an if needs first stays in it."""
    own = apply("exp", Load("f32", 1, x, i))
    read = apply("exp", Load("f32", 1, out, i))
    body = (Store(out, i, apply("add", own, read)), If(apply("less", j, i, dtype="bool"), (Store(out, j, own),)))
    loop = For(j, integer(0), size("n"), 1, body)
    guarded = If(apply("less", i, size("n"), dtype="bool"), (Store(out, i, Load("f32", 1, x, integer(7))),))
    assert (
        text(within(loop, guarded, buffers=(x, out)))
        == """\
kernel test(x: f32, out: f32; n, m)
  for i in begin‥end step 1
    %0 = exp(x[i])
    for j in 0‥n step 1
      store out[i] = add(%0, exp(out[i]))
      if less(j, i)
        store out[j] = %0
    if less(i, n)
      store out[i] = x[7]
"""
    )


def test_what_two_ifs_need_is_computed_in_both():
    shared = apply("exp", Load("f32", 1, x, i))
    conditions = [apply("less", i, size(name), dtype="bool") for name in ("n", "m")]
    body = [If(condition, (Store(out, i, apply("add", shared, shared)),)) for condition in conditions]
    shown = text(within(*body, buffers=(x, out)))
    assert shown.count("= exp(x[i])\n") == 2


def test_names_given_twice_are_told_apart():
    def loop():
        total = Variable("f32", 1, "total")
        return For(index("k"), integer(0), size("n"), 1, (), (Carry(total, f32(0.0), apply("exp", total)),))

    first, second = loop(), loop()
    ends = [After("f32", 1, one, 0) for one in (first, second)]
    shown = text(check(within(first, second, Store(out, i, apply("add", *ends)), buffers=(out,))))
    assert "for k in" in shown
    assert "for k'2 in" in shown
    assert "add(after total, after total'2)" in shown


def test_a_kernel_that_is_not_legal_is_printed_all_the_same():
    loop = For(j, integer(0), size("n"), 1, (), (Carry(k, integer(0), k),))
    body = (Store(Buffer("lost", "f32"), j, Cast("f32", 1, size("lost"))), Store(out, After("i64", 1, loop, 0), f32(1)))
    kernel = within(*body, For(j, integer(0), j, 1), Store(out, j, apply("exp", Load("f32", 1, x, j))))
    with pytest.raises(GraphError):
        check(kernel)
    assert "= f32(undeclared lost)" in text(kernel)


# ── one text, one kernel ─────────────────────────────────────────────────────────────────────────


def test_kernels_that_differ_in_names_share_a_text():
    other = mean("layer2 a b batch width row column sum")
    assert text(mean()) != text(other)
    assert text(mean(), canonical=True) == text(other, canonical=True)
    assert emit(mean(), "f") == emit(other, "f")


constants = [
    ("f32", 0.0), ("f32", -0.0), ("f32", inf), ("f32", -inf), ("f32", nan), ("f32", -nan), ("f32", 1.0),
    ("f32", 1.0000001192092896), ("f32", 2**60), ("f32", 2**60 + 2**37), ("f64", 1.0), ("f64", 1.0000000000000002),
    ("f64", 2**53 + 2), ("i64", 2**53 + 2), ("i64", 2**53 + 3), ("i64", 0), ("i64", 1), ("i32", 1), ("bool", True),
    ("bool", False), ("f64", nan), ("f64", inf), ("f16", 1.0), ("u64", 2**64 - 1), ("f64", 5e-324),
]  # fmt: skip


def test_constants_are_told_apart_to_the_bit():
    shown = {stored_constant(dtype, number) for dtype, number in constants}
    assert len(shown) == len(constants)
    assert stored_constant("f32", 1) == stored_constant("f32", 1.0)


def stored_constant(dtype, number):
    where = Buffer("out", dtype)
    return text(check(within(Store(where, i, Constant(dtype, 1, number)), buffers=(where,))), canonical=True)[-60:]


def parts(root):
    """Every record that a kernel is made of, once."""
    seen, waiting = {}, [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, tuple):
            waiting += one
        elif dataclasses.is_dataclass(one) and one not in seen:
            seen[one] = None
            waiting += [getattr(one, field.name) for field in dataclasses.fields(one)]
    return list(seen)


def rebuilt(one, changed, field, new, made):
    """A copy of a kernel in which one field of one record is another."""
    if isinstance(one, tuple):
        return tuple(rebuilt(each, changed, field, new, made) for each in one)
    if not dataclasses.is_dataclass(one):
        return one
    if one not in made:
        kept = {f.name: getattr(one, f.name) for f in dataclasses.fields(one)}
        if one is changed:
            kept[field] = new
        made[one] = type(one)(**{name: rebuilt(each, changed, field, new, made) for name, each in kept.items()})
    return made[one]


def alternatives(one, field, type_, kernel):
    """Other contents for a field."""
    now = getattr(one, field)
    values = [part for part in parts(kernel) if isinstance(part, Value)]
    found = []
    if field == "dtype":
        found = ["f32", "f64", "i64", "i32", "u8", "bool"]
    elif field in ("function", "combiner"):
        found = ["add", "subtract", "minimum", "logical_or", "greater", "log", "sum", "min", "prod", "all"]
    elif field == "name":
        found = ["m"] if isinstance(one, Size) else []  # the other names are for people
    elif isinstance(now, bool):
        found = [not now]
    elif isinstance(now, (int, float)):
        found = [now + 1, now * 2, now + 8]
    elif isinstance(now, tuple):
        found = [now[1:], now[:-1], now[::-1], now * 2]
    elif isinstance(now, Buffer):
        found = [part for part in parts(kernel) if isinstance(part, Buffer)]
    elif isinstance(now, Value):
        kind = (now.dtype, now.lanes)
        alike = [value for value in values if (value.dtype, value.lanes) == kind and one not in parts(value)]
        found = [*alike, Constant(now.dtype, now.lanes, 1), integer(5), f32(0.25, 8)]
    if field == "mask":
        found += [None, Constant("bool", 8, False), Constant("bool", 1, False)]
    if type_ == "Variable":
        found = [new for new in found if isinstance(new, Variable)]
    return [new for new in found if new != now and not _alike(new, now)]


def _alike(first, second):
    """Whether two values are the same leaf."""
    leaf = isinstance(first, (Constant, Size, Steps)) and type(first) is type(second)
    return leaf and dataclasses.astuple(first) == dataclasses.astuple(second)


@pytest.mark.parametrize("make", [mean, everything])
def test_every_change_of_a_kernel_changes_its_text_or_is_refused(make):
    kernel = check(make())
    canonical = text(kernel, canonical=True)
    copy = rebuilt(kernel, None, "", None, {})
    assert text(check(copy), canonical=True) == canonical
    legal = 0
    for part in parts(kernel):
        for field in dataclasses.fields(part):
            for new in alternatives(part, field.name, field.type, kernel):
                try:
                    other = check(rebuilt(kernel, part, field.name, new, {}))
                except GraphError:
                    continue
                legal += 1
                assert text(other, canonical=True) != canonical, (part, field.name, new)
    assert legal > 50


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────


def test_sharing_and_depth_cost_no_more_than_their_values():
    doubled = chain = Load("f32", 1, x, i)
    for _ in range(100):
        doubled = apply("add", doubled, doubled)  # 2^100 paths
    for _ in range(5000):
        chain = apply("exp", chain)
    kernel = check(within(Store(out, i, doubled), Store(out, i, chain), buffers=(x, out)))
    assert text(kernel).count("\n") > 100
    assert text(kernel).count("exp(") == 5000


# ── legality ─────────────────────────────────────────────────────────────────────────────────────


def test_every_elementwise_operation_has_a_dtype_and_truth_is_known_by_name():
    found = set()
    for name, primitive in registry.items():
        for dtypes in [(d,) * n for n in (1, 2) for d in ("f32", "i64", "bool")] + [("bool", "f32", "f32")]:
            types = [ArrayType((2,), dtypes_by_short_name[dtype]) for dtype in dtypes]
            try:
                gives, access = primitive.shape(*types), access_of(primitive, types, {})
            except (TypeError, ValueError, IndexError, RuntimeError):  # not for these dtypes, or it has settings
                continue
            if access is not None and is_elementwise(access) and getattr(access.value, "function", None) == name:
                found.add(name)
                dtype = result_dtype(name, dtypes)
                assert dtypes_by_short_name[dtype] == gives.dtype
                if not name.startswith("logical"):
                    assert (name in truths) == (dtype == "bool" != dtypes[-1] or name in ("equal", "not_equal")), name
    assert {"add", "where", "exp", "less", "bitwise_and", "isnan"} < found
    assert truths < found
    assert found | {name for name, _ in own_functions} == functions.keys()  # each can be compiled


tile, number = Buffer("tile", "f32", 64), Buffer("n", "f32")
total = Variable("f32", 4, "total")
load = Load("f32", 1, x, i)
vector = Load("f32", 4, x, i)
mask = Constant("bool", 4, True)
run_over = For(j, integer(0), size("n"), 1)


def looped(*body, carried=(), step=1, start=None, variable=j):
    return For(variable, start or integer(0), size("n"), step, body, carried)


def sums(start=None, next=None, variable=total):
    return looped(carried=(Carry(variable, start or f32(0.0, 4), next or apply("add", variable, vector)),))


refused = {
    # names
    "2 buffers or sizes are called 'n'": within(buffers=(number,), sizes=("n",)),
    "2 buffers or sizes are called 'm'": within(sizes=("m", "m")),
    "2 buffers or sizes are called 'x'": Kernel("", (x, x), (), ()),
    "the buffer x is not declared": within(Store(out, i, load), buffers=(out,)),
    "the buffer out is not declared": within(Store(out, i, load), buffers=(x,)),
    "the size p is not declared": within(Store(out, size("p"), load), buffers=(x, out)),
    "the variable i is declared twice": within(looped(variable=i)),
    "the variable k is declared twice": within(looped(variable=k, carried=(Carry(k, integer(0), k),))),
    "the variable j is declared twice": within(looped(), looped()),
    "the loop for j stands twice": within(run_over, run_over),
    # where values are known
    "the variable j is used outside its loop": within(looped(), Store(out, j, f32(0.0)), buffers=(out,)),
    "the variable total is used outside its loop": within(
        sums(), Store(out, i, total), buffers=(out, x)
    ),
    "what for j carries is used before its end": within(
        Store(out, i, After("f32", 4, sums(), 0)), buffers=(out, x)
    ),
    "for j carries no value number 1": within(
        loop := sums(), Store(out, i, After("f32", 4, loop, 1)), buffers=(out, x)
    ),
    "carried total: f32×4 ends as f32": within(
        loop := sums(), Store(out, i, After("f32", 1, loop, 0)), buffers=(out, x)
    ),
    "or too far out": within(
        If(Constant("bool", 1, True), (loop := sums(),)), Store(out, i, After("f32", 4, loop, 0)), buffers=(out, x)
    ),
    # loops and ifs
    "for j has the step 0": within(looped(step=0)),
    "for j has the step -1": within(looped(step=-1)),
    "the start of for j must be i64, it is f32": within(looped(start=f32(0.0))),
    "the start of for j must be i64, it is i64×4": within(looped(start=Steps("i64", 4))),
    "the stop of for j must be i64, it is i32": within(For(j, integer(0), Constant("i32", 1, 3), 1)),
    "the index of for j must be i64, it is i32": within(looped(variable=Variable("i32", 1, "j"))),
    "the carried total: f32×4 starts from f32": within(sums(start=f32(0.0)), buffers=(x,)),
    "the carried total: f32×4 goes on with f64×4": within(sums(next=Cast("f64", 4, vector)), buffers=(x,)),
    "the condition of an if must be bool, it is i64": within(If(i, ())),
    "the condition of an if must be bool, it is bool×4": within(If(mask, ())),
    "the condition of a report must be bool×4, it is f32×4": within(Report(vector, size("n")), buffers=(x,)),
    "the code of a report must be i64, it is f32": within(Report(mask, f32(0.0))),
    "begin of the kernel must be i64, it is i32": Kernel("", (), (), (), 0, Variable("i32", 1, "begin")),
    # memory
    "f64 is stored to out: f32": within(Store(out, i, Cast("f64", 1, load)), buffers=(x, out)),
    "f64 is loaded from x: f32": within(Store(out, i, Load("f64", 1, x, i)), buffers=(x, out)),
    "x with 4 lanes is used at i64×8": within(Store(out, i, Load("f32", 4, x, Steps("i64", 8))), buffers=(x, out)),
    "x with 1 lanes is used at f32": within(Store(out, i, Load("f32", 1, x, load)), buffers=(x, out)),
    "out with 4 lanes is used at i32": within(Store(out, Constant("i32", 1, 0), vector), buffers=(x, out)),
    "out with 1 lanes is used at i64×4": within(Store(out, Steps("i64", 4), load), buffers=(x, out)),
    "the mask of x must be bool×8, it is bool×4": within(
        Store(out, i, Load("f32", 8, x, i, mask)), buffers=(x, out)
    ),
    "the mask of out must be bool, it is bool×4": within(Store(out, i, load, mask), buffers=(x, out)),
    "the mask of out must be bool×4, it is f32×4": within(Store(out, i, vector, vector), buffers=(x, out)),
    "tile stands at 64 of 64 bytes": within(Store(tile, i, f32(0.0)), scratch=64),
    "tile stands at 2, between": within(Store(Buffer("tile", "f32", 2), i, f32(0.0)), scratch=64),
    "-1 bytes of scratch memory": within(scratch=-1),
    "out: 'float' is no dtype": within(buffers=(Buffer("out", "float"),)),
    # values
    "'c64' is no dtype": within(Store(out, i, Cast("f32", 1, Constant("c64", 1, 0.0))), buffers=(out,)),
    "0 lanes": within(Store(out, i, f32(0.0, 0)), buffers=(out,)),
    "70000.0 is no number of f16": within(Store(out, i, Cast("f32", 1, Constant("f16", 1, 7e4))), buffers=(out,)),
    "256 is no number of u8": within(Store(out, i, Cast("f32", 1, Constant("u8", 1, 256))), buffers=(out,)),
    "0.5 is no number of i64": within(Store(out, integer(0.5), load), buffers=(out, x)),
    "2 is no number of bool": within(If(Constant("bool", 1, 2), ())),
    "the size n must be i64, it is i32": within(Store(out, Size("i32", 1, "n"), load), buffers=(out, x)),
    "steps are i64, not i32": within(Store(out, Steps("i32", 4), vector), buffers=(out, x)),
    "steps in one lane": within(Store(out, Steps("i64", 1), load), buffers=(out, x)),
    "a cast makes f32×4 of f32": within(Store(out, i, Cast("f32", 4, load)), buffers=(out, x)),
    "a splat makes f32×4 of f32×4": within(Store(out, i, Splat("f32", 4, vector)), buffers=(out, x)),
    "a splat makes f32 of f32": within(Store(out, i, Splat("f32", 1, load)), buffers=(out, x)),
    "a splat makes f64×4 of f32": within(Report(Splat("f64", 4, load), size("n")), buffers=(x,)),
    "mean is no way to fold lanes": within(Store(out, i, Fold("f32", 1, "mean", vector)), buffers=(out, x)),
    "the any of f32×4 is not f32": within(Store(out, i, Fold("f32", 1, "any", vector)), buffers=(out, x)),
    "the sum of bool×4 is not bool": within(If(Fold("bool", 1, "sum", mask), ())),
    "the sum of f32×4 is not f32×4": within(Store(out, i, Fold("f32", 4, "sum", vector)), buffers=(out, x)),
    "the max of f32×4 is not f64": within(Report(Fold("f64", 1, "max", vector), size("n")), buffers=(x,)),
    "6 lanes cannot be halved": within(Store(out, i, Fold("f32", 1, "max", f32(0.0, 6))), buffers=(out,)),
    "f32×4 is picked of f32×4 and f32": within(
        Store(out, i, Pick("f32", 4, vector, load, (0, 1, 2, 3))), buffers=(out, x)
    ),
    "f32×4 are picked as (0, 1, 2, 8)": within(
        Store(out, i, Pick("f32", 4, vector, vector, (0, 1, 2, 8))), buffers=(out, x)
    ),
    # functions
    "softmax(f32): there is no such operation": within(Store(out, i, apply("softmax", load)), buffers=(out, x)),
    "matmul(f32, f32): ": within(Store(out, i, apply("matmul", load, load)), buffers=(out, x)),
    "sum(f32): ": within(Store(out, i, apply("sum", load)), buffers=(out, x)),
    "input(f32): ": within(Store(out, i, apply("input", load)), buffers=(out, x)),
    "stop_gradient(f32): this is no": within(Store(out, i, apply("stop_gradient", load)), buffers=(out, x)),
    "add(f32×4, f32) is to have 1 lanes": within(Store(out, i, apply("add", vector, load)), buffers=(out, x)),
    "add(f32, i64): ": within(Store(out, i, Apply("f32", 1, "add", (load, i))), buffers=(out, x)),
    "add(f32): ": within(Store(out, i, apply("add", load)), buffers=(out, x)),
    "exp(i64): ": within(Store(out, apply("exp", i), load), buffers=(out, x)),
    "less(i64, i64) is bool, not i64": within(Store(out, apply("less", i, i), load), buffers=(out, x)),
    "where(i64, f32, f32): ": within(Store(out, i, apply("where", i, load, load)), buffers=(out, x)),
    "fma(i64, i64, i64): fma takes (f16, f16, f16), (bf16, bf16, bf16), (": within(looped(start=apply("fma", i, i, i))),
    "fma(f32, f32): fma takes (f16,": within(
        Store(out, i, apply("fma", load, load)), buffers=(out, x)
    ),
}  # fmt: skip


@pytest.mark.parametrize(("complaint", "kernel"), refused.items(), ids=refused)
def test_what_is_not_legal_is_refused(complaint, kernel):
    with pytest.raises(GraphError) as caught:
        check(kernel)
    assert complaint in str(caught.value)
    assert f"at:  kernel {kernel.name}" in str(caught.value)


def test_a_complaint_names_the_place():
    kernel = within(looped(If(Constant("bool", 1, True), (Store(out, k, f32(0.0)),))), buffers=(out,))
    with pytest.raises(GraphError) as caught:
        check(kernel)
    assert (
        str(caught.value)
        == """\
the variable k is used outside its loop
  at:  kernel test › for i › for j › if"""
    )


def test_legal_kernels_come_back():
    loop = sums()
    uses = [Store(out, i, After("f32", 4, loop, 0), mask), If(Constant("bool", 1, False), (Store(tile, i, vector),))]
    gathers = [Store(out, Steps("i64", 4), apply("where", mask, vector, vector)), Report(mask, size("n"))]
    for kernel in (
        mean(),
        everything(),
        within(loop, *uses, *gathers, buffers=(x, out), scratch=128),
        within(looped(looped(variable=index("j"))), looped(variable=index("end"))),  # names are for people
        Kernel("", (), (), ()),
    ):
        assert check(kernel) is kernel


def test_every_kind_of_value_and_statement_is_tried():
    tried = {type(part) for part in parts(everything())}
    kinds = {kind for kind in vars(loops).values() if dataclasses.is_dataclass(kind)} - {Value}
    assert tried == kinds
