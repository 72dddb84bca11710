"""Functions with programs inside of them: loops, branches, checkpoints, gradients of their own."""

import numpy as np

import maplet as mp
from maplet import nn

rng = np.random.default_rng(3)


def normal(*shape):
    return rng.normal(size=shape)


def recurrent(W, U, V, h0, xs, ys, *, reverse=False):  # noqa: PLR0917  (a net has so many)
    def step(h, x):
        z = h @ W + x @ U
        h = mp.tanh(z)
        return h, h @ V

    last, out = mp.scan(step, h0, xs, reverse=reverse)
    return mp.mean((out - ys) ** 2) + mp.sum(last)


def backwards(W, U, V, h0, xs, ys):  # noqa: PLR0917  (likewise)
    return recurrent(W, U, V, h0, xs, ys, reverse=True)


def until_large(x, w):
    return mp.while_loop(lambda a: a < 20.0, lambda a: a * w + 1.0, x, bound=9)


def chosen(x, w):
    return mp.sum(mp.cond(mp.sum(x) > 0.0, lambda a: mp.sin(a * w), mp.cos, x))


def called(x, w):
    return mp.checkpoint(lambda a: mp.sum(mp.sin(a * w) ** 2))(x)


@mp.custom_gradient
def clipped(x, w):
    y = x * w
    return y, lambda g: (mp.tanh(g) * w, g * x)


def customized(x, w):
    return mp.sum(clipped(x, w) ** 2)


def loop_in_a_loop(w, xs):
    def outer(total, row):
        inner, _ = mp.scan(lambda h, x: (mp.tanh(w * h + x), None), total, row)
        return inner, mp.cond(inner > 0.0, mp.sin, mp.square, inner)

    end, ys = mp.scan(outer, w * 0.1, xs)
    return end + mp.sum(ys)


weights = (normal(2, 2), normal(1, 2), normal(2, 1), normal(2), normal(4, 1), normal(4, 1))
programs = {
    "recurrent": (recurrent, weights),
    "backwards": (backwards, weights),
    "while": (until_large, (np.asarray(2.0), np.asarray(1.5))),
    "cond": (chosen, (np.abs(normal(3)), normal(3))),
    "call": (called, (normal(3), normal(3))),
    "custom": (customized, (normal(3), normal(3))),
    "nested": (loop_in_a_loop, (np.asarray(0.7), normal(3, 2))),
    "lstm": (lambda net, x: mp.mean(net(x)[0] ** 2), (nn.LSTM(2, 3, rng=0), np.float32(normal(2, 4, 2)))),
    "gru": (
        lambda net, x: mp.mean(net(x)[0] ** 2), (nn.GRU(2, 3, bidirectional=True, rng=0), np.float32(normal(2, 4, 2)))
    ),
}  # fmt: skip
