"""BP 神经网络:一个隐藏层,sigmoid 激活,均方误差。"""

import numpy as np


class BPNetwork:
    def __init__(self, n_in, n_hidden, n_out, rng):
        self.w_ih = rng.normal(size=(n_in, n_hidden))
        self.b_h = rng.normal(size=(1, n_hidden))
        self.w_ho = rng.normal(size=(n_hidden, n_out))
        self.b_o = rng.normal(size=(1, n_out))

    @staticmethod
    def sigmoid(x):
        return 1.0 / (1.0 + np.exp(-x))

    @staticmethod
    def sigmoid_derivative(y):
        # y 已经是 sigmoid 的输出
        return y * (1.0 - y)

    def forward(self, x, t):
        self.h_in = x.dot(self.w_ih) + self.b_h
        self.h_out = self.sigmoid(self.h_in)
        self.o_in = self.h_out.dot(self.w_ho) + self.b_o
        self.o_out = self.sigmoid(self.o_in)
        return 0.5 * np.sum(np.square(self.o_out - t)) / x.shape[0]

    def backward(self, x, t):
        # 输出层误差
        error = self.o_out - t
        delta_o = error * self.sigmoid_derivative(self.o_out) / x.shape[0]
        # 隐藏层误差
        delta_h = delta_o.dot(self.w_ho.T) * self.sigmoid_derivative(self.h_out)
        self.grads = {
            "w_ho": self.h_out.T.dot(delta_o),
            "b_o": np.sum(delta_o, axis=0, keepdims=True),
            "w_ih": x.T.dot(delta_h),
            "b_h": np.sum(delta_h, axis=0, keepdims=True),
        }
        return self.grads


def subject(rng):
    net = BPNetwork(3, 4, 2, rng)
    t = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    return net.forward, net.backward, (rng.normal(size=(5, 3)), t)


FAULTS = (
    [("self.sigmoid_derivative(self.h_out)", "self.sigmoid_derivative(self.h_in)", "derivative at the input")],
    [("delta_o = error * self.sigmoid_derivative(self.o_out) /", "delta_o = error /", "missing derivative")],
    [("return y * (1.0 - y)", "return 1.0 - y * y", "wrong derivative")],
    [("error = self.o_out - t", "error = self.o_out - (2 * t - 1)", "wrong target")],
    [
        ("error = self.o_out - t", "error = 2 * (self.o_out - t)", "factor"),
        ('"b_h": np.sum(delta_h, axis=0, keepdims=True)', '"b_h": delta_h', "not summed"),
    ],
)
