"""An LSTM over a whole sequence, with a readout at each step, as in the homework of a course on language."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_forward(x, y, h0, Wx, Wh, b, Wy):
    N, T, _ = x.shape
    H = h0.shape[1]
    h, c = h0, np.zeros_like(h0)
    caches, loss = [], 0.0
    for t in range(T):
        prev_h, prev_c = h, c
        a = x[:, t, :].dot(Wx) + prev_h.dot(Wh) + b
        i, f = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H])
        o, g = sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
        c = f * prev_c + i * g
        tanh_c = np.tanh(c)
        h = o * tanh_c
        err = h.dot(Wy) - y[:, t, :]
        loss += np.sum(err**2) / (2 * N * T)
        caches.append((prev_h, prev_c, i, f, o, g, tanh_c, h, err))
    return loss, caches


def lstm_backward(x, Wx, Wh, Wy, caches):
    N, T, _ = x.shape
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    db = np.zeros(Wh.shape[1])
    dh_next = np.zeros((N, Wh.shape[0]))
    dc_next = np.zeros((N, Wh.shape[0]))
    for t in reversed(range(T)):
        prev_h, prev_c, i, f, o, g, tanh_c, h, err = caches[t]
        dscore = err / (N * T)
        dWy += h.T.dot(dscore)
        dh = dscore.dot(Wy.T) + dh_next
        do = dh * tanh_c
        dc = dh * o * (1 - tanh_c**2) + dc_next
        di, dg, df = dc * g, dc * i, dc * prev_c
        da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
        dWx += x[:, t, :].T.dot(da)
        dWh += prev_h.T.dot(da)
        db += np.sum(da, axis=0)
        dh_next = da.dot(Wh.T)
        dc_next = dc * f
    dh0 = dh_next
    return {"Wx": dWx, "Wh": dWh, "b": db, "Wy": dWy, "h0": dh0}


def subject(rng):
    x, y, h0 = rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 3, 4)), rng.normal(size=(5, 3))
    weights = rng.normal(size=(4, 12)), rng.normal(size=(3, 12)), rng.normal(size=12), rng.normal(size=(3, 4))
    return lstm_forward, lstm_backward, (x, y, h0, *weights)


FAULTS = (
    [("dc = dh * o * (1 - tanh_c**2) + dc_next", "dc = dh * o * (1 - tanh_c**2)", "missing path")],
    [("dc = dh * o * (1 - tanh_c**2) + dc_next", "dc = dh * o + dc_next", "missing derivative")],
    [("dg * (1 - g**2)", "dg * g * (1 - g)", "wrong derivative")],
    [
        ("di, dg, df = dc * g, dc * i, dc * prev_c", "di, dg, df = dc * i, dc * g, dc * prev_c", "wrong value"),
        ("dscore = err / (N * T)", "dscore = 2 * err / (N * T)", "factor"),
    ],
    [
        ("dc = dh * o * (1 - tanh_c**2) + dc_next", "dc = dh * o * (1 - tanh_c**2)", "missing path"),
        ("do * o * (1 - o)", "do", "missing derivative"),
    ],
)
