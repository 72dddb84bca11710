"""Real data for the held-out runs: scikit-learn's small sets, and those of ../shared/data where they are."""

import csv
import gzip
from functools import cache

import numpy as np
import pytest
from training_runs import shared

datasets = pytest.importorskip(
    "sklearn.datasets", reason="data sets come with scikit-learn: pip install maplet[examples]"
)


def scaled(x):
    """Columns of mean 0 and deviation 1."""
    x = np.asarray(x, np.float64)
    return ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)).astype(np.float32)


def mixed(x, y, seed=0):
    """The same rows in an order that says nothing."""
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], y[order]


def iris():
    loaded = datasets.load_iris()
    return mixed(scaled(loaded.data), loaded.target)


def wines():
    loaded = datasets.load_wine()
    return mixed(scaled(loaded.data), loaded.target)


def tumours():
    loaded = datasets.load_breast_cancer()
    return mixed(scaled(loaded.data), loaded.target)


def diabetes():
    loaded = datasets.load_diabetes()
    return scaled(loaded.data), scaled(loaded.target[:, None])


@cache
def all_digits():
    loaded = datasets.load_digits()
    return (loaded.images[:, :, :, None] / 16).astype(np.float32), loaded.target


def digits(rows=800):
    x, y = all_digits()
    return x[:rows], y[:rows]


# ── beside the repository ────────────────────────────────────────────────────────────────────────


def read(path, rows, delimiter=","):
    """The first rows of a CSV file, as a dict of columns of text."""
    with (shared / path).open(encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter=delimiter)
        found = [row for row, _ in zip(reader, range(rows), strict=False)]
    return {name: [row[name] for row in found] for name in found[0]}


def penguins():
    columns = read("penguins/penguins.csv", 400)
    names = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    rows = [row for row in zip(*(columns[name] for name in (*names, "species")), strict=True) if "NA" not in row]
    species = sorted({row[-1] for row in rows})
    return mixed(scaled([row[:-1] for row in rows]), np.array([species.index(row[-1]) for row in rows]))


def red_wines(rows=1600):
    """Eleven measurements of a wine, and its mark."""
    columns = read("wine_quality/winequality-red.csv", rows, ";")
    numbers = np.array(list(columns.values()), np.float64).T
    return mixed(scaled(numbers[:, :-1]), numbers[:, -1])


def houses(rows=1500):
    """Eight measurements of a district, and the logarithm of the price of its houses."""
    columns = read("california_housing/housing.csv", 20640)
    names = [name for name in columns if name not in {"ocean_proximity", "total_bedrooms"}]
    numbers = np.array([columns[name] for name in names], np.float64).T
    x, y = mixed(numbers[:, :-1], numbers[:, -1:])
    return scaled(x[:rows]), scaled(np.log(y[:rows]))


def handwriting(rows=600):
    """Images of MNIST, every second pixel of every second line."""
    with gzip.open(shared / "mnist" / "t10k-images-idx3-ubyte.gz") as file:
        x = np.frombuffer(file.read(16 + 784 * rows), np.uint8, offset=16).reshape(rows, 28, 28, 1)
    with gzip.open(shared / "mnist" / "t10k-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(8 + rows), np.uint8, offset=8)
    return x[:, ::2, ::2].astype(np.float32) / 255, y.astype(np.int64)


def temperatures(rows=700, length=12):
    """Hours of a transformer's load and oil temperature, and the temperature of the next hour."""
    columns = read("ett/ETTh1.csv", rows + length)
    hours = scaled(np.array([columns[name] for name in list(columns)[1:]], np.float64).T)
    windows = np.stack([hours[n : n + length] for n in range(rows)])
    return mixed(windows, hours[length : length + rows, -1:])


def first_names(rows=800, length=8):
    """First names as numbers of letters, 0 behind the last, and whether they end in a vowel."""
    words = (shared / "names" / "names.txt").read_text(encoding="utf-8").split()[:rows]
    x = np.zeros((rows, length), np.int64)
    for n, word in enumerate(words):
        letters = [ord(letter) - 96 for letter in word[-length:]]
        x[n, : len(letters)] = letters
    return mixed(x, np.array([int(word[-1] in "aeiouy") for word in words]))


def sentences(rows=800, length=20, words=400):
    """Sentences about films as numbers of frequent words, 0 for others, and whether they praise."""
    praise = [
        (line.split(), label)
        for label, name in enumerate(("neg", "pos"))
        for line in (shared / f"sentence_polarity/rt-polarity.{name}").read_text(encoding="latin-1").splitlines()
    ]
    counts = {}
    for sentence, _ in praise:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    number = {word: n + 1 for n, word in enumerate(sorted(counts, key=lambda word: -counts[word])[:words])}
    x = np.zeros((len(praise), length), np.int64)
    for n, (sentence, _) in enumerate(praise):
        known = [number.get(word, 0) for word in sentence[:length]]
        x[n, : len(known)] = known
    x, y = mixed(x, np.array([label for _, label in praise]))
    return x[:rows], y[:rows]
