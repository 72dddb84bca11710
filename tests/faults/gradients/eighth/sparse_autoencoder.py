"""The sparse autoencoder of an old tutorial: columns, λ/2 of weight decay, β times the KL of the mean activations."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sparse_autoencoder_cost(W1, W2, b1, b2, data, lamb=0.05, rho=0.2, beta=0.1):
    m = data.shape[1]
    z2 = W1.dot(data) + b1
    a2 = sigmoid(z2)
    z3 = W2.dot(a2) + b2
    a3 = sigmoid(z3)
    rho_hat = np.sum(a2, axis=1, keepdims=True) / m
    kl = np.sum(rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat)))
    cost = np.sum((a3 - data) ** 2) / (2 * m) + lamb / 2 * (np.sum(W1**2) + np.sum(W2**2)) + beta * kl
    return cost, a2, a3, rho_hat


def sparse_autoencoder_grad(W1, W2, data, a2, a3, rho_hat, lamb=0.05, rho=0.2, beta=0.1):
    m = data.shape[1]
    delta3 = (a3 - data) * a3 * (1 - a3)
    sparsity = beta * (-rho / rho_hat + (1 - rho) / (1 - rho_hat))
    delta2 = (W2.T.dot(delta3) + sparsity) * a2 * (1 - a2)
    W1grad = delta2.dot(data.T) / m + lamb * W1
    W2grad = delta3.dot(a2.T) / m + lamb * W2
    b1grad = np.sum(delta2, axis=1, keepdims=True) / m
    b2grad = np.sum(delta3, axis=1, keepdims=True) / m
    return W1grad, W2grad, b1grad, b2grad


def subject(rng):
    W1, W2 = rng.normal(size=(4, 6)), 2 * rng.normal(size=(6, 4))
    args = (W1, W2, rng.normal(size=(4, 1)), rng.normal(size=(6, 1)), rng.random((6, 9)))
    return sparse_autoencoder_cost, sparse_autoencoder_grad, args, {"wrt": ("W1", "W2", "b1", "b2")}


FAULTS = (
    [("delta2 = (W2.T.dot(delta3) + sparsity)", "delta2 = W2.T.dot(delta3)", "missing path")],
    [("beta * (-rho / rho_hat + (1 - rho)", "beta * (rho / rho_hat + (1 - rho)", "sign")],
    [
        (
            "delta3 = (a3 - data) * a3 * (1 - a3)",
            "delta3 = (a3 - data) * sigmoid(a3) * (1 - sigmoid(a3))",
            "derivative at the output",
        )
    ],
    [
        (
            "b2grad = np.sum(delta3, axis=1, keepdims=True) / m",
            "b2grad = np.sum(delta3, axis=1, keepdims=True)",
            "missing mean",
        ),
        ("W2grad = delta3.dot(a2.T) / m + lamb * W2", "W2grad = delta3.dot(a2.T) / m + lamb / m * W2", "extra mean"),
    ],
)
