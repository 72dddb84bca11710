"""A contrastive loss between two views: cosine similarities over a temperature, and each row finds its own column."""

import numpy as np


class Contrastive:
    def __init__(self, rng, n_image, n_text, size):
        self.Wi = rng.normal(size=(n_image, size))
        self.Wt = rng.normal(size=(n_text, size))
        self.log_scale = np.array(0.4)

    def loss(self, images, texts):
        self.images, self.texts = images, texts
        f, g = images @ self.Wi, texts @ self.Wt
        self.f_norm = np.sqrt(np.sum(f**2, axis=1, keepdims=True))
        self.g_norm = np.sqrt(np.sum(g**2, axis=1, keepdims=True))
        self.u, self.v = f / self.f_norm, g / self.g_norm
        self.cosines = self.u @ self.v.T
        logits = np.exp(self.log_scale) * self.cosines
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(np.diag(self.p)))

    def backward(self):
        n = len(self.p)
        d_logits = (self.p - np.eye(n)) / n
        scale = np.exp(self.log_scale)
        self.d_log_scale = np.sum(d_logits * self.cosines) * scale
        d_cosines = d_logits * scale
        du = d_cosines @ self.v
        dv = d_cosines.T @ self.u
        df = (du - self.u * np.sum(self.u * du, axis=1, keepdims=True)) / self.f_norm
        dg = (dv - self.v * np.sum(self.v * dv, axis=1, keepdims=True)) / self.g_norm
        self.dWi = self.images.T @ df
        self.dWt = self.texts.T @ dg


def subject(rng):
    model = Contrastive(rng, 4, 3, 5)
    return model.loss, model.backward, (rng.normal(size=(6, 4)), rng.normal(size=(6, 3)))


FAULTS = (
    [("dv = d_cosines.T @ self.u", "dv = d_cosines @ self.u", "transpose")],
    [
        (
            "df = (du - self.u * np.sum(self.u * du, axis=1, keepdims=True)) / self.f_norm",
            "df = du / self.f_norm",
            "missing path",
        )
    ],
    [
        (
            "self.d_log_scale = np.sum(d_logits * self.cosines) * scale",
            "self.d_log_scale = np.sum(d_logits * self.cosines)",
            "missing derivative",
        )
    ],
    [
        ("d_cosines = d_logits * scale", "d_cosines = d_logits", "missing derivative"),
        ("d_logits = (self.p - np.eye(n)) / n", "d_logits = (self.p - np.eye(n)) / n**2", "extra mean"),
    ],
    [
        ("d_logits = (self.p - np.eye(n)) / n", "d_logits = (np.eye(n) - self.p) / n", "sign"),
        ("dv = d_cosines.T @ self.u", "dv = d_cosines @ self.u", "transpose"),
    ],
)
