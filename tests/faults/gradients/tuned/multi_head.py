"""Attention with several heads in one einsum each, over a batch of sequences."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(x, goal, wq, wk, wv, wo):
    q = np.einsum("btd,dhk->bhtk", x, wq)
    k = np.einsum("btd,dhk->bhtk", x, wk)
    v = np.einsum("btd,dhk->bhtk", x, wv)
    scores = np.einsum("bhtk,bhsk->bhts", q, k) / np.sqrt(q.shape[-1])
    p = softmax(scores)
    mixed = np.einsum("bhts,bhsk->bhtk", p, v)
    out = np.einsum("bhtk,hkd->btd", mixed, wo)
    loss = np.mean((out - goal) ** 2)
    return loss, q, k, v, p, mixed, out


def attention_vjp(x, goal, wq, wk, wv, wo, q, k, v, p, mixed, out):
    d_out = 2.0 * (out - goal) / out.size
    d_wo = np.einsum("bhtk,btd->hkd", mixed, d_out)
    d_mixed = np.einsum("btd,hkd->bhtk", d_out, wo)
    d_v = np.einsum("bhts,bhtk->bhsk", p, d_mixed)
    d_p = np.einsum("bhtk,bhsk->bhts", d_mixed, v)
    d_scores = p * (d_p - (p * d_p).sum(-1, keepdims=True))
    d_scores = d_scores / np.sqrt(q.shape[-1])
    d_q = np.einsum("bhts,bhsk->bhtk", d_scores, k)
    d_k = np.einsum("bhts,bhtk->bhsk", d_scores, q)
    d_wq = np.einsum("btd,bhtk->dhk", x, d_q)
    d_wk = np.einsum("btd,bhtk->dhk", x, d_k)
    d_wv = np.einsum("btd,bhtk->dhk", x, d_v)
    return d_wq, d_wk, d_wv, d_wo


def subject(rng):
    shapes = [(2, 4, 6), (2, 4, 6), (6, 2, 3), (6, 2, 3), (6, 2, 3), (2, 3, 6)]
    return (
        attention,
        attention_vjp,
        tuple(rng.normal(size=shape) for shape in shapes),
        {"wrt": ["wq", "wk", "wv", "wo"]},
    )


FAULTS = (
    [("    d_scores = d_scores / np.sqrt(q.shape[-1])\n", "", "factor")],
    [("d_scores = d_scores / np.sqrt(q.shape[-1])", "d_scores = d_scores / q.shape[-1]", "factor")],
    [("d_out = 2.0 * (out - goal) / out.size", "d_out = 2.0 * (out - goal) / len(x)", "missing mean")],
    [("d_scores = p * (d_p - (p * d_p).sum(-1, keepdims=True))", "d_scores = p * (1 - p) * d_p", "missing path")],
    [('d_v = np.einsum("bhts,bhtk->bhsk", p, d_mixed)', 'd_v = np.einsum("bhst,bhtk->bhsk", p, d_mixed)', "transpose")],
    [
        (
            'd_k = np.einsum("bhts,bhtk->bhsk", d_scores, q)',
            'd_k = np.einsum("bhts,bhsk->bhtk", d_scores, q)',
            "transpose",
        )
    ],
    [
        ('d_k = np.einsum("bhts,bhtk->bhsk", d_scores, q)', 'd_k = -np.einsum("bhts,bhtk->bhsk", d_scores, q)', "sign"),
        ("d_scores = p * (d_p - (p * d_p).sum(-1, keepdims=True))", "d_scores = p * d_p", "missing path"),
    ],
)
