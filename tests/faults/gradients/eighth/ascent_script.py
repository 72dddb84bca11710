"""Maximum likelihood by gradient *ascent*: the loss is only printed, so the updates go up the likelihood."""

import numpy as np


def sigmoid(scores):
    return 1 / (1 + np.exp(-scores))


rng = np.random.default_rng(12)
features = np.hstack([np.ones((12, 1)), rng.normal(size=(12, 3))])
target = (features @ np.array([0.3, 1.0, -1.0, 0.5]) + rng.normal(size=12) > 0).astype(float)
weights = rng.normal(size=4) * 0.2
learning_rate = 0.05

for step in range(60):
    scores = features @ weights
    predictions = sigmoid(scores)
    loss = -np.sum(target * scores - np.log(1 + np.exp(scores)))
    output_error_signal = target - predictions
    gradient = features.T @ output_error_signal
    weights += learning_rate * gradient
    if step % 20 == 0:
        print(loss)

FAULTS = (
    [("weights += learning_rate * gradient", "weights -= learning_rate * gradient", "climbs")],
    [
        (
            "output_error_signal = target - predictions",
            "output_error_signal = (target - predictions) * predictions * (1 - predictions)",
            "output derivative twice",
        )
    ],
    [
        (
            "gradient = features.T @ output_error_signal",
            "gradient = features.T @ output_error_signal / len(target)",
            "extra mean",
        ),
        ("weights += learning_rate * gradient", "weights -= learning_rate * gradient", "climbs"),
    ],
)
