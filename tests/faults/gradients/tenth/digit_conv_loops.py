"""One convolution by loops, tanh, mean pooling and a dense layer, for one small picture at a time."""

import numpy as np


def conv_forward(image, kernels, bias):
    count, size, _ = kernels.shape
    out = np.zeros((count, image.shape[0] - size + 1, image.shape[1] - size + 1))
    for f in range(count):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[f, i, j] = np.sum(image[i : i + size, j : j + size] * kernels[f]) + bias[f]
    return out


def forward(image, label, kernels, bias, W, c):
    z = conv_forward(image, kernels, bias)
    a = np.tanh(z)
    pooled = a.mean(axis=(1, 2))
    scores = pooled @ W + c
    probs = np.exp(scores) / np.sum(np.exp(scores))
    loss = -np.log(probs[label])
    return loss, (image, label, kernels, W, a, pooled, probs)


def backward(cache):
    image, label, kernels, W, a, pooled, probs = cache
    dscores = probs.copy()
    dscores[label] -= 1
    dW = np.outer(pooled, dscores)
    dc = dscores
    dpooled = W @ dscores
    area = a.shape[1] * a.shape[2]
    da = np.ones_like(a) * dpooled[:, None, None] / area
    dz = da * (1 - a**2)
    dkernels = np.zeros_like(kernels)
    size = kernels.shape[1]
    for f in range(len(kernels)):
        for i in range(dz.shape[1]):
            for j in range(dz.shape[2]):
                dkernels[f] += dz[f, i, j] * image[i : i + size, j : j + size]
    dbias = dz.sum(axis=(1, 2))
    return {"kernels": dkernels, "bias": dbias, "W": dW, "c": dc}


def subject(rng):
    args = (rng.normal(size=(4, 4)), 2, rng.normal(size=(3, 2, 2)), rng.normal(size=3))
    return forward, backward, (*args, rng.normal(size=(3, 3)), rng.normal(size=3))


FAULTS = (
    [("dpooled[:, None, None] / area", "dpooled[:, None, None]", "missing mean")],
    [("dz = da * (1 - a**2)", "dz = da * (1 - a)", "wrong derivative")],
    [("dpooled = W @ dscores", "dpooled = W.T @ dscores", "transpose")],
    [("dz = da * (1 - a**2)", "dz = da * (1 - np.tanh(a) ** 2)", "derivative at the output")],
    [
        ("dW = np.outer(pooled, dscores)", "dW = np.outer(dscores, pooled)", "transpose"),
        ("dz = da * (1 - a**2)", "dz = da", "missing derivative"),
    ],
)
