"""The nested forms of random programs: for each, a function that writes it into the source at one place."""

from __future__ import annotations

from contextlib import contextmanager
from math import prod


@contextmanager
def function(writer, parameters):
    """The lines inside are the body of a function of this name."""
    name = writer.name("f")
    writer.line(f"def {name}({', '.join(parameters)}):")
    writer.indent += 1
    yield name
    writer.indent -= 1


def threshold(writer):
    return writer.pick([0.1234, -0.4321, 0.7531])


def operands(writer, scope, most=2):
    """Names and shapes of one array or several; it may be the same one twice."""
    return [writer.operand(scope) for _ in range(writer.count(1, most))]


def limited(writer, scope, size=24):
    """An expression of any shape that is not too large, and the shape."""
    name, shape = writer.operand(scope)
    if prod(shape) > size or len(shape) > 3:
        return f"mp.mean({name})", ()
    return (f"{name}.copy()" if name in scope.mutable or "." in name or name == "k" else name), shape


def module(writer, scope):
    """Sometimes the module is an argument, too; inside it is another object, of the same name."""
    return ["net"] * ("k" in scope.outside and writer.chance())


class Tree:
    """One array, a tuple, a dict, or a tuple with the module in it: how arrays are handed to a function and back."""

    def __init__(self, writer, scope, shapes, *, objects=True):
        kinds = ["one"] if len(shapes) == 1 else []
        self.kind = writer.pick([*kinds, "tuple", "dict", *["net"] * (objects and "k" in scope.outside)])
        self.shapes = shapes
        self.writer = writer

    def packed(self, parts):
        if self.kind == "one":
            return parts[0]
        if self.kind == "dict":
            return "{" + ", ".join(f"'{'pqrs'[n]}': {part}" for n, part in enumerate(parts)) + "}"
        return "(" + ", ".join([*["net"] * (self.kind == "net"), *parts]) + ("," if len(parts) == 1 else "") + ")"

    def unpack(self, tree, scope, *, result=False):
        """Give the arrays in it names of their own; what a loop returns holds the module, which has a name already."""
        names = [self.writer.name() for _ in self.shapes]
        for n, (name, shape) in enumerate(zip(names, self.shapes, strict=True)):
            first = self.kind == "net"
            part = {"one": tree, "dict": f"{tree}['{'pqrs'[n]}']"}.get(self.kind, f"{tree}[{n + first}]")
            self.writer.line(f"{name} = {part}")
            scope.arrays[name] = shape
        if self.kind == "net" and not result:
            self.writer.line(f"net = {tree}[0]")


def scan(writer, scope):
    carried = operands(writer, scope)
    tree = Tree(writer, scope, [shape for _, shape in carried])
    rows = [(name, shape) for name, shape in writer.readable(scope).items() if shape and shape[0] <= 4]
    sequences = [writer.pick(rows)] if rows and writer.chance() else []
    length = sequences[0][1][0] if sequences else writer.count(0, 3)
    alike = [(name, shape) for name, shape in rows if shape[0] == length]
    sequences += [writer.pick(alike)] if sequences and writer.chance() else []
    xs = [writer.name("x") for _ in sequences]
    with function(writer, ["carry", "rows"]) as f:
        inner = scope.inner()
        tree.unpack("carry", inner)
        for n, (x, (_, shape)) in enumerate(zip(xs, sequences, strict=True)):
            writer.line(f"{x} = rows[{n}]")
            inner.arrays[x] = shape[1:]
        writer.block(inner)
        gathered, shape = limited(writer, inner, 8) if writer.chance() else ("None", None)
        after = [writer.fitted(inner, own) for own in tree.shapes]
        writer.line(f"return {tree.packed(after)}, {gathered}")
    last, ys = writer.name("c"), writer.name()
    options = "" if sequences else f", length={length}"
    options += ", reverse=True" if writer.chance() else ""
    start = tree.packed([name for name, _ in carried])
    writer.line(f"{last}, {ys} = mp.scan({f}, {start}, [{', '.join(name for name, _ in sequences)}]{options})")
    if shape is not None and length:
        scope.arrays[ys] = (length, *shape)
    tree.unpack(last, scope, result=True)


def fori_loop(writer, scope):
    carried = operands(writer, scope)
    tree = Tree(writer, scope, [shape for _, shape in carried])
    with function(writer, ["i", "carry"]) as f:
        number = writer.name("n")
        writer.line(f"{number} = i")
        inner = scope.inner(integers=(*scope.integers, number))
        tree.unpack("carry", inner)
        writer.block(inner)
        writer.line(f"return {tree.packed([writer.fitted(inner, own) for own in tree.shapes])}")
    steps = writer.count(0, 3)
    limits = writer.pick([f"0, {steps}, ", f"mp.asarray(0), mp.asarray({steps}), "])
    bound = f", bound={writer.count(steps, 3)}" if "asarray" in limits else ""
    last = writer.name("c")
    writer.line(f"{last} = mp.fori_loop({limits}{f}, {tree.packed([name for name, _ in carried])}{bound})")
    tree.unpack(last, scope, result=True)


