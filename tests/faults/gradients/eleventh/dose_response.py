"""The dose-response curve of a drug with Huber's loss: bottom, top, slope and the log of EC50."""

import numpy as np

np.random.seed(14)
log_dose = np.linspace(-3, 3, 25)[:, None]
response = 0.1 + 0.8 / (1 + np.exp(-1.3 * (log_dose - 0.5))) + 0.03 * np.random.randn(25, 1)
response[[4, 19]] += [[0.7], [-0.6]]  # two bad wells

bottom, top, slope, ec50 = 0.0, 1.2, 0.8, -0.3
delta = 0.1
lr = 0.3
n = len(log_dose)


def huber(e):
    return np.where(np.abs(e) <= delta, 0.5 * e**2, delta * (np.abs(e) - 0.5 * delta))


loss_history = []
for it in range(15):
    u = slope * (log_dose - ec50)
    s = 1 / (1 + np.exp(-u))
    fit = bottom + (top - bottom) * s
    err = fit - response
    loss = huber(err).mean()
    loss_history.append(loss)

    d_fit = np.where(np.abs(err) <= delta, err, delta * np.sign(err)) / n
    d_bottom = np.sum(d_fit * (1 - s))
    d_top = np.sum(d_fit * s)
    d_s = d_fit * (top - bottom)
    d_u = d_s * s * (1 - s)
    d_slope = np.sum(d_u * (log_dose - ec50))
    d_ec50 = -np.sum(d_u * slope)

    bottom -= lr * d_bottom
    top -= lr * d_top
    slope -= lr * d_slope
    ec50 -= lr * d_ec50

print("loss", loss_history[0], "->", loss_history[-1])
print(f"EC50 = 10^{ec50:.2f}, slope {slope:.2f}, from {bottom:.2f} to {top:.2f}")

FAULTS = (
    [("d_u = d_s * s * (1 - s)", "g = 1 / (1 + np.exp(-s))\n    d_u = d_s * g * (1 - g)", "derivative at the output")],
    [("ec50 -= lr * d_ec50", "ec50 += lr * d_ec50", "climbs")],
    [("err = fit - response", "err = fit - response.ravel()", "broadcast")],
    [
        ("d_top = np.sum(d_fit * s)", "d_top = np.mean(d_fit * s)", "extra mean"),
        ("d_u = d_s * s * (1 - s)", "d_u = d_s", "missing derivative"),
    ],
)
