"""Three linear experts and a gate: the likelihood of a mixture of Gaussians."""

import numpy as np

rng = np.random.default_rng(12)
n, d, n_experts = 36, 2, 3
x = rng.normal(size=(n, d))
y = np.where(x[:, 0] > 0, 2 * x[:, 1], -x[:, 0] - 1) + 0.1 * rng.normal(size=n)
y = y[:, None]

W_gate = 0.5 * rng.normal(size=(d, n_experts))
b_gate = np.zeros(n_experts)
W_exp = rng.normal(size=(d, n_experts))
b_exp = np.zeros(n_experts)


def step(W_gate, b_gate, W_exp, b_exp, lr):
    scores = x @ W_gate + b_gate
    gate = np.exp(scores - scores.max(axis=1, keepdims=True))
    gate = gate / gate.sum(axis=1, keepdims=True)
    mean = x @ W_exp + b_exp
    joint = gate * np.exp(-0.5 * (y - mean) ** 2) / np.sqrt(2 * np.pi)
    evidence = joint.sum(axis=1, keepdims=True)
    nll = -np.mean(np.log(evidence))

    resp = joint / evidence
    dscores = (gate - resp) / n
    dmean = resp * (mean - y) / n
    dW_gate, db_gate = x.T @ dscores, dscores.sum(axis=0)
    dW_exp, db_exp = x.T @ dmean, dmean.sum(axis=0)
    return nll, W_gate - lr * dW_gate, b_gate - lr * db_gate, W_exp - lr * dW_exp, b_exp - lr * db_exp


for it in range(40):
    nll, W_gate, b_gate, W_exp, b_exp = step(W_gate, b_gate, W_exp, b_exp, lr=0.5)
    if it % 8 == 0:
        print(f"{it:3d}  nll {nll:.4f}")

FAULTS = (
    [("dmean = resp * (mean - y) / n", "dmean = gate * (mean - y) / n", "wrong value")],
    [("dscores = (gate - resp) / n", "dscores = gate - resp", "missing mean")],
    [("dscores = (gate - resp) / n", "dscores = (gate - resp) * gate * (1 - gate) / n", "output derivative twice")],
    [("dmean = resp * (mean - y) / n", "dmean = resp * np.clip(mean - y, -0.5, 0.5) / n", "clipped")],
    [
        ("dscores = (gate - resp) / n", "dscores = (resp - gate) / n", "sign"),
        ("x.T @ dmean, dmean.sum(axis=0)", "x.T @ dmean, dmean", "not summed"),
    ],
)
