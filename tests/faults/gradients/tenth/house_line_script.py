"""房价与面积:一元线性回归,梯度下降。"""

import numpy as np

np.random.seed(7)
area = np.random.uniform(0.5, 2.0, size=(10, 1))  # 面积(百平方米),列向量
price = 3.0 * area[:, 0] + 1.0 + 0.1 * np.random.randn(10)  # 房价,一维数组
w, b = 0.2, 0.0
lr = 0.1

history = []
for epoch in range(50):
    pred = w * area + b  # 预测值
    loss = np.mean((pred - price[:, None]) ** 2)
    history.append(loss)
    # 梯度
    err = pred - price[:, None]
    dw = 2 * np.mean(err * area)
    db = 2 * np.mean(err)
    # 更新
    w -= lr * dw
    b -= lr * db
print(w, b, history[-1])

FAULTS = (
    [("err = pred - price[:, None]", "err = pred - price", "broadcast")],
    [("dw = 2 * np.mean(err * area)", "dw = np.mean(err * area)", "factor")],
    [("b -= lr * db", "b += lr * db", "climbs")],
    [
        ("dw = 2 * np.mean(err * area)", "dw = 2 * np.sum(err * area)", "missing mean"),
        ("db = 2 * np.mean(err)", "db = -2 * np.mean(err)", "sign"),
    ],
)
