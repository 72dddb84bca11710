"""A course's exercise with Chinese comments: 两层神经网络, sigmoid and softmax, mini-batches that cover the data."""

# ruff: noqa: PLC2401 (its names are Chinese, as its author writes them)
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    x = x - np.max(x, axis=-1, keepdims=True)  # 防止溢出
    return np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True)


np.random.seed(8)
输入 = np.random.randn(12, 4)
标签 = np.eye(3)[np.random.randint(0, 3, 12)]  # 独热编码

# 初始化参数
W1 = 0.7 * np.random.randn(4, 5)
b1 = np.zeros(5)
W2 = 0.7 * np.random.randn(5, 3)
b2 = np.zeros(3)
学习率 = 0.3
批量大小 = 6

for 轮次 in range(20):
    for 起点 in range(0, len(输入), 批量大小):
        x = 输入[起点 : 起点 + 批量大小]
        t = 标签[起点 : 起点 + 批量大小]

        # 前向传播
        z1 = sigmoid(np.dot(x, W1) + b1)
        y = softmax(np.dot(z1, W2) + b2)
        损失 = -np.sum(t * np.log(y + 1e-12)) / len(x)

        # 反向传播
        dy = (y - t) / len(x)
        dW2 = np.dot(z1.T, dy)
        db2 = np.sum(dy, axis=0)
        dz1 = np.dot(dy, W2.T)
        da1 = z1 * (1 - z1) * dz1
        dW1 = np.dot(x.T, da1)
        db1 = np.sum(da1, axis=0)

        # 更新参数
        W1 -= 学习率 * dW1
        b1 -= 学习率 * db1
        W2 -= 学习率 * dW2
        b2 -= 学习率 * db2
    if 轮次 % 5 == 0:
        print("损失", 损失)

FAULTS = (
    [("dy = (y - t) / len(x)", "dy = (y - t) / len(x) * y * (1 - y)", "output derivative twice")],
    [("da1 = z1 * (1 - z1) * dz1", "da1 = sigmoid(z1) * (1 - sigmoid(z1)) * dz1", "derivative at the output")],
    [("db1 = np.sum(da1, axis=0)", "db1 = np.mean(da1, axis=0)", "extra mean")],
    [
        ("dy = (y - t) / len(x)", "dy = y - t", "missing mean"),
        ("da1 = z1 * (1 - z1) * dz1", "da1 = dz1", "missing derivative"),
    ],
    [
        ("db2 = np.sum(dy, axis=0)", "db2 = np.sum(dy)", "wrong axis"),
        ("b1 -= 学习率 * db1", "b1 += 学习率 * db1", "climbs"),
    ],
)