def while_loop(writer, scope):
    carried = operands(writer, scope)
    tree = Tree(writer, scope, [shape for _, shape in carried])
    with function(writer, ["carry"]) as test:
        inner = scope.inner(depth=0, writes=False, draws=False)
        tree.unpack("carry", inner)
        writer.line(f"return mp.mean(mp.sin(3.0 * {writer.operand(inner)[0]})) > {threshold(writer)}")
    with function(writer, ["carry"]) as f:
        inner = scope.inner(draws=scope.draws and not scope.rows)
        tree.unpack("carry", inner)
        writer.block(inner)
        writer.line(f"return {tree.packed([writer.fitted(inner, own) for own in tree.shapes])}")
    last = writer.name("c")
    bound = writer.count(0, 4)
    writer.line(f"{last} = mp.while_loop({test}, {f}, {tree.packed([name for name, _ in carried])}, bound={bound})")
    tree.unpack(last, scope, result=True)


def branches(writer, scope, count):
    """Functions that take and give the same; returned with the text of the operands, and a tree for the result."""
    given = operands(writer, scope)
    own = [writer.pick(writer.readable(scope).values()) for _ in range(writer.count(1, 2))]
    tree = Tree(writer, scope, own, objects=False)
    with_net = module(writer, scope)
    found = []
    for _ in range(count):
        names = [writer.name("a") for _ in given]
        with function(writer, [*with_net, *names]) as f:
            inner = scope.inner(draws=scope.draws and not scope.rows)
            inner.arrays.update({name: shape for name, (_, shape) in zip(names, given, strict=True)})
            writer.block(inner)
            writer.line(f"return {tree.packed([writer.fitted(inner, shape) for shape in own])}")
        found.append(f)
    return found, ", ".join([*with_net, *(name for name, _ in given)]), tree


def cond(writer, scope):
    predicate = f"mp.mean(mp.sin(3.0 * {writer.operand(scope)[0]})) > {threshold(writer)}"
    (first, second), given, tree = branches(writer, scope, 2)
    result = writer.name("c")
    writer.line(f"{result} = mp.cond({predicate}, {first}, {second}, {given})")
    tree.unpack(result, scope)


def switch(writer, scope):
    index = f"mp.astype(mp.floor(3.0 * mp.mean({writer.operand(scope)[0]})), 'int64')"
    if scope.integers and writer.chance():
        index = writer.pick(scope.integers)
    found, given, tree = branches(writer, scope, writer.count(1, 3))
    result = writer.name("c")
    writer.line(f"{result} = mp.switch({index}, [{', '.join(found)}], {given})")
    tree.unpack(result, scope)


def row_map(writer, scope):
    rows = [(name, shape) for name, shape in writer.readable(scope).items() if shape and shape[0] <= 4]
    if not rows:
        writer.compute(scope)
        return
    sequence, shape = writer.pick(rows)
    x = writer.name("x")
    with function(writer, [x]) as f:
        inner = scope.inner()
        inner.arrays[x] = shape[1:]
        writer.block(inner)
        gathered, own = limited(writer, inner, 8)
        writer.line(f"return {gathered}")
    writer.assign(scope, f"mp.map({f}, {sequence})", (shape[0], *own))


def checkpoint(writer, scope):
    given = operands(writer, scope)
    names = [writer.name("a") for _ in given]
    with_net = module(writer, scope)
    with function(writer, [*with_net, *names]) as f:
        inner = scope.inner()
        inner.arrays.update({name: shape for name, (_, shape) in zip(names, given, strict=True)})
        writer.block(inner)
        result, shape = limited(writer, inner)
        writer.line(f"return {result}")
    call = ", ".join([*with_net, *(name for name, _ in given)])
    writer.assign(scope, f"mp.checkpoint({f})({call})", shape)


def custom_gradient(writer, scope):
    """Its pullback is the true one, so that the plain meaning needs none. It reads its arguments alone."""
    given = operands(writer, scope)
    names = [writer.name("a") for _ in given]
    with_net = module(writer, scope)
    with function(writer, [*names, *with_net]) as f:
        own = {name: shape for name, (_, shape) in zip(names, given, strict=True)}
        outside = {"net.w": (3,), "net.m": (2, 3)} if with_net else {}
        # What a loop inside changes enters it, too: then it would be read, and have no gradient.
        flat = scope.writes and scope.depth == 1
        inner = scope.inner(arrays=own, integers=(), mutable=(), outside=outside, writes=flat)
        writer.block(inner)
        result, shape = limited(writer, inner)
        writer.line(f"return {result} + 0.3 * mp.sum({names[0]})")
    call = ", ".join([*(name for name, _ in given), *with_net])
    writer.assign(scope, f"mp.custom_gradient(lambda *a: mp.vjp({f}, *a))({call})", shape)


