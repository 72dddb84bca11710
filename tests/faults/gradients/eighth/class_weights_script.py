"""An imbalanced data set: softmax regression with class weights, normalized by the sum of the weights, in a script."""

import numpy as np

np.random.seed(4)
num_classes = 3
X_train = np.random.randn(13, 4)
y_train = np.array([0] * 7 + [1] * 4 + [2] * 2)
class_weight = np.array([0.5, 1.0, 2.5])
onehot = np.eye(num_classes)[y_train]
sample_weight = class_weight[y_train]

W = np.random.randn(4, num_classes) * 0.3
b = np.zeros(num_classes)
learning_rate = 0.2

for it in range(100):
    scores = X_train @ W + b
    exp_scores = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    losses = -np.sum(onehot * np.log(probs), axis=1)
    loss = np.sum(sample_weight * losses) / np.sum(sample_weight)

    dscores = sample_weight[:, None] * (probs - onehot) / np.sum(sample_weight)
    dW = X_train.T @ dscores
    db = np.sum(dscores, axis=0)

    W -= learning_rate * dW
    b -= learning_rate * db
    if it % 20 == 0:
        print(it, loss)

FAULTS = (
    [("b -= learning_rate * db", "b += learning_rate * db", "climbs")],
    [
        (
            "dscores = sample_weight[:, None] * (probs - onehot)",
            "dscores = sample_weight[:, None] * (onehot - probs)",
            "sign",
        )
    ],
    [
        ("dW = X_train.T @ dscores", "dW = X_train.T @ dscores / len(X_train)", "extra mean"),
        ("b -= learning_rate * db", "b += learning_rate * db", "climbs"),
    ],
    [
        ("dscores = sample_weight[:, None] * (probs - onehot)", "dscores = (probs - onehot)", "missing derivative"),
    ],
)
