"""A GRU over a batch of sequences; its last state tells a number."""

import numpy as np

sig = lambda t: 1.0 / (1.0 + np.exp(-t))


class GRU:
    def __init__(self, rng, D, H):
        self.Wz, self.Wr, self.Wn = (rng.normal(size=(D, H)) for _ in range(3))
        self.Uz, self.Ur, self.Un = (rng.normal(size=(H, H)) for _ in range(3))
        self.w = rng.normal(size=(H, 1))

    def forward(self, X, y):
        N, T, _ = X.shape
        h = np.zeros((N, len(self.Uz)))
        self.steps = []
        for t in range(T):
            x = X[:, t]
            z = sig(x @ self.Wz + h @ self.Uz)
            r = sig(x @ self.Wr + h @ self.Ur)
            n = np.tanh(x @ self.Wn + (r * h) @ self.Un)
            self.steps.append((x, h, z, r, n))
            h = (1 - z) * n + z * h
        self.last = h
        self.out = h @ self.w
        return np.mean((self.out - y) ** 2)

    def backward(self, X, y):
        for name in ("Wz", "Wr", "Wn", "Uz", "Ur", "Un"):
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dout = 2 * (self.out - y) / len(X)
        self.dw = self.last.T @ dout
        dh = dout @ self.w.T
        for x, h, z, r, n in self.steps[::-1]:
            dn = dh * (1 - z) * (1 - n**2)
            dz = dh * (h - n) * z * (1 - z)
            drh = dn @ self.Un.T
            dr = drh * h * r * (1 - r)
            self.dWn += x.T @ dn
            self.dUn += (r * h).T @ dn
            self.dWz += x.T @ dz
            self.dUz += h.T @ dz
            self.dWr += x.T @ dr
            self.dUr += h.T @ dr
            dh = dh * z + drh * r + dz @ self.Uz.T + dr @ self.Ur.T


def subject(rng):
    net = GRU(rng, 2, 3)
    return net.forward, net.backward, (rng.normal(size=(4, 3, 2)), rng.normal(size=(4, 1)))


FAULTS = (
    [("dz = dh * (h - n) * z", "dz = dh * (n - h) * z", "sign")],
    [("dh = dh * z + drh * r + dz @", "dh = dh * z + dz @", "missing path")],
    [("self.dUz += h.T @ dz", "self.dUz += n.T @ dz", "wrong value")],
    [("+ dz @ self.Uz.T + dr @ self.Ur.T", "+ dz @ self.Uz + dr @ self.Ur.T", "transpose")],
    [
        ("dout = 2 * (self.out - y) / len(X)", "dout = (self.out - y) / len(X)", "factor"),
        ("dr = drh * h * r * (1 - r)", "dr = drh * h", "missing derivative"),
    ],
)
