"""A convolution by loops, with relu and the mean over positions."""

import numpy as np


def forward(image, kernel, bias, target):
    k = kernel.shape[0]
    rows, columns = image.shape[0] - k + 1, image.shape[1] - k + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            out[i, j] = np.sum(image[i : i + k, j : j + k] * kernel) + bias
    act = np.maximum(out, 0)
    loss = np.sum((act - target) ** 2)
    return loss, out, act


def backward(image, kernel, target, out, act):
    k = kernel.shape[0]
    dact = 2 * (act - target)
    dout = dact * (out > 0)
    dkernel = np.zeros(kernel.shape)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            dkernel += dout[i, j] * image[i : i + k, j : j + k]
    dbias = dout.sum()
    return dkernel, dbias


def subject(rng):
    return forward, backward, (rng.normal(size=(5, 6)), rng.normal(size=(3, 3)), 0.2, rng.normal(size=(3, 4)))


FAULTS = (
    [("dout = dact * (out > 0)", "dout = dact", "missing derivative")],
    [("dact = 2 * (act - target)", "dact = act - target", "factor")],
    [("dact = 2 * (act - target)", "dact = 2 * (target - act)", "sign")],
    [("dbias = dout.sum()", "dbias = dout.mean()", "extra mean")],
)
