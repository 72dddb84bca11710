"""The handwritten digits that scikit-learn carries."""

from importlib import import_module

import numpy as np

from maplet.data.idx import LabelledImages
from maplet.errors import DataError


def read_digits() -> LabelledImages:
    """1,797 real handwritten digits of 8 × 8 pixels, from scikit-learn; nothing is fetched.

    Each pixel counts the dark ones, 0 … 16, of the 4 × 4 that it stands for in the scan.

    Source: the test part of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998.

    Returns
    -------
    images, labels
        uint8 (1797, 8, 8) and int64 (1797,).

    Raises
    ------
    DataError
        When scikit-learn is not installed, or cannot be imported.

    Examples
    --------
    >>> images, labels = read_digits()  # doctest: +SKIP
    >>> images.shape  # doctest: +SKIP
    (1797, 8, 8)
    """
    try:
        # Imported only here: it takes a second, and nothing else needs it.
        datasets = import_module("sklearn.datasets")
    except ModuleNotFoundError as error:
        raise DataError(
            f"the digits come with scikit-learn, which is not installed ({error})",
            fix='python -m pip install "maplet[examples]"',
        ) from error
    except Exception as error:  # a package that does not fit its neighbours may raise anything
        raise DataError(
            f"the digits come with scikit-learn, whose import fails: {type(error).__name__}: {error}",
            fix='python -m pip install --force-reinstall "maplet[examples]"',
        ) from error
    digits = datasets.load_digits()
    return LabelledImages(np.asarray(digits.images).astype(np.uint8), np.asarray(digits.target).astype(np.int64))
