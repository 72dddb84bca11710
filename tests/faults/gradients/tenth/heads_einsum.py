"""Self-attention with two heads in einsums, an output matrix and a skip connection."""

import numpy as np


def forward(X, T, WQ, WK, WV, WO):
    Q, K, V = (np.einsum("td,hde->hte", X, W) for W in (WQ, WK, WV))
    scale = 1 / np.sqrt(Q.shape[-1])
    S = np.einsum("hqe,hke->hqk", Q, K) * scale
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    A = E / E.sum(axis=-1, keepdims=True)
    O = np.einsum("hqk,hke->hqe", A, V)
    Y = X + np.einsum("hqe,hed->qd", O, WO)
    loss = np.mean((Y - T) ** 2)
    return loss, {
        "X": X,
        "T": T,
        "WQ": WQ,
        "WK": WK,
        "WV": WV,
        "WO": WO,
        "Q": Q,
        "K": K,
        "V": V,
        "A": A,
        "O": O,
        "Y": Y,
    }


def backward(cache):
    X, Q, K, V, A, O = (cache[name] for name in ("X", "Q", "K", "V", "A", "O"))
    Y, T, WQ, WK, WV, WO = (cache[name] for name in ("Y", "T", "WQ", "WK", "WV", "WO"))
    scale = 1 / np.sqrt(Q.shape[-1])
    dY = 2 * (Y - T) / Y.size
    dWO = np.einsum("hqe,qd->hed", O, dY)
    dO = np.einsum("qd,hed->hqe", dY, WO)
    dV = np.einsum("hqk,hqe->hke", A, dO)
    dA = np.einsum("hqe,hke->hqk", dO, V)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    dQ = np.einsum("hqk,hke->hqe", dS, K) * scale
    dK = np.einsum("hqk,hqe->hke", dS, Q) * scale
    grads = {"WO": dWO}
    dX = dY.copy()
    for name, d, W in (("WQ", dQ, WQ), ("WK", dK, WK), ("WV", dV, WV)):
        grads[name] = np.einsum("td,hte->hde", X, d)
        dX += np.einsum("hte,hde->td", d, W)
    grads["X"] = dX
    return grads


def subject(rng):
    weights = [rng.normal(size=(2, 4, 3)) for _ in range(3)]
    return forward, backward, (rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), *weights, rng.normal(size=(2, 3, 4)))


FAULTS = (
    [("dX = dY.copy()", "dX = np.zeros_like(dY)", "missing path")],
    [('np.einsum("hqk,hqe->hke", A, dO)', 'np.einsum("hqk,hke->hqe", A, dO)', "transpose")],
    [("axis=-1, keepdims=True))\n    dQ", "axis=-2, keepdims=True))\n    dQ", "wrong axis")],
    [("dY = 2 * (Y - T) / Y.size", "dY = (Y - T) / Y.size", "factor")],
    [
        ('dK = np.einsum("hqk,hqe->hke", dS, Q) * scale', 'dK = np.einsum("hqk,hqe->hke", dS, Q)', "factor"),
        ("dY = 2 * (Y - T) / Y.size", "dY = 2 * (T - Y) / Y.size", "sign"),
    ],
)
