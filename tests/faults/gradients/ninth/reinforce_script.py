"""REINFORCE on three recorded episodes: a linear softmax policy, returns as weights, the surrogate as loss."""

import numpy as np

np.random.seed(12)
T, obs_dim, n_actions = 9, 4, 3
observations = np.random.randn(T, obs_dim)
actions = np.random.randint(0, n_actions, T)
rewards = np.random.randn(T) + 1.0
done = np.array([0, 0, 1, 0, 0, 0, 1, 0, 1])
gamma = 0.9

returns = np.zeros(T)
running = 0.0
for t in reversed(range(T)):
    running = rewards[t] + gamma * running * (1 - done[t])
    returns[t] = running
advantages = returns - returns.mean()

W = 0.3 * np.random.randn(obs_dim, n_actions)
b = np.zeros(n_actions)
lr = 0.05

for update in range(25):
    logits = observations @ W + b
    logits = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    logp = np.log(probs[np.arange(T), actions])
    loss = -np.mean(logp * advantages)

    dlogits = probs.copy()
    dlogits[np.arange(T), actions] -= 1
    dlogits *= advantages[:, None]
    dlogits /= T
    dW = observations.T @ dlogits
    db = dlogits.sum(axis=0)

    W -= lr * dW
    b -= lr * db
    print(update, loss)

FAULTS = (
    [("dlogits *= advantages[:, None]", "dlogits *= returns[:, None]", "wrong value")],
    [("    dlogits /= T\n", "", "missing mean")],
    [("    W -= lr * dW\n", "    W += lr * dW\n", "climbs"), ("    b -= lr * db\n", "    b += lr * db\n", "climbs")],
    [
        ("    dlogits /= T\n", "    dlogits /= T\n    dlogits = np.clip(dlogits, -0.1, 0.1)\n", "clipped"),
        ("db = dlogits.sum(axis=0)", "db = dlogits.mean(axis=0)", "extra mean"),
    ],
)
