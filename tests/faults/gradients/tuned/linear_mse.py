"""Linear regression with the mean squared error and a gradient by name."""


def loss(x, t, w, b):
    prediction = x.dot(w) + b
    return ((prediction - t) ** 2).mean()


def gradients(x, t, w, b):
    n = len(t)
    error = x.dot(w) + b - t
    grad_w = 2.0 / n * x.T.dot(error)
    grad_b = 2.0 / n * error.sum()
    return {"w": grad_w, "b": grad_b}


def subject(rng):
    return loss, gradients, (rng.normal(size=(9, 4)), rng.normal(size=9), rng.normal(size=4), 0.3)


FAULTS = (
    [("grad_w = 2.0 / n * x.T.dot(error)", "grad_w = 1.0 / n * x.T.dot(error)", "factor")],
    [("error = x.dot(w) + b - t", "error = t - x.dot(w) - b", "sign")],
    [("grad_b = 2.0 / n * error.sum()", "grad_b = 2.0 * error.sum()", "missing mean")],
    [("grad_b = 2.0 / n * error.sum()", "grad_b = 2.0 / n * error.mean()", "extra mean")],
    [("grad_b = 2.0 / n * error.sum()", "grad_b = 2.0 / n * error", "not summed")],
    [
        ("error = x.dot(w) + b - t", "error = t - x.dot(w) - b", "sign"),
        ("grad_w = 2.0 / n * x.T.dot(error)", "grad_w = 1.0 / n * x.T.dot(error)", "factor"),
    ],
)
