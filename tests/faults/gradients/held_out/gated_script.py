"""A script: a gated unit over short sequences, the last state read out, with plain functions and a dict of weights."""

import numpy as np

rs = np.random.RandomState(4)
steps, features, units = 3, 2, 4
sequences = rs.randn(10, steps, features)
answers = sequences.sum(axis=(1, 2))
P = {
    "Wf": 0.5 * rs.randn(features, units),
    "Uf": 0.5 * rs.randn(units, units),
    "bf": np.zeros(units),
    "Wc": 0.5 * rs.randn(features, units),
    "v": 0.5 * rs.randn(units),
}
rate = 0.1


def run(P, X):
    h = np.zeros((len(X), units))
    trace = []
    for t in range(steps):
        f = 1 / (1 + np.exp(-(X[:, t] @ P["Wf"] + h @ P["Uf"] + P["bf"])))
        c = np.tanh(X[:, t] @ P["Wc"])
        new = f * h + (1 - f) * c
        trace.append((h, f, c))
        h = new
    return h, trace


for epoch in range(40):
    h, trace = run(P, sequences)
    guess = h @ P["v"]
    loss = np.mean((guess - answers) ** 2) / 2
    D = {name: np.zeros_like(value) for name, value in P.items()}
    e = (guess - answers) / len(answers)
    D["v"] = h.T @ e
    dh = np.outer(e, P["v"])
    for t in reversed(range(steps)):
        before, f, c = trace[t]
        df = dh * (before - c)
        da = df * f * (1 - f)
        dc = dh * (1 - f)
        du = dc * (1 - c**2)
        D["Wf"] += sequences[:, t].T @ da
        D["Uf"] += before.T @ da
        D["bf"] += da.sum(axis=0)
        D["Wc"] += sequences[:, t].T @ du
        dh = dh * f + da @ P["Uf"].T
    for name in P:
        P[name] = P[name] - rate * D[name]

FAULTS = (
    [("e = (guess - answers) / len(answers)", "e = guess - answers", "missing mean")],
    [('dh = dh * f + da @ P["Uf"].T', "dh = dh * f", "missing path")],
    [('dh = dh * f + da @ P["Uf"].T', 'dh = dh * f + da @ P["Uf"]', "transpose")],
    [("df = dh * (before - c)", "df = dh * before", "missing path")],
    [("da = df * f * (1 - f)", "da = df", "missing derivative")],
    [("du = dc * (1 - c**2)", "du = dc * (1 - c)", "wrong derivative")],
    [('D["bf"] += da.sum(axis=0)', 'D["bf"] += da.mean(axis=0)', "extra mean")],
)
