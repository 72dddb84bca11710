"""A hand-made Adam class that trains a sigmoid autoencoder with untied weights."""

import numpy as np


class Adam:
    def __init__(self, lr=0.01, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2 = lr, beta1, beta2
        self.iter = 0
        self.m, self.v = None, None

    def update(self, params, grads):
        if self.m is None:
            self.m = {key: np.zeros_like(val) for key, val in params.items()}
            self.v = {key: np.zeros_like(val) for key, val in params.items()}
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for key in params:
            self.m[key] += (1 - self.beta1) * (grads[key] - self.m[key])
            self.v[key] += (1 - self.beta2) * (grads[key] ** 2 - self.v[key])
            params[key] -= lr_t * self.m[key] / (np.sqrt(self.v[key]) + 1e-7)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


np.random.seed(11)
images = np.random.rand(6, 5)
params = {
    "W1": np.random.randn(5, 3),
    "b1": np.zeros(3),
    "W2": np.random.randn(3, 5),
    "b2": np.zeros(5),
}
optimizer = Adam(lr=0.05)

for epoch in range(30):
    code = sigmoid(np.dot(images, params["W1"]) + params["b1"])
    recon = sigmoid(np.dot(code, params["W2"]) + params["b2"])
    batch_size = images.shape[0]
    loss = 0.5 * np.sum((recon - images) ** 2) / batch_size

    grads = {}
    d_recon = (recon - images) / batch_size
    d_a2 = d_recon * recon * (1 - recon)
    grads["W2"] = np.dot(code.T, d_a2)
    grads["b2"] = np.sum(d_a2, axis=0)
    d_code = np.dot(d_a2, params["W2"].T)
    d_a1 = d_code * code * (1 - code)
    grads["W1"] = np.dot(images.T, d_a1)
    grads["b1"] = np.sum(d_a1, axis=0)

    optimizer.update(params, grads)
    if epoch % 10 == 0:
        print("epoch:", epoch, "loss:", loss)

FAULTS = (
    [("d_a2 = d_recon * recon * (1 - recon)", "d_a2 = d_recon", "missing derivative")],
    [
        (
            "d_a1 = d_code * code * (1 - code)",
            "d_a1 = d_code * sigmoid(code) * (1 - sigmoid(code))",
            "derivative at the output",
        )
    ],
    [("d_recon = (recon - images) / batch_size", "d_recon = (images - recon) / batch_size", "sign")],
    [
        ("d_recon = (recon - images) / batch_size", "d_recon = recon - images", "missing mean"),
        ("d_a2 = d_recon * recon * (1 - recon)", "d_a2 = d_recon", "missing derivative"),
    ],
)
