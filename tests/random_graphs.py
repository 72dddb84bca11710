"""Random graphs in which nothing is rounded, so that native code must give what `evaluate` gives, bit for bit."""

from __future__ import annotations

from contextlib import suppress
from math import prod

import numpy as np

import maplet as mp
from maplet.core.trace import bind
from native_laws import graph_for

sides = [0, 1, 1, 2, 2, 3, 4, 5, 7, 8, 13, 16, 17, 37, 64, 129]
most = 6000  # elements of an array


class RandomGraph:
    """A few arrays of small whole numbers, and operations on them whose results are whole numbers, too.

    So the order of sums is of no matter, and native code must give what `evaluate` gives, bit for bit. Choices are
    drawn from a seed; the same seed gives the same graph.
    """

    def __init__(self, seed, dtype="float32", steps=12):
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)
        self.steps = steps
        self.values = [self._whole(self._shape()) for _ in range(self._count(1, 3))]
        self.values += [
            self.rng.integers(-3, 3, size=(self._count(0, 9),)),
            self.rng.integers(0, 2, size=(), dtype=np.uint64),
        ]
        self.graph = graph_for(self._write, self.values)

    # ── choices ──────────────────────────────────────────────────────────────────────────────────

    def _count(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def _pick(self, options):
        return options[self._count(0, len(options) - 1)]

    def _shape(self, dims=None):
        shape = [self._pick(sides) for _ in range(self._count(0, 4) if dims is None else dims)]
        while prod(shape) > most:
            shape[int(np.argmax(shape))] //= 2
        return tuple(shape)

    def _whole(self, shape):
        low = 0 if self.dtype.kind == "u" else -3
        return self.rng.integers(low, 4, size=shape).astype(self.dtype)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def _write(self, inputs):
        *self.pool, self.positions, self.key = inputs
        self._grow(self.steps)
        count = self._count(1, 3)
        return [self.pool[-1], *[self._pick(self.pool) for _ in range(count)]]

    kinds = (
        "slice", "slice", "permute", "permute", "reshape", "reshape", "broadcast", "pad", "concat", "take", "along",
        "elementwise", "elementwise", "elementwise", "elementwise", "compare", "reduce", "reduce", "position",
        "scatter", "scatter_along", "put", "matmul", "conv", "iota", "bits", "assigned", "outer", "same", "nested",
        "nested",
    )  # fmt: skip

    def _grow(self, steps):
        for _ in range(steps):
            x = self._array()
            made = getattr(self, f"_{self._pick(self.kinds)}")(x)
            if made is not None and made.size <= most:
                self.pool.append(made)

    def _array(self):
        """Mostly one of the latest."""
        return self._pick(self.pool[-4:]) if self._count(0, 2) else self._pick(self.pool)

    def _small(self, x):
        """Whole numbers from 0 to 6, so that products of sums stay exact."""
        return mp.remainder(x, mp.asarray(7, dtype=self.dtype))

    def _slice(self, x):
        starts, lengths, steps = [], [], []
        for n in x.shape:
            step = self._pick([1, 1, -1, 2, -2, 3])
            length = self._count(0, -(-n // abs(step))) if self._count(0, 3) else -(-n // abs(step))
            span = (length - 1) * abs(step) + 1 if length else 0
            start = self._count(0, n - span)
            starts.append(start + (span - 1 if step < 0 and length else 0))
            lengths.append(length)
            steps.append(step)
        return bind("slice", x, starts=tuple(starts), lengths=tuple(lengths), steps=tuple(steps))

    def _permute(self, x):
        return mp.permute_dims(x, tuple(map(int, self.rng.permutation(x.ndim))))

    def _reshape(self, x):
        size, shape = x.size, []
        if size == 0:
            return mp.reshape(x, self._pick([(0,), (0, 3), (2, 0), (3, 0, 5)]))
        while size > 1 and len(shape) < 4:
            divisor = self._pick([*[d for d in range(1, size + 1) if size % d == 0][:12], size])
            shape.append(divisor)
            size //= divisor
        return mp.reshape(x, tuple(map(int, self.rng.permutation([*shape, *([size] if size > 1 else [])]))))

    def _broadcast(self, x):
        shape = tuple(self._pick([1, 2, 3, 17]) if n == 1 else n for n in x.shape)
        shape = (*[self._pick([1, 2, 5])] * self._count(0, 1), *shape)
        return mp.broadcast_to(x, shape) if prod(shape) <= most else None

    def _pad(self, x):
        low, high, between = ([self._pick([0, 0, 1, 3]) for _ in x.shape] for _ in range(3))
        return bind("pad", x, low=tuple(low), high=tuple(high), between=tuple(between))

    def _concat(self, x):
        if x.ndim == 0:
            return None
        axis = self._count(0, x.ndim - 1)
        others = [
            y
            for y in self.pool
            if y.ndim == x.ndim
            and all(a == b for n, (a, b) in enumerate(zip(x.shape, y.shape, strict=True)) if n != axis)
        ]
        return mp.concat([x, *[self._pick(others) for _ in range(self._count(1, 2))]], axis=axis)

    def _index(self, x, axis):
        """Positions that lie inside an axis, some negative; looked up or worked out."""
        n = x.shape[axis]
        at = mp.maximum(mp.minimum(self.positions, n - 1), -n)
        if self._count(0, 2) == 0:
            at = mp.remainder(mp.astype(self._small(self._flat()), "int64"), n)
        return mp.astype(at, "int8") if n < 100 and self._count(0, 1) else at

    def _flat(self):
        found = mp.reshape(self._array(), (-1,)) if (y := self._array()).size == 0 else mp.reshape(y, (-1,))
        return found[:9]

    def _take(self, x):
        axes = [n for n, length in enumerate(x.shape) if length]
        if not axes:
            return None
        axis = self._pick(axes)
        return bind("take", x, self._index(x, axis), axis=axis)

    def _along(self, x):
        axes = [n for n, length in enumerate(x.shape) if length]
        if not axes:
            return None
        axis = self._pick(axes)
        return mp.take_along_axis(x, mp.remainder(mp.astype(self._small(x), "int64"), x.shape[axis]), axis=axis)

    def _partner(self, x):
        fits = []
        for y in self.pool:
            with suppress(ValueError):
                fits += [y] if prod(np.broadcast_shapes(x.shape, y.shape)) <= most else []
        return self._pick(fits)

    def _elementwise(self, x):
        y = self._partner(x)
        name = self._pick(
            ["add", "subtract", "multiply", "maximum", "minimum", "where", "negative", "abs", "sign", "square", "add"]
        )
        if name in ("negative", "abs", "sign", "square"):
            return self._small(bind(name, x))
        if name == "where":
            z = self._partner(x)
            return (
                mp.where(x > mp.asarray(2, dtype=self.dtype), y, z)
                if np.broadcast_shapes(x.shape, z.shape) == x.shape == np.broadcast_shapes(x.shape, y.shape)
                else None
            )
        pair = (x, y) if self._count(0, 1) else (y, x)
        made = bind(name, *self._aligned(*pair))
        return made if name in ("maximum", "minimum") else self._small(made)

    def _aligned(self, x, y):
        return x, y

    def _compare(self, x):
        y = self._partner(x)
        truth = bind(self._pick(["equal", "less", "greater_equal", "not_equal"]), x, y)
        if self._count(0, 1):
            truth = bind(self._pick(["logical_and", "logical_or", "logical_xor"]), truth, y > x)
        if self._count(0, 1) and truth.ndim:
            truth = bind(
                self._pick(["any", "all"]),
                truth,
                axes=(self._count(0, truth.ndim - 1),),
                keepdims=bool(self._count(0, 1)),
            )
        return mp.astype(truth, self.dtype)

    def _reduce(self, x):
        name = self._pick(["sum", "sum", "sum", "max", "min"])
        axes = tuple(n for n in range(x.ndim) if self._count(0, 1))
        if name != "sum" and any(x.shape[n] == 0 for n in axes):
            return None
        if name == "sum" and self.dtype == np.float16 and prod(x.shape) > 250:
            return None
        found = bind(name, x, axes=axes, keepdims=bool(self._count(0, 1)))
        return self._small(found) if name == "sum" else found

    def _position(self, x):
        axes = [n for n, length in enumerate(x.shape) if length]
        if not axes:
            return None
        return self._small(mp.astype(bind(self._pick(["argmax", "argmin"]), x, axis=self._pick(axes)), self.dtype))

    def _scatter(self, x):
        if not x.ndim:
            return None
        axis = self._count(0, x.ndim - 1)
        length = self._pick([1, 3, 4, 18])
        at = mp.remainder(mp.astype(self._small(mp.arange(x.shape[axis], dtype=self.dtype)), "int64") * 5, length)
        if x.shape[axis] <= 7 and self._count(0, 1):
            at = at - length
        return self._small(bind("add_at", x, at, axis=axis, length=length)) if x.shape[axis] < 250 else None

    def _scatter_along(self, x):
        if not x.ndim:
            return None
        axis = self._count(0, x.ndim - 1)
        length = self._pick([1, 3, 4, 18])
        at = mp.remainder(mp.astype(self._small(x), "int64"), length)
        return self._small(bind("add_along_axis", x, at, axis=axis, length=length)) if x.shape[axis] < 250 else None

    def _put(self, x):
        if not x.ndim or not x.shape[0] or x.size > 250:
            return None
        at = mp.remainder(mp.astype(self._small(mp.reshape(x, (-1,)))[:6], "int64"), x.shape[0])
        rows = mp.broadcast_to(self._small(x)[:1] + 1, (at.shape[0], *x.shape[1:]))
        return bind("put", x, at, mp.astype(rows, x.dtype))

    def _matmul(self, x):
        if x.ndim < 2:
            return None
        k = x.shape[-1]
        fits = [
            y
            for y in self.pool
            if y.ndim >= 2 and y.shape[-2] == k and (y.ndim == 2 or x.ndim == 2 or y.shape[:-2] == x.shape[:-2])
        ]
        y = self._pick(fits) if fits and self._count(0, 3) else mp.matrix_transpose(x)
        if k > 40 and self.dtype.itemsize <= 2:
            return None
        if prod(x.shape[:-1]) * y.shape[-1] > most * 3:
            return None
        return self._small(bind("matmul", self._small(x), self._small(y)))

    def _conv(self, x):
        """Over the last but one axis of one, two or three."""
        kernel, dilation, stride, outputs = (
            self._pick([1, 2, 3]),
            self._count(1, 2),
            self._count(1, 3),
            self._pick([1, 5]),
        )
        x = (
            mp.reshape(x, (*x.shape[:1], *x.shape[1:2], *[1] * (4 - x.ndim), *x.shape[2:]))
            if 2 <= x.ndim <= 4
            else None
        )
        if x is None or x.shape[1] < (kernel - 1) * dilation + 1:
            return None
        shape = (kernel, *x.shape[2:], outputs)
        if prod(shape) > 100 or x.size * kernel * outputs > 9 * most:
            return None
        w = mp.reshape(self._small(mp.arange(prod(shape), dtype=self.dtype)), shape)
        return self._small(bind("conv", self._small(x), w, strides=(stride,), dilation=(dilation,)))

    def _iota(self, x):
        if not x.ndim:
            return None
        axis = self._count(0, x.ndim - 1)
        return self._small(x + mp.astype(mp.remainder(bind("iota", shape=x.shape, axis=axis), 5), self.dtype))

    def _bits(self, _):
        shape = self._shape(self._count(0, 2))
        bits = bind("random_bits", self.key, self.key, shape=shape)
        return mp.astype(mp.remainder(bits, mp.asarray(5, dtype=np.uint32)), self.dtype)

    def _assigned(self, x):
        if not x.ndim or not x.shape[0]:
            return None
        x = x.copy()
        x[self._count(-x.shape[0], x.shape[0] - 1)] = self._count(0, 3)
        return x

    def _outer(self, x):
        y = self._array()
        if x.ndim != 1 or y.ndim != 1 or x.size * y.size > most:
            return None
        return self._small(x[:, None] * y[None, :])

    def _same(self, x):
        return mp.stop_gradient(x)

    # ── loops and branches ───────────────────────────────────────────────────────────────────────

    depth = 0

    def _nested(self, x):
        if self.depth == 2:
            return None
        return getattr(self, self._pick(["_scan", "_scan", "_while", "_cond", "_call"]))(x)

    def _inside(self, given, shapes, steps):
        """Operations on what a body is given; then an array of each of some shapes, made of the latest ones."""
        before, self.pool, self.depth = self.pool, [*self.pool[-2:], *given], self.depth + 1
        self._grow(steps)
        found = [self._fitted(shape, given) for shape in shapes]
        last = self.pool[-1]
        self.pool, self.depth = before, self.depth - 1
        return found, last

    def _fitted(self, shape, given):
        alike = [y for y in self.pool if y.shape == shape]
        kind = self._count(0, 4)
        if kind == 0 and any(y.shape == shape for y in given):
            return self._pick([y for y in given if y.shape == shape])
        y = self._pick(self.pool[-3:])
        total = self._small(
            bind(
                "sum",
                self._small(y if y.size < 250 or self.dtype.itemsize != 2 else y[..., :0]),
                axes=tuple(range(y.ndim)),
                keepdims=False,
            )
        )
        if kind == 1:
            return mp.broadcast_to(total, shape)
        return self._small(self._pick(alike[-3:]) + total) if kind < 4 else self._pick(alike)

    def _carried(self, x):
        arrays = [x, *[self._pick(self.pool) for _ in range(self._count(0, 2))]]
        if self._count(0, 1):
            arrays.append(arrays[0])  # one array in two places, or of one type
        return arrays

    def _result(self, arrays):
        self.pool += [y for y in arrays[1:] if y.size <= most]
        return arrays[0]

    def _scan(self, x):
        carried = self._carried(x)
        rows = [y for y in self.pool if y.ndim and y.shape[0] <= 20]
        xs = [self._pick(rows)] if rows and self._count(0, 3) else []
        xs += [self._pick(alike)] if xs and (alike := [y for y in rows if y.shape[0] == xs[0].shape[0]]) else []
        gathers, steps = bool(self._count(0, 1)), self._count(0, 4)

        def body(carry, row):
            following, last = self._inside([*carry, *row], [y.shape for y in carry], steps)
            if self._count(0, 2) == 0:
                following = self._turned(following)
            return following, last if gathers and last.size <= most // 20 else None

        length = None if xs else self._pick([0, 1, 2, 5])
        last, ys = mp.scan(body, carried, xs, length=length, reverse=bool(self._count(0, 1)))
        return self._result([*last, *([] if ys is None else [ys])])

    def _turned(self, arrays):
        """The arrays of the first one's type, each in the place of the next."""
        places = [n for n, y in enumerate(arrays) if y.type == arrays[0].type]
        turned = list(arrays)
        for here, there in zip(places, [*places[1:], places[0]], strict=True):
            turned[here] = arrays[there]
        return turned

    def _while(self, x):
        carried, steps, wanted = self._carried(x), self._count(0, 3), self._count(0, 4)

        def body(carry):
            n, *arrays = carry
            return [n + 1, *self._turned(self._inside(arrays, [y.shape for y in arrays], steps)[0])]

        start = mp.asarray(0)
        found = mp.while_loop(lambda carry: carry[0] < wanted, body, [start, *carried], bound=self._count(2, 5))
        return self._result(found[1:])

    def _cond(self, x):
        carried, steps = self._carried(x), self._count(0, 3)
        shapes = [y.shape for y in carried]

        def branch(*given):
            return self._inside(given, shapes, steps)[0]

        which = mp.astype(self._small(self._flat()), "int64")
        at = mp.sum(which) - 2
        return self._result(mp.switch(at, [branch] * self._count(1, 4), *carried))

    def _call(self, x):
        carried, steps = self._carried(x), self._count(0, 3)
        shapes = [y.shape for y in carried]
        return self._result(mp.checkpoint(lambda *given: self._inside(given, shapes, steps)[0])(*carried))
