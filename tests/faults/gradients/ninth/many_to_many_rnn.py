"""A tanh recurrence over a batch with a softmax at every step, einsum for the sums over time."""

import numpy as np


def rnn_loss(x, y, h0, Wx, Wh, b, Wy):
    """x: (N, T, D), y: (N, T) of classes; the mean over samples of the sum over steps."""
    N, T, _ = x.shape
    h = np.zeros((N, T + 1, len(b)))
    h[:, -1] = h0
    for t in range(T):
        h[:, t] = np.tanh(x[:, t] @ Wx + h[:, t - 1] @ Wh + b)
    logits = h[:, :T] @ Wy
    logits = logits - logits.max(axis=-1, keepdims=True)
    p = np.exp(logits)
    p /= p.sum(axis=-1, keepdims=True)
    picked = np.take_along_axis(p, y[..., None], axis=-1)
    return -np.log(picked).sum() / N, h, p


def rnn_loss_grad(x, y, Wx, Wh, b, Wy, h, p):
    N, T, _ = x.shape
    dlogits = p - np.eye(p.shape[-1])[y]
    dlogits /= N
    dWy = np.einsum("nth,ntk->hk", h[:, :T], dlogits)
    dh_out = dlogits @ Wy.T
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros((N, len(b)))
    for t in range(T - 1, -1, -1):
        dh = dh_out[:, t] + carry
        da = dh * (1 - h[:, t] ** 2)
        dWx += x[:, t].T @ da
        dWh += h[:, t - 1].T @ da
        db += da.sum(axis=0)
        carry = da @ Wh.T
    return {"h0": carry, "Wx": dWx, "Wh": dWh, "b": db, "Wy": dWy}


def subject(rng):
    x, y, h0 = rng.normal(size=(5, 4, 3)), rng.integers(0, 7, (5, 4)), rng.normal(size=(5, 6))
    return (
        rnn_loss,
        rnn_loss_grad,
        (x, y, h0, rng.normal(size=(3, 6)), 0.5 * rng.normal(size=(6, 6)), rng.normal(size=6), rng.normal(size=(6, 7))),
    )


FAULTS = (
    [("da = dh * (1 - h[:, t] ** 2)", "da = dh * (1 - h[:, t - 1] ** 2)", "wrong value")],
    [("carry = da @ Wh.T", "carry = dh @ Wh.T", "missing derivative")],
    [
        ("dlogits /= N", "dlogits /= N * T", "extra mean"),
        ("carry = da @ Wh.T", "carry = np.clip(da @ Wh.T, -0.05, 0.05)", "clipped"),
    ],
    [
        ("dh = dh_out[:, t] + carry", "dh = dh_out[:, t]", "missing path"),
        ("        dWx += x[:, t].T @ da\n", "        dWx = x[:, t].T @ da\n", "missing path"),
    ],
)
