"""The feed-forward block of a small transformer in NumPy: GELU by its tanh approximation, logits, cross-entropy."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x**3)))


def gelu_grad(x):
    t = np.tanh(C * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * C * (1 + 3 * 0.044715 * x**2)


def ffn_forward(x, targets, w_fc, b_fc, w_proj, b_proj):
    pre = x @ w_fc + b_fc
    act = gelu(pre)
    logits = act @ w_proj + b_proj
    logits = logits - np.max(logits, axis=-1, keepdims=True)
    logprobs = logits - np.log(np.sum(np.exp(logits), axis=-1, keepdims=True))
    nll = -np.take_along_axis(logprobs, targets[..., None], axis=-1)
    return nll.mean(), (pre, act, logprobs)


def ffn_backward(x, targets, w_fc, w_proj, cache):
    pre, act, logprobs = cache
    B, T, _ = x.shape
    dlogits = np.exp(logprobs)
    dlogits[np.arange(B)[:, None], np.arange(T)[None, :], targets] -= 1
    dlogits /= B * T
    flat = dlogits.reshape(B * T, -1)
    dw_proj = act.reshape(B * T, -1).T @ flat
    db_proj = dlogits.sum(axis=(0, 1))
    dact = dlogits @ w_proj.T
    dpre = dact * gelu_grad(pre)
    dw_fc = x.reshape(B * T, -1).T @ dpre.reshape(B * T, -1)
    db_fc = dpre.sum(axis=(0, 1))
    return {"w_fc": dw_fc, "b_fc": db_fc, "w_proj": dw_proj, "b_proj": db_proj}


def subject(rng):
    x, targets = rng.normal(size=(3, 4, 3)), rng.integers(0, 5, (3, 4))
    weights = rng.normal(size=(3, 6)), rng.normal(size=6), rng.normal(size=(6, 5)), rng.normal(size=5)
    return ffn_forward, ffn_backward, (x, targets, *weights)


FAULTS = (
    [("dpre = dact * gelu_grad(pre)", "dpre = dact * gelu_grad(act)", "derivative at the output")],
    [("db_proj = dlogits.sum(axis=(0, 1))", "db_proj = dlogits.sum(axis=-1)", "wrong axis")],
    [
        ("dlogits /= B * T", "dlogits /= B", "missing mean"),
        ("dpre = dact * gelu_grad(pre)", "dpre = dact * gelu(pre)", "wrong derivative"),
    ],
    [
        ("dlogits /= B * T", "dlogits /= -B * T", "sign"),
        ("db_fc = dpre.sum(axis=(0, 1))", "db_fc = dpre", "not summed"),
    ],
)