def vmap(writer, scope):
    rows = [(name, shape) for name, shape in writer.readable(scope).items() if shape]
    if not rows:
        writer.compute(scope)
        return
    first, shape = writer.pick(rows)
    axis = writer.count(-len(shape), len(shape) - 1)
    size = shape[axis]
    given, axes, shapes = [first], [axis], [without(shape, axis)]
    for _ in range(writer.count(0, 1)):
        name, own = writer.operand(scope)
        fits = [None, *(n for n, length in enumerate(own) if length == size)]
        given.append(name)
        axes.append(writer.pick(fits))
        shapes.append(own if axes[-1] is None else without(own, axes[-1]))
    names = [writer.name("a") for _ in given]
    with function(writer, names) as f:
        inner = scope.inner(writes=False, rows=True, mutable=())
        inner.arrays.update(dict(zip(names, shapes, strict=True)))
        writer.block(inner)
        result, own = limited(writer, inner, 8)
        writer.line(f"return {result}")
    out = writer.count(0, len(own))
    options = f"in_axes=({', '.join(map(str, axes))},), out_axes={out}"
    writer.assign(scope, f"mp.vmap({f}, {options})({', '.join(given)})", (*own[:out], size, *own[out:]))


def without(shape, axis):
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def grad(writer, scope):
    given = operands(writer, scope)
    names = [writer.name("a") for _ in given]
    with_net = module(writer, scope)
    with function(writer, [*names, *with_net]) as f:
        inner = scope.inner()
        inner.arrays.update({name: shape for name, (_, shape) in zip(names, given, strict=True)})
        writer.block(inner)
        held = [f"0.1 * mp.sum({name})" for name in [*names, *("net.w" for _ in with_net)]]
        aux = [f"mp.sin({writer.operand(inner)[0]})"] if writer.chance() else []
        writer.line(f"return {', '.join([f'{writer.fitted(inner, ())} + ' + ' + '.join(held), *aux])}")
    call = ", ".join([*(name for name, _ in given), *with_net])
    numbers = range(len(given) + len(with_net))
    wrt = writer.pick([numbers[:1], numbers, numbers[-1:]])
    result = writer.name("g")
    value = writer.name()
    if aux:
        writer.line(f"{result}, {value} = mp.grad({f}, {tuple(wrt)}, has_aux=True)({call})")
    else:
        writer.line(f"{value}, {result} = mp.value_and_grad({f}, {tuple(wrt)})({call})")
        scope.arrays[value] = ()
    for place, number in enumerate(wrt):
        if number < len(given):
            writer.assign(scope, f"{result}[{place}]", given[number][1])
            continue
        writer.assign(scope, f"{result}[{place}]['w']", (3,))
        if scope.writes and writer.chance():
            writer.traits.add("writes")
            writer.change_parameter("net.m", f"net.m - 0.1 * {result}[{place}]['m']")


def jvp(writer, scope):
    given = operands(writer, scope)
    names = [writer.name("a") for _ in given]
    with function(writer, names) as f:
        inner = scope.inner()
        inner.arrays.update({name: shape for name, (_, shape) in zip(names, given, strict=True)})
        writer.block(inner)
        result, shape = limited(writer, inner)
        writer.line(f"return {result} + 0.3 * mp.sum({names[0]})")
    tangents = [writer.fitted(scope, own) for _, own in given]
    if len(given) == 2 and writer.chance():
        tangents[1] = "None"
    value, tangent = writer.name(), writer.name()
    primals = ", ".join(name for name, _ in given)
    writer.line(f"{value}, {tangent} = mp.jvp({f}, ({primals},), ({', '.join(tangents)},))")
    scope.arrays[value] = scope.arrays[tangent] = shape


def jacobian(writer, scope):
    name, own = writer.operand(scope)
    argument = writer.name("a")
    with function(writer, [argument]) as f:
        inner = scope.inner()
        inner.arrays[argument] = own
        writer.block(inner)
        result, shape = limited(writer, inner, 24 // max(prod(own), 4))
        writer.line(f"return {result} + 0.3 * mp.sum({argument})")
    mode = writer.pick(["", ", mode='forward'", ", mode='reverse'"])
    writer.assign(scope, f"0.4 * mp.jacobian({f}{mode})({name})", (*shape, *own))


def hvp(writer, scope):
    name, own = writer.operand(scope)
    argument = writer.name("a")
    with function(writer, [argument]) as f:
        inner = scope.inner()
        inner.arrays[argument] = own
        writer.block(inner)
        writer.line(f"return {writer.fitted(inner, ())} + 0.3 * mp.sum({argument})")
    writer.assign(scope, f"mp.hvp({f}, ({name},), ({writer.fitted(scope, own)},))", own)


forms = {
    "scan": scan, "cond": cond, "map": row_map, "checkpoint": checkpoint, "grad": grad, "vmap": vmap, "jvp": jvp,
    "fori_loop": fori_loop, "while_loop": while_loop, "switch": switch, "custom_gradient": custom_gradient,
    "jacobian": jacobian, "hvp": hvp,
}  # fmt: skip
