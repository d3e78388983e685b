"""Real data sets that come with scikit-learn."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from tinygraph.data.samples import Samples


def breast_cancer() -> Samples:
    """569 tumours, 30 features of their cells' nuclei each; 1 is benign, 0 malignant.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.

    W. Street, W. Wolberg and O. Mangasarian, Nuclear feature extraction for breast tumor diagnosis, 1993.
    """
    return _loaded("breast_cancer")


def iris() -> Samples:
    """150 irises of three species, 4 lengths and widths each. R. Fisher, 1936.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    return _loaded("iris")


def wine() -> Samples:
    """178 wines of three growers, 13 chemical measures each. S. Aeberhard and M. Forina, 1991.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    return _loaded("wine")


def diabetes() -> Samples:
    """442 patients, 10 measures each; the target is the progress of the disease, a number: regression.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.

    B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, 2004.
    """
    return _loaded("diabetes")


def _loaded(name: str) -> Samples:
    try:
        datasets = import_module("sklearn.datasets")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f"{name} comes with scikit-learn: pip install scikit-learn") from None
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return Samples(x, y.astype(np.float64 if name == "diabetes" else np.int64))
