"""An embedding for triplets: the anchor shall lie nearer to its like than to the other."""

import numpy as np

np.random.seed(19)
D_IN, D_EMB, N_TRIPLETS = 5, 3, 30
identity_means = np.random.randn(4, D_IN)


def sample_triplets(n):
    who = np.random.randint(0, 4, n)
    other = (who + np.random.randint(1, 4, n)) % 4
    draw = lambda ids: identity_means[ids] + 0.6 * np.random.randn(n, D_IN)
    return draw(who), draw(who), draw(other)


class Embedder:
    margin = 0.5

    def __init__(self):
        self.W = 0.5 * np.random.randn(D_IN, D_EMB)
        self.b = 0.1 * np.random.randn(D_EMB)

    def embed(self, x):
        return np.tanh(x @ self.W + self.b)

    def loss_and_gradients(self, anchor, positive, negative):
        fa, fp, fn = self.embed(anchor), self.embed(positive), self.embed(negative)
        dist_pos = np.sum((fa - fp) ** 2, axis=1)
        dist_neg = np.sum((fa - fn) ** 2, axis=1)
        violation = dist_pos - dist_neg + self.margin
        loss = np.mean(np.maximum(violation, 0))

        active = (violation > 0)[:, None] / len(anchor)
        dfa = 2 * active * (fn - fp)
        dfp = 2 * active * (fp - fa)
        dfn = 2 * active * (fa - fn)
        grad_W = np.zeros_like(self.W)
        grad_b = np.zeros_like(self.b)
        for x, f, df in ((anchor, fa, dfa), (positive, fp, dfp), (negative, fn, dfn)):
            delta = df * (1 - f**2)
            grad_W += x.T @ delta
            grad_b += np.sum(delta, axis=0)
        return loss, grad_W, grad_b

    def fit(self, epochs, lr):
        history = []
        triplets = sample_triplets(N_TRIPLETS)
        for epoch in range(epochs):
            loss, grad_W, grad_b = self.loss_and_gradients(*triplets)
            history.append(loss)
            self.W -= lr * grad_W
            self.b -= lr * grad_b
        return history


model = Embedder()
hist = model.fit(epochs=20, lr=0.1)
print(f"triplet loss: {hist[0]:.3f} -> {hist[-1]:.3f}")

FAULTS = (
    [("dfn = 2 * active * (fa - fn)", "dfn = 2 * active * (fn - fa)", "sign")],
    [("delta = df * (1 - f**2)", "delta = np.clip(df, -0.02, 0.02) * (1 - f**2)", "clipped")],
    [("delta = df * (1 - f**2)", "delta = df * (1 - (x @ self.W + self.b) ** 2)", "derivative at the input")],
    [("dfp = 2 * active * (fp - fa)", "dfp = active * (fp - fa)", "factor")],
    [
        ("active = (violation > 0)[:, None] / len(anchor)", "active = (violation > 0)[:, None]", "missing mean"),
        ("grad_b += np.sum(delta, axis=0)", "grad_b += np.sum(delta)", "wrong axis"),
    ],
)
