"""An LSTM with one matrix over [x, h] per gate; only the last state is read, by a softmax."""

import numpy as np


def sigma(a):
    return 1.0 / (1.0 + np.exp(-a))


class LSTMClassifier:
    def __init__(self, rng, n_in, n_hidden, n_out):
        self.n_hidden = n_hidden
        for gate in "fiog":
            setattr(self, "W" + gate, 0.6 * rng.normal(size=(n_in + n_hidden, n_hidden)))
            setattr(self, "b" + gate, 0.6 * rng.normal(size=n_hidden))
        self.Wy = rng.normal(size=(n_hidden, n_out))
        self.by = rng.normal(size=n_out)

    def forward(self, x, labels):
        """x: (N, T, D), labels: (N,)."""
        N, T, _ = x.shape
        self.labels = labels
        h, c = np.zeros((N, self.n_hidden)), np.zeros((N, self.n_hidden))
        self.steps = []
        for t in range(T):
            xh = np.hstack([x[:, t], h])
            f = sigma(xh @ self.Wf + self.bf)
            i = sigma(xh @ self.Wi + self.bi)
            o = sigma(xh @ self.Wo + self.bo)
            g = np.tanh(xh @ self.Wg + self.bg)
            c_new = f * c + i * g
            h = o * np.tanh(c_new)
            self.steps.append((xh, f, i, o, g, c, c_new))
            c = c_new
        self.h = h
        scores = h @ self.Wy + self.by
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.probs = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(self.probs[np.arange(N), labels]))

    def backward(self):
        N = len(self.labels)
        dscores = self.probs.copy()
        dscores[np.arange(N), self.labels] -= 1
        dscores /= N
        grads = {"Wy": self.h.T @ dscores, "by": dscores.sum(axis=0)}
        for gate in "fiog":
            grads["W" + gate] = np.zeros_like(self.Wf)
            grads["b" + gate] = np.zeros_like(self.bf)
        dh = dscores @ self.Wy.T
        dc = np.zeros_like(dh)
        for xh, f, i, o, g, c_old, c in reversed(self.steps):
            tanh_c = np.tanh(c)
            do = dh * tanh_c * o * (1 - o)
            dc = dc + dh * o * (1 - tanh_c**2)
            df = dc * c_old * f * (1 - f)
            di = dc * g * i * (1 - i)
            dg = dc * i * (1 - g**2)
            for gate, d in (("f", df), ("i", di), ("o", do), ("g", dg)):
                grads["W" + gate] += xh.T @ d
                grads["b" + gate] += d.sum(axis=0)
            dxh = df @ self.Wf.T + di @ self.Wi.T + do @ self.Wo.T + dg @ self.Wg.T
            dh = dxh[:, -self.n_hidden :]
            dc = dc * f
        return grads


def subject(rng):
    net = LSTMClassifier(rng, 2, 5, 4)
    return net.forward, net.backward, (rng.normal(size=(7, 3, 2)), rng.integers(0, 4, 7))


FAULTS = (
    [("df = dc * c_old * f * (1 - f)", "df = dc * c * f * (1 - f)", "wrong value")],
    [("dc = dc + dh * o * (1 - tanh_c**2)", "dc = dc + dh * o * (1 - c**2)", "derivative at the input")],
    [("            dc = dc * f\n", "", "missing derivative")],
    [("dg = dc * i * (1 - g**2)", "dg = dc * i * g * (1 - g)", "wrong derivative")],
    [
        (
            "dxh = df @ self.Wf.T + di @ self.Wi.T + do @ self.Wo.T + dg @ self.Wg.T",
            "dxh = df @ self.Wf.T + di @ self.Wi.T + dg @ self.Wg.T",
            "missing path",
        ),
        ("dscores /= N", "dscores *= -1 / N", "sign"),
    ],
)
