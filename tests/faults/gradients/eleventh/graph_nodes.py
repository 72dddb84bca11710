"""Two graph convolutions tell the communities of a small directed graph; a few nodes are labelled."""

import numpy as np

np.random.seed(17)
n_nodes, n_feat, n_hid, n_cls = 18, 4, 6, 3
community = np.arange(n_nodes) % n_cls
prob = np.where(community[:, None] == community[None, :], 0.5, 0.08)
adj = (np.random.rand(n_nodes, n_nodes) < prob) | np.eye(n_nodes, dtype=bool)
A_hat = adj / adj.sum(axis=1, keepdims=True)
H0 = np.random.randn(n_nodes, n_feat) + np.eye(n_cls, n_feat)[community]
train = np.zeros(n_nodes, dtype=bool)
train[:9] = True
n_train = train.sum()
onehot = np.eye(n_cls)[community]


def softmax(z):
    ez = np.exp(z - z.max(1, keepdims=True))
    return ez / ez.sum(1, keepdims=True)


class GCN:
    def __init__(self):
        self.W0 = np.random.randn(n_feat, n_hid) * 0.5
        self.b0 = np.random.randn(n_hid) * 0.1
        self.W1 = np.random.randn(n_hid, n_cls) * 0.5

    def forward(self):
        self.AH0 = A_hat @ H0
        self.Z1 = self.AH0 @ self.W0 + self.b0
        self.H1 = np.maximum(self.Z1, 0)
        self.AH1 = A_hat @ self.H1
        self.P = softmax(self.AH1 @ self.W1)
        return -np.log(self.P[train, community[train]]).sum() / n_train

    def backward(self):
        dZ2 = (self.P - onehot) / n_train
        dZ2[~train] = 0
        self.gW1 = self.AH1.T @ dZ2
        dAH1 = dZ2 @ self.W1.T
        dH1 = A_hat.T @ dAH1
        dZ1 = dH1 * (self.Z1 > 0)
        self.gW0 = self.AH0.T @ dZ1
        self.gb0 = dZ1.sum(axis=0)

    def update(self, lr, weight_decay):
        for name in ("W0", "b0", "W1"):
            value = getattr(self, name)
            setattr(self, name, value - lr * (getattr(self, "g" + name) + weight_decay * value))


model = GCN()
train_loss = []
for epoch in range(25):
    train_loss.append(model.forward())
    model.backward()
    model.update(lr=0.5, weight_decay=1e-4)
print(train_loss[0], "->", train_loss[-1])

FAULTS = (
    [("dH1 = A_hat.T @ dAH1", "dH1 = A_hat @ dAH1", "transpose")],
    [("        dZ2[~train] = 0\n", "", "extra path")],
    [
        (
            "dZ2 = (self.P - onehot) / n_train",
            "dZ2 = (self.P - onehot) * self.P * (1 - self.P) / n_train",
            "output derivative twice",
        )
    ],
    [
        ("dZ2 = (self.P - onehot) / n_train", "dZ2 = (self.P - np.roll(onehot, 1, axis=1)) / n_train", "wrong target"),
        ("self.gb0 = dZ1.sum(axis=0)", "self.gb0 = dZ1.sum()", "wrong axis"),
    ],
)
