"""Policy gradient with an entropy bonus on logged play of a contextual bandit."""

import numpy as np

rng = np.random.RandomState(10)
n_steps, n_obs, n_hidden, n_actions = 40, 3, 6, 4
states = rng.randn(n_steps, n_obs)
actions = rng.randint(0, n_actions, n_steps)
best = np.argmax(states @ rng.randn(n_obs, n_actions), axis=1)
rewards = np.where(actions == best, 1.0, -0.2) + 0.1 * rng.randn(n_steps)
advantages = rewards - rewards.mean()

policy = {
    "W1": rng.randn(n_obs, n_hidden) / np.sqrt(n_obs),
    "b1": np.zeros(n_hidden),
    "W2": rng.randn(n_hidden, n_actions) / np.sqrt(n_hidden),
    "b2": np.zeros(n_actions),
}
entropy_coef = 0.05
learning_rate = 0.3


def act(policy, s):
    z = np.tanh(s @ policy["W1"] + policy["b1"])
    logits = z @ policy["W2"] + policy["b2"]
    logits -= logits.max(axis=1, keepdims=True)
    log_pi = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return z, log_pi


def policy_loss(log_pi):
    chosen = log_pi[np.arange(n_steps), actions]
    entropy = -(np.exp(log_pi) * log_pi).sum(axis=1)
    return -(advantages * chosen).mean() - entropy_coef * entropy.mean(), entropy


for update in range(30):
    z, log_pi = act(policy, states)
    loss, entropy = policy_loss(log_pi)
    if update % 10 == 0:
        print("update", update, "loss", loss, "entropy", entropy.mean())

    pi = np.exp(log_pi)
    taken = np.eye(n_actions)[actions]
    d_logits = advantages[:, None] * (pi - taken) / n_steps
    d_logits += entropy_coef * pi * (log_pi + entropy[:, None]) / n_steps
    grads = {"W2": z.T @ d_logits, "b2": d_logits.sum(axis=0)}
    d_z = d_logits @ policy["W2"].T
    d_pre = d_z * (1 - z * z)
    grads["W1"] = states.T @ d_pre
    grads["b1"] = d_pre.sum(axis=0)
    for name, grad in grads.items():
        policy[name] -= learning_rate * grad

FAULTS = (
    [
        (
            "d_logits = advantages[:, None] * (pi - taken) / n_steps",
            "d_logits = rewards[:, None] * (pi - taken) / n_steps",
            "wrong value",
        )
    ],
    [("taken = np.eye(n_actions)[actions]", "taken = np.eye(n_actions)[best]", "wrong target")],
    [("d_logits += entropy_coef * pi", "d_logits = entropy_coef * pi", "missing path")],
    [
        (
            "d_logits = advantages[:, None] * (pi - taken) / n_steps",
            "d_logits = advantages[:, None] * (pi - taken)",
            "missing mean",
        )
    ],
    [
        ("d_logits += entropy_coef * pi", "d_logits -= entropy_coef * pi", "sign"),
        ("d_pre = d_z * (1 - z * z)", "d_pre = d_z * (1 - np.tanh(z) ** 2)", "derivative at the output"),
    ],
)
