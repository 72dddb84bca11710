"""A GRU with a matrix per gate, rows are samples, the squared error of a read-out at every step."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_forward(X, Y, Wz, Uz, Wr, Ur, Wh, Uh, V):
    T, N, _ = X.shape
    h = np.zeros((N, Uz.shape[0]))
    caches, loss = [], 0.0
    for t in range(T):
        z = sigmoid(X[t] @ Wz + h @ Uz)
        r = sigmoid(X[t] @ Wr + h @ Ur)
        hh = np.tanh(X[t] @ Wh + (r * h) @ Uh)
        h_next = (1 - z) * h + z * hh
        err = h_next @ V - Y[t]
        loss += np.sum(err**2) / (2 * N)
        caches.append((h, z, r, hh, h_next, err))
        h = h_next
    return loss, caches


def gru_backward(X, Wz, Uz, Wr, Ur, Wh, Uh, V, caches):
    dWz, dUz, dWr, dUr = np.zeros_like(Wz), np.zeros_like(Uz), np.zeros_like(Wr), np.zeros_like(Ur)
    dWh, dUh, dV = np.zeros_like(Wh), np.zeros_like(Uh), np.zeros_like(V)
    N = X.shape[1]
    dh_next = np.zeros((N, Uz.shape[0]))
    for t in reversed(range(len(X))):
        h, z, r, hh, h_next, err = caches[t]
        dout = err / N
        dV += h_next.T @ dout
        dh = dout @ V.T + dh_next
        dz = dh * (hh - h) * z * (1 - z)
        dhh = dh * z * (1 - hh**2)
        drh = dhh @ Uh.T
        dr = drh * h * r * (1 - r)
        dWz += X[t].T @ dz
        dUz += h.T @ dz
        dWr += X[t].T @ dr
        dUr += h.T @ dr
        dWh += X[t].T @ dhh
        dUh += (r * h).T @ dhh
        dh_next = dh * (1 - z) + drh * r + dz @ Uz.T + dr @ Ur.T
    return {"Wz": dWz, "Uz": dUz, "Wr": dWr, "Ur": dUr, "Wh": dWh, "Uh": dUh, "V": dV}


def subject(rng):
    X, Y = rng.normal(size=(4, 5, 3)), rng.normal(size=(4, 5, 2))
    gates = [rng.normal(size=shape) for shape in 3 * ((3, 6), (6, 6))]
    return gru_forward, gru_backward, (X, Y, *gates, rng.normal(size=(6, 2)))


FAULTS = (
    [("dh_next = dh * (1 - z) + drh * r", "dh_next = dh * z + drh * r", "wrong value")],
    [("dUh += (r * h).T @ dhh", "dUh += h.T @ dhh", "wrong value")],
    [
        (
            "dh_next = dh * (1 - z) + drh * r + dz @ Uz.T + dr @ Ur.T",
            "dh_next = dh * (1 - z) + drh * r + dz @ Uz.T",
            "missing path",
        )
    ],
    [
        ("dhh = dh * z * (1 - hh**2)", "dhh = dh * z", "missing derivative"),
        ("dout = err / N", "dout = err", "missing mean"),
    ],
)
