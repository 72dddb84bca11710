"""A neural bigram model of names: embeddings of two letters side by side, a tanh layer, mini-batches drawn at random."""

import numpy as np

words = ["anna", "emma", "ava", "mia"]
letters = [".", *sorted(set("".join(words)))]
stoi = {s: i for i, s in enumerate(letters)}

xs, ys = [], []
for word in words:
    context = [0, 0]
    for ch in word + ".":
        xs.append(context)
        ys.append(stoi[ch])
        context = [*context[1:], stoi[ch]]
xs, ys = np.array(xs), np.array(ys)

g = np.random.default_rng(2147483647)
C = g.normal(size=(len(letters), 2))
W1 = g.normal(size=(4, 8)) * 0.6
b1 = g.normal(size=8) * 0.1
W2 = g.normal(size=(8, len(letters))) * 0.4
b2 = np.zeros(len(letters))

for step in range(40):
    batch = g.integers(0, len(xs), 7)
    Xb, Yb = xs[batch], ys[batch]

    emb = C[Xb].reshape(len(Xb), -1)
    h = np.tanh(emb @ W1 + b1)
    logits = h @ W2 + b2
    counts = np.exp(logits - logits.max(1, keepdims=True))
    probs = counts / counts.sum(1, keepdims=True)
    loss = -np.log(probs[np.arange(len(Xb)), Yb]).mean()

    dlogits = probs.copy()
    dlogits[np.arange(len(Xb)), Yb] -= 1
    dlogits /= len(Xb)
    dh = dlogits @ W2.T
    dW2 = h.T @ dlogits
    db2 = dlogits.sum(0)
    dhpreact = (1 - h**2) * dh
    demb = dhpreact @ W1.T
    dW1 = emb.T @ dhpreact
    db1 = dhpreact.sum(0)
    dC = np.zeros_like(C)
    for row in range(Xb.shape[0]):
        for col in range(Xb.shape[1]):
            dC[Xb[row, col]] += demb[row, 2 * col : 2 * col + 2]

    lr = 0.1 if step < 30 else 0.01
    C = C - lr * dC
    W1 = W1 - lr * dW1
    b1 = b1 - lr * db1
    W2 = W2 - lr * dW2
    b2 = b2 - lr * db2
    if step % 10 == 0:
        print(f"{step:5d}: {loss:.4f}")

FAULTS = (
    [("dC[Xb[row, col]] += demb", "dC[Xb[row, col]] = demb", "missing path")],
    [("dhpreact = (1 - h**2) * dh", "dhpreact = (1 - h) ** 2 * dh", "wrong derivative")],
    [
        ("dlogits /= len(Xb)", "dlogits /= len(Xb) * len(letters)", "extra mean"),
        ("dhpreact = (1 - h**2) * dh", "dhpreact = dh", "missing derivative"),
    ],
    [
        ("b2 = b2 - lr * db2", "b2 = b2 + lr * db2", "climbs"),
        ("db1 = dhpreact.sum(0)", "db1 = dhpreact.mean(0)", "extra mean"),
    ],
)
