"""两层神经网络 手写反向传播 (a two-layer net whose author writes Chinese)"""

# ruff: noqa: N801, N802, PLC2401 (its names are Chinese, as its author writes them)

import numpy as np


class 神经网络:
    def __init__(self, rng, 输入维度, 隐藏维度, 类别数):
        self.权重1 = rng.normal(size=(输入维度, 隐藏维度)) * 0.5
        self.偏置1 = np.zeros(隐藏维度) + 0.1
        self.权重2 = rng.normal(size=(隐藏维度, 类别数)) * 0.5
        self.偏置2 = np.zeros(类别数)
        self.正则系数 = 0.4

    def 前向传播(self, 数据, 标签):
        self.数据, self.标签 = 数据, 标签
        self.净输入 = 数据 @ self.权重1 + self.偏置1
        self.隐藏层 = 1 / (1 + np.exp(-self.净输入))  # sigmoid 激活
        得分 = self.隐藏层 @ self.权重2 + self.偏置2
        指数 = np.exp(得分 - np.max(得分, axis=1, keepdims=True))
        self.概率 = 指数 / np.sum(指数, axis=1, keepdims=True)
        样本数 = 数据.shape[0]
        交叉熵 = -np.sum(标签 * np.log(self.概率)) / 样本数
        return 交叉熵 + self.正则系数 * np.sum(self.权重1**2)  # 只对第一层做正则化

    def 反向传播(self):
        样本数 = self.数据.shape[0]
        误差2 = (self.概率 - self.标签) / 样本数
        梯度 = {}
        梯度["权重2"] = self.隐藏层.T @ 误差2
        梯度["偏置2"] = np.sum(误差2, axis=0)
        误差1 = (误差2 @ self.权重2.T) * self.隐藏层 * (1 - self.隐藏层)
        梯度["权重1"] = self.数据.T @ 误差1 + 2 * self.正则系数 * self.权重1
        梯度["偏置1"] = np.sum(误差1, axis=0)
        return 梯度


def subject(rng):
    网络 = 神经网络(rng, 4, 5, 3)
    return 网络.前向传播, 网络.反向传播, (rng.normal(size=(7, 4)), np.eye(3)[rng.integers(0, 3, 7)])


FAULTS = (
    [("self.隐藏层 * (1 - self.隐藏层)", "self.净输入 * (1 - self.净输入)", "derivative at the input")],
    [
        (
            "误差2 = (self.概率 - self.标签) / 样本数",
            "误差2 = (self.概率 - self.标签) * self.概率 * (1 - self.概率) / 样本数",
            "output derivative twice",
        )
    ],
    [
        ("2 * self.正则系数 * self.权重1", "self.正则系数 * self.权重1", "factor"),
        ("误差2 = (self.概率 - self.标签) / 样本数", "误差2 = (self.标签 - self.概率) / 样本数", "sign"),
    ],
)
