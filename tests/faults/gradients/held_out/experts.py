"""A mixture of linear experts behind a softmax gate, squared error, everything by einsum."""

import numpy as np


def mixture(x, y, G, E):
    logits = x @ G
    w = np.exp(logits - logits.max(axis=1, keepdims=True))
    w = w / w.sum(axis=1, keepdims=True)
    each = np.einsum("nd,kdo->nko", x, E)
    out = np.einsum("nk,nko->no", w, each)
    return 0.5 * np.mean(np.sum((out - y) ** 2, axis=1)), {"w": w, "each": each, "out": out}


def mixture_grad(x, y, G, E, saved):
    w, each, out = saved["w"], saved["each"], saved["out"]
    d = (out - y) / x.shape[0]
    dE = np.einsum("nk,no,nd->kdo", w, d, x)
    dw = np.einsum("no,nko->nk", d, each)
    dlogits = w * (dw - np.sum(w * dw, axis=1, keepdims=True))
    return {"G": x.T @ dlogits, "E": dE}


def subject(rng):
    return (
        mixture,
        mixture_grad,
        (rng.normal(size=(7, 3)), rng.normal(size=(7, 2)), rng.normal(size=(3, 4)), rng.normal(size=(4, 3, 2))),
    )


FAULTS = (
    [("d = (out - y) / x.shape[0]", "d = out - y", "missing mean")],
    [("d = (out - y) / x.shape[0]", "d = (y - out) / x.shape[0]", "sign")],
    [("dlogits = w * (dw - np.sum(w * dw, axis=1, keepdims=True))", "dlogits = dw", "missing derivative")],
    [
        (
            "dlogits = w * (dw - np.sum(w * dw, axis=1, keepdims=True))",
            "dlogits = w * (dw - np.sum(dw, axis=1, keepdims=True))",
            "wrong derivative",
        )
    ],
    [("dlogits = w * (dw - np.sum(w * dw, axis=1, keepdims=True))", "dlogits = w * dw", "missing path")],
    [
        (
            'dE = np.einsum("nk,no,nd->kdo", w, d, x)',
            'dE = np.einsum("no,nd->do", d, x)[None] * np.ones((4, 1, 1))',
            "missing derivative",
        )
    ],
    [
        ("d = (out - y) / x.shape[0]", "d = 2 * (out - y) / x.shape[0]", "factor"),
        ("dw - np.sum(w * dw, axis=1, keepdims=True)", "dw", "missing path"),
    ],
)
