"""Predicts the next point of a wave with an LSTM class of its own; Adam."""

import numpy as np

np.random.seed(1)


def sig(a):
    return 1 / (1 + np.exp(-a))


class LSTM:
    def __init__(self, D, H):
        self.H = H
        self.p = {
            "W": np.random.randn(D + H, 4 * H) * 0.9,
            "b": np.zeros(4 * H),
            "Wy": np.random.randn(H, D) / np.sqrt(H),
            "by": np.zeros(D),
        }
        self.m = {k: np.zeros_like(v) for k, v in self.p.items()}
        self.v = {k: np.zeros_like(v) for k, v in self.p.items()}
        self.t = 0

    def forward(self, xs, ys):
        H = self.H
        h = c = np.zeros((xs.shape[1], H))
        self.cache, self.errs = [], []
        loss = 0
        for x, y in zip(xs, ys):
            z = np.concatenate([x, h], axis=1)
            a = z @ self.p["W"] + self.p["b"]
            i, f, o = sig(a[:, :H]), sig(a[:, H : 2 * H]), sig(a[:, 2 * H : 3 * H])
            g = np.tanh(a[:, 3 * H :])
            c_old, c = c, f * c + i * g
            tc = np.tanh(c)
            h = o * tc
            err = h @ self.p["Wy"] + self.p["by"] - y
            loss += np.mean(err**2)
            self.cache.append((z, i, f, o, g, c_old, c, tc, h))
            self.errs.append(err)
        return loss

    def backward(self):
        H = self.H
        self.g = {k: np.zeros_like(v) for k, v in self.p.items()}
        dh_next = dc_next = 0
        for (z, i, f, o, g, c_old, c, tc, h), err in zip(reversed(self.cache), reversed(self.errs)):
            dy = 2 * err / err.size
            self.g["Wy"] += h.T @ dy
            self.g["by"] += dy.sum(axis=0)
            dh = dy @ self.p["Wy"].T + dh_next
            do = dh * tc
            dc = dh * o * (1 - tc**2) + dc_next
            di, dg, df = dc * g, dc * i, dc * c_old
            dc_next = dc * f
            da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
            self.g["W"] += z.T @ da
            self.g["b"] += da.sum(axis=0)
            dh_next = (da @ self.p["W"].T)[:, -H:]

    def step(self, lr=0.02, b1=0.9, b2=0.999):
        self.t += 1
        for k in self.p:
            self.m[k] = b1 * self.m[k] + (1 - b1) * self.g[k]
            self.v[k] = b2 * self.v[k] + (1 - b2) * self.g[k] ** 2
            m_hat = self.m[k] / (1 - b1**self.t)
            v_hat = self.v[k] / (1 - b2**self.t)
            self.p[k] -= lr * m_hat / (np.sqrt(v_hat) + 1e-8)


steps, batch = 8, 6
phase = np.random.uniform(0, 2 * np.pi, (1, batch))
wave = np.sin(0.6 * np.arange(steps + 1)[:, None] + phase)[:, :, None]
net = LSTM(1, 5)
for epoch in range(20):
    loss = net.forward(wave[:-1], wave[1:])
    net.backward()
    net.step()
    if epoch % 5 == 0:
        print(epoch, loss)

FAULTS = (
    [("dc = dh * o * (1 - tc**2) + dc_next", "dc = dh * o * (1 - c**2) + dc_next", "derivative at the input")],
    [("di, dg, df = dc * g, dc * i, dc * c_old", "di, dg, df = dc * g, dc * i, dc * c", "wrong value")],
    [("do * o * (1 - o), dg * (1 - g**2)", "do * o * (1 - o), dg * g * (1 - g)", "wrong derivative")],
    [
        ('dh = dy @ self.p["Wy"].T + dh_next', 'dh = np.clip(dy @ self.p["Wy"].T + dh_next, -0.05, 0.05)', "clipped"),
        ("np.hstack([di * i * (1 - i),", "np.hstack([di,", "missing derivative"),
    ],
)
