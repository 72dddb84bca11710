"""What NumPy has no function for, in NumPy: these functions are printed into the code that `derive` gives, as they are.

So they are written the way a person writes them, short and without types; they take no account of dtypes and of what
is not finite. Which calls need which is read off the names.
"""

# They are printed as they stand, where types and checks would only be in the way of a reader.
# ruff: noqa: ANN001, ANN201, B905, D103, PLR0917
# pyright: basic

from __future__ import annotations

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z, axis):
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def pad_between(x, low, high, between):
    lengths = [max(n + (n - 1) * b, 0) for n, b in zip(x.shape, between)]
    out = np.zeros([a + n + b for a, n, b in zip(low, lengths, high)])
    out[tuple(slice(a, a + n, b + 1) for a, n, b in zip(low, lengths, between))] = x
    return out


def windows(x, axes, sizes, strides, dilation):
    out = x
    for axis, size, stride, step in zip(axes, sizes, strides, dilation):
        out = np.lib.stride_tricks.sliding_window_view(out, (size - 1) * step + 1, axis=axis)[..., ::step]
        out = np.moveaxis(np.moveaxis(out, axis, 0)[::stride], 0, axis)
    return np.moveaxis(out, range(x.ndim, out.ndim), range(len(axes)))


def add_windows(g, axes, lengths, sizes, strides, dilation):
    shape = list(g.shape[len(axes) :])
    for axis, length in zip(axes, lengths):
        shape[axis] = length
    out = np.zeros(shape)
    for offset in np.ndindex(*sizes):
        key = [slice(None)] * out.ndim
        for axis, k, stride, step in zip(axes, offset, strides, dilation):
            key[axis] = slice(k * step, k * step + (g.shape[len(axes) + axis] - 1) * stride + 1, stride)
        out[tuple(key)] += g[offset]
    return out


def conv(x, w, strides, dilation):
    places = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[1:], w.shape, strides, dilation)]
    out = np.zeros((x.shape[0], *places, *x.shape[len(places) + 1 : -1], w.shape[-1]))
    for offset in np.ndindex(*w.shape[: len(places)]):
        out += (x[under(offset, places, strides, dilation)][..., None, :] @ w[offset])[..., 0, :]
    return out


def conv_kernel(x, g, sizes, strides, dilation):
    places, lead = g.shape[1 : len(sizes) + 1], tuple(range(len(sizes) + 1))
    out = np.zeros((*sizes, *x.shape[len(lead) :], g.shape[-1]))
    for offset in np.ndindex(*sizes):
        part = x[under(offset, places, strides, dilation)]
        out[offset] = np.sum(part[..., :, None] * g[..., None, :], axis=lead)
    return out


def conv_input(g, w, lengths, strides, dilation):
    places = g.shape[1 : len(lengths) + 1]
    out = np.zeros((g.shape[0], *lengths, *w.shape[len(lengths) : -1]))
    for offset in np.ndindex(*w.shape[: len(lengths)]):
        key = under(offset, places, strides, dilation)
        out[key] += (g[..., None, :] @ np.swapaxes(w[offset], -1, -2))[..., 0, :]
    return out


def under(offset, places, strides, dilation):
    starts = [k * d for k, d in zip(offset, dilation)]
    return (slice(None), *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, places, strides)))


def recurrence(a, b, axis):
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    out, last = np.zeros(b.shape), 0.0
    for n in range(len(b)):
        last = out[n] = a[n] * last + b[n]
    return np.moveaxis(out, 0, axis)


def take(x, positions, axis, batch):
    count = positions.ndim - batch
    beside = np.indices(positions.shape, sparse=True)[:batch]
    found = np.moveaxis(x, axis, batch)[(*beside, positions)]
    return np.moveaxis(found, range(batch, batch + count), range(axis, axis + count))


def add_at(g, positions, axis, length, batch=0):
    count = positions.ndim - batch
    rows = np.moveaxis(g, range(axis, axis + count), range(batch, batch + count))
    out = np.zeros((*g.shape[:batch], length, *rows.shape[batch + count :]))
    np.add.at(out, (*np.indices(positions.shape, sparse=True)[:batch], positions), rows)
    return np.moveaxis(out, batch, axis)


def add_along_axis(g, positions, axis, length):
    out = np.zeros((*g.shape[:axis], length, *g.shape[axis + 1 :]))
    grid = list(np.indices(g.shape, sparse=True))
    grid[axis] = positions
    np.add.at(out, tuple(grid), g)
    return out


def put(x, positions, rows, batch=0):
    out = np.array(x)
    lead = np.indices(positions.shape[:-1], sparse=True)
    for at, row in zip(np.moveaxis(positions, -1, 0), np.moveaxis(rows, batch, 0)):
        inside = (-x.shape[batch] <= at) & (at < x.shape[batch])
        out[(*(np.broadcast_to(one, inside.shape)[inside] for one in lead), at[inside])] = row[inside]
    return out


def top(x, k):
    order = x.shape[-1] - 1 - np.flip(np.argsort(np.flip(x, -1), axis=-1, kind="stable"), -1)
    return order[..., :k]


def cofactor(a):
    return np.linalg.det(a)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)


def scan(step, constants, carries, rows, length, *, reverse=False):
    gathered = [()] * length
    for t in reversed(range(length)) if reverse else range(length):
        outputs = step(*constants, *carries, *[row[t] for row in rows])
        carries, gathered[t] = outputs[: len(carries)], outputs[len(carries) :]
    return (*carries, *map(np.stack, zip(*gathered)))


def while_loop(goes_on, step, constants, carries, bound):
    count = 0
    while goes_on(*constants, *carries)[0] and (bound is None or count < bound):
        carries, count = step(*constants, *carries), count + 1
    return carries


def switch(index, branches, operands):
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
