"""One step of deep Q-learning: the value of the action that was taken, a target that is held, the Huber loss."""

import numpy as np


def q_values(s, W1, b1, W2, b2):
    z = s.dot(W1) + b1
    h = np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1)
    return h.dot(W2) + b2, z, h


def td_loss(s, actions, goal, W1, b1, W2, b2):
    q, z, h = q_values(s, W1, b1, W2, b2)
    taken = q[np.arange(len(actions)), actions]
    error = taken - goal
    small = np.abs(error) <= 1
    huber = np.where(small, 0.5 * error**2, np.abs(error) - 0.5)
    return huber.mean(), q, z, h, error


def td_gradients(s, actions, goal, W1, b1, W2, b2, q, z, h, error):
    n = len(actions)
    d_taken = np.clip(error, -1, 1) / n
    dq = np.zeros_like(q)
    dq[np.arange(n), actions] = d_taken
    dW2 = h.T.dot(dq)
    db2 = dq.sum(axis=0)
    dh = dq.dot(W2.T)
    dz = dh * np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))
    dW1 = s.T.dot(dz)
    db1 = dz.sum(axis=0)
    return dW1, db1, dW2, db2


def subject(rng):
    shapes = [(4, 6), (6,), (6, 3), (3,)]
    weights = [rng.normal(size=shape) for shape in shapes]
    args = (rng.normal(size=(8, 4)), rng.integers(0, 3, 8), 2 * rng.normal(size=8), *weights)
    return td_loss, td_gradients, args


FAULTS = (
    [("d_taken = np.clip(error, -1, 1) / n", "d_taken = error / n", "wrong derivative")],
    [("d_taken = np.clip(error, -1, 1) / n", "d_taken = np.clip(error, -1, 1)", "missing mean")],
    [("dq[np.arange(n), actions] = d_taken", "dq[np.arange(n), actions] = -d_taken", "sign")],
    [("np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))", "(z > 0)", "wrong derivative")],
    [("dz = dh * np.where(z > 0, 1.0, np.exp(np.minimum(z, 0)))", "dz = dh", "missing derivative")],
    [("db2 = dq.sum(axis=0)", "db2 = dq.mean(axis=0)", "extra mean")],
    [("db1 = dz.sum(axis=0)", "db1 = dz.sum(axis=1)", "wrong axis")],
    [
        ("dq[np.arange(n), actions] = d_taken", "dq[np.arange(n), actions] = -d_taken", "sign"),
        ("db1 = dz.sum(axis=0)", "db1 = dh.sum(axis=0)", "missing derivative"),
    ],
)
