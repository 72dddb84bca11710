"""The two-layer ReLU network of a tutorial: no biases, a sum of squares as loss, plain descent."""

import numpy as np

np.random.seed(0)
# N is batch size; D_in is input dimension; H is hidden dimension; D_out is output dimension.
N, D_in, H, D_out = 7, 5, 6, 3

x = np.random.randn(N, D_in)
y = np.random.randn(N, D_out)

w1 = 0.5 * np.random.randn(D_in, H)
w2 = 0.5 * np.random.randn(H, D_out)

learning_rate = 1e-3
for t in range(16):
    # Forward pass: compute predicted y
    h = x.dot(w1)
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(w2)

    loss = np.square(y_pred - y).sum()
    if t % 5 == 4:
        print(t, loss)

    # Backprop to compute gradients of w1 and w2 with respect to loss
    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.T.dot(grad_y_pred)
    grad_h_relu = grad_y_pred.dot(w2.T)
    grad_h = grad_h_relu.copy()
    grad_h[h < 0] = 0
    grad_w1 = x.T.dot(grad_h)

    # Update weights
    w1 -= learning_rate * grad_w1
    w2 -= learning_rate * grad_w2

FAULTS = (
    [("grad_h[h < 0] = 0", "grad_h[grad_h < 0] = 0", "wrong derivative")],
    [("grad_y_pred = 2.0 * (y_pred - y)", "grad_y_pred = y_pred - y", "factor")],
    [("grad_w1 = x.T.dot(grad_h)", "grad_w1 = x.T.dot(grad_h_relu)", "missing derivative")],
    [
        ("grad_y_pred = 2.0 * (y_pred - y)", "grad_y_pred = 2.0 * (y - y_pred)", "sign"),
        ("    grad_h[h < 0] = 0\n", "", "missing derivative"),
    ],
)
