"""两层网络识别图片:每一列是一个样本。"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


np.random.seed(3)
X = np.random.randn(4, 12)  # 特征数 × 样本数
Y = (X[:1] * X[1:2] > 0).astype(float)  # 标签,形状 (1, 样本数)
m = X.shape[1]

# 初始化参数
W1 = np.random.randn(5, 4) * 0.5
b1 = 0.1 * np.random.randn(5, 1)
W2 = np.random.randn(1, 5) * 0.5
b2 = np.zeros((1, 1))
alpha = 0.3  # 学习率
lambd = 0.1  # 正则化系数

for i in range(12):
    # 前向传播
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    A2 = sigmoid(np.dot(W2, A1) + b2)
    # 代价函数:交叉熵加上 L2 正则化
    cross_entropy = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    cost = cross_entropy + lambd / (2 * m) * (np.sum(W1**2) + np.sum(W2**2))
    # 反向传播
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m + lambd / m * W2
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * (1 - A1**2)
    dW1 = np.dot(dZ1, X.T) / m + lambd / m * W1
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    # 更新参数
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
    if i % 4 == 0:
        print(i, cost)

FAULTS = (
    [("dW1 = np.dot(dZ1, X.T) / m + lambd / m * W1", "dW1 = np.dot(dZ1, X.T) / m", "missing path")],
    [
        (
            "db1 = np.sum(dZ1, axis=1, keepdims=True) / m",
            "db1 = np.sum(dZ1, axis=1, keepdims=True) / m + lambd / m * b1",
            "extra path",
        )
    ],
    [("dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "output derivative twice")],
    [("db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = dZ1 / m", "not summed")],
    [
        ("    dZ1 = np.dot(W2.T, dZ2)", "    W2 = W2 - alpha * dW2\n    dZ1 = np.dot(W2.T, dZ2)", "stale weights"),
        ("    W2 = W2 - alpha * dW2\n    b2 = ", "    b2 = "),
    ],
    [
        ("(1 - A1**2)", "(1 - Z1**2)", "derivative at the input"),
        ("b2 = b2 - alpha * db2", "b2 = b2 + alpha * db2", "climbs"),
    ],
)
