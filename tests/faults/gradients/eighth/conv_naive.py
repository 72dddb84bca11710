"""A padded and strided convolution with four loops, as first written, and the mean of squares of its result."""

import numpy as np


def conv_forward_naive(x, w, b, target):
    stride, pad = 2, 1
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out, W_out = 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    loss = np.mean((out - target) ** 2)
    return loss, out, x_pad


def conv_backward_naive(x, w, b, target, out, x_pad):
    stride, pad = 2, 1
    _, _, HH, WW = w.shape
    dout = 2 * (out - target) / out.size
    dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros_like(b)
    N, F, H_out, W_out = dout.shape
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    g = dout[n, f, i, j]
                    dw[f] += g * x_pad[n, :, top : top + HH, left : left + WW]
                    dx_pad[n, :, top : top + HH, left : left + WW] += g * w[f]
                    db[f] += g
    dx = dx_pad[:, :, pad:-pad, pad:-pad]
    return dx, dw, db


def subject(rng):
    x, w, b = rng.normal(size=(3, 3, 5, 5)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    return conv_forward_naive, conv_backward_naive, (x, w, b, rng.normal(size=(3, 4, 3, 3))), {"wrt": ("x", "w", "b")}


FAULTS = (
    [("dout = 2 * (out - target) / out.size", "dout = (out - target) / out.size", "factor")],
    [("top, left = i * stride, j * stride", "top, left = i, j", "wrong value")],
    [
        ("dout = 2 * (out - target) / out.size", "dout = 2 * (out - target)", "missing mean"),
        ("+= g * w[f]", "+= -g * w[f]", "sign"),
    ],
)
