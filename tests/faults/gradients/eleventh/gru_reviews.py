"""A GRU over word embeddings reads made-up reviews; RMSProp."""

import numpy as np

rng = np.random.RandomState(8)
vocab, emb, hid, N, T = 12, 4, 5, 24, 5
tokens = rng.randint(0, vocab, (N, T))
stars = (np.sum(tokens < vocab // 2, axis=1) > T / 2).astype(float)


def sigmoid(u):
    return 1.0 / (1.0 + np.exp(-u))


def mat(*shape):
    return rng.uniform(-0.6, 0.6, shape)


theta = {"E": mat(vocab, emb), "w": mat(hid), "b": np.zeros(())}
for gate in "zrh":
    theta["W" + gate], theta["U" + gate], theta["b" + gate] = mat(emb, hid), mat(hid, hid), mat(hid)


def run_forward(theta):
    h = np.zeros((N, hid))
    tape = []
    for t in range(T):
        x = theta["E"][tokens[:, t]]
        z = sigmoid(x @ theta["Wz"] + h @ theta["Uz"] + theta["bz"])
        r = sigmoid(x @ theta["Wr"] + h @ theta["Ur"] + theta["br"])
        s = r * h
        cand = np.tanh(x @ theta["Wh"] + s @ theta["Uh"] + theta["bh"])
        tape.append((x, h, z, r, s, cand))
        h = (1 - z) * h + z * cand
    prob = sigmoid(h @ theta["w"] + theta["b"])
    loss = -np.mean(stars * np.log(prob) + (1 - stars) * np.log(1 - prob))
    return loss, prob, h, tape


def run_backward(theta, prob, h_last, tape):
    g = {k: np.zeros_like(v) for k, v in theta.items()}
    d_logit = (prob - stars) / N
    g["w"] = h_last.T @ d_logit
    g["b"] = d_logit.sum()
    dh = np.outer(d_logit, theta["w"])
    for t in range(T - 1, -1, -1):
        x, h, z, r, s, cand = tape[t]
        d_cand = dh * z * (1 - cand**2)
        d_z = dh * (cand - h) * z * (1 - z)
        d_s = d_cand @ theta["Uh"].T
        d_r = d_s * h * r * (1 - r)
        g["Wh"] += x.T @ d_cand
        g["Uh"] += s.T @ d_cand
        g["bh"] = g["bh"] + d_cand.sum(axis=0)
        g["Wz"] += x.T @ d_z
        g["Uz"] += h.T @ d_z
        g["bz"] = g["bz"] + d_z.sum(axis=0)
        g["Wr"] += x.T @ d_r
        g["Ur"] += h.T @ d_r
        g["br"] = g["br"] + d_r.sum(axis=0)
        d_x = d_cand @ theta["Wh"].T + d_z @ theta["Wz"].T + d_r @ theta["Wr"].T
        np.add.at(g["E"], tokens[:, t], d_x)
        dh = dh * (1 - z) + d_s * r + d_z @ theta["Uz"].T + d_r @ theta["Ur"].T
    return g


ms = {k: np.zeros_like(v) for k, v in theta.items()}
history = []
for epoch in range(15):
    loss, prob, h_last, tape = run_forward(theta)
    history.append(loss)
    g = run_backward(theta, prob, h_last, tape)
    for k in theta:
        ms[k] = 0.9 * ms[k] + 0.1 * g[k] ** 2
        theta[k] = theta[k] - 0.01 * g[k] / (np.sqrt(ms[k]) + 1e-6)
print(f"loss {history[0]:.4f} -> {history[-1]:.4f}")

FAULTS = (
    [("dh = dh * (1 - z) + d_s * r + d_z", "dh = d_s * r + d_z", "missing path")],
    [('g["bz"] = g["bz"] + d_z.sum(axis=0)', 'g["bz"] = g["bz"] + d_z', "not summed")],
    [('d_s = d_cand @ theta["Uh"].T', 'd_s = d_cand @ theta["Uh"]', "transpose")],
    [
        ('np.add.at(g["E"], tokens[:, t], d_x)', 'g["E"][tokens[:, t]] += d_x', "missing path"),
        ("d_r = d_s * h * r * (1 - r)", "d_r = d_s * h", "missing derivative"),
    ],
)
