"""The delta rule for one sigmoid unit after another, written into the update line with a constant; two units deep."""

import numpy as np

np.random.seed(10)
inputs = np.random.uniform(-1, 1, (6, 3))
outputs = np.array([1, 0, 1, 0, 0, 1])
w_h = np.random.uniform(-1, 1, (4, 3))
w_o = np.random.uniform(-1, 1, 4)

for epoch in range(8):
    squared = 0
    for i in range(len(inputs)):
        hidden = 1 / (1 + np.exp(-w_h @ inputs[i]))
        guess = w_o @ hidden
        error = 0.5 * (guess - outputs[i]) ** 2
        squared += error

        back = (guess - outputs[i]) * w_o * hidden * (1 - hidden)
        w_o = w_o - 0.1 * (guess - outputs[i]) * hidden
        w_h = w_h - 0.1 * np.outer(back, inputs[i])
    print("epoch", epoch, "squared error", squared)

FAULTS = (
    [
        (
            "        back = (guess - outputs[i]) * w_o * hidden * (1 - hidden)\n        w_o = w_o - 0.1 * (guess - outputs[i]) * hidden\n",
            "        w_o = w_o - 0.1 * (guess - outputs[i]) * hidden\n        back = (guess - outputs[i]) * w_o * hidden * (1 - hidden)\n",
            "stale weights",
        ),
    ],
    [("w_o = w_o - 0.1 * (guess - outputs[i]) * hidden", "w_o = w_o - 0.1 * (outputs[i] - guess) * hidden", "sign")],
    [
        ("w_h = w_h - 0.1 * np.outer", "w_h = w_h + 0.1 * np.outer", "climbs"),
        (
            "w_o = w_o - 0.1 * (guess - outputs[i]) * hidden",
            "w_o = w_o - 0.1 * (guess - outputs[i]) * hidden * (1 - hidden)",
            "extra derivative",
        ),
    ],
)
