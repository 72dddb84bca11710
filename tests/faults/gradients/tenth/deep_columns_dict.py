"""深层网络:每个样本是一列,参数和梯度都放在字典里。"""

import numpy as np


def forward(X, Y, W1, b1, W2, b2, W3, b3):
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "W3": W3, "b3": b3}
    cache = {"A0": X, "Y": Y}
    for l in (1, 2, 3):
        # 线性部分,然后是激活函数:隐藏层用 tanh,输出层用 sigmoid
        cache[f"Z{l}"] = params[f"W{l}"] @ cache[f"A{l - 1}"] + params[f"b{l}"]
        cache[f"A{l}"] = np.tanh(cache[f"Z{l}"]) if l < 3 else 1 / (1 + np.exp(-cache[f"Z{l}"]))
    m = X.shape[1]  # 样本数
    AL = cache["A3"]
    cost = -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m
    return cost, cache, params


def backward(cache, params):
    grads = {}
    m = cache["Y"].shape[1]
    dZ = cache["A3"] - cache["Y"]  # 交叉熵与 sigmoid 合在一起的导数
    for l in (3, 2, 1):
        grads[f"W{l}"] = dZ @ cache[f"A{l - 1}"].T / m
        grads[f"b{l}"] = dZ.sum(axis=1, keepdims=True) / m
        if l > 1:
            dA = params[f"W{l}"].T @ dZ
            dZ = dA * (1 - cache[f"A{l - 1}"] ** 2)
    return grads


def subject(rng):
    sizes = [3, 4, 4, 1]
    weights = []
    for before, after in zip(sizes, sizes[1:]):
        weights += [0.7 * rng.normal(size=(after, before)), rng.normal(size=(after, 1))]
    return forward, backward, (rng.normal(size=(3, 5)), np.array([[1.0, 0.0, 1.0, 1.0, 0.0]]), *weights)


FAULTS = (
    [('dZ = dA * (1 - cache[f"A{l - 1}"] ** 2)', 'dZ = dA * (1 - cache[f"Z{l - 1}"] ** 2)', "derivative at the input")],
    [('grads[f"b{l}"] = dZ.sum(axis=1, keepdims=True) / m', 'grads[f"b{l}"] = dZ / m', "not summed")],
    [('grads[f"W{l}"] = dZ @ cache[f"A{l - 1}"].T / m', 'grads[f"W{l}"] = dZ @ cache[f"A{l - 1}"].T', "missing mean")],
    [
        (
            'dZ = cache["A3"] - cache["Y"]',
            'dZ = (cache["A3"] - cache["Y"]) * cache["A3"] * (1 - cache["A3"])',
            "output derivative twice",
        )
    ],
    [
        ('dZ = dA * (1 - cache[f"A{l - 1}"] ** 2)', "dZ = dA", "missing derivative"),
        ("dZ.sum(axis=1, keepdims=True) / m", "dZ.sum(axis=1, keepdims=True) / m / m", "extra mean"),
    ],
)
