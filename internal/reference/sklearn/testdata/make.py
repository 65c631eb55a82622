"""Writes the fixtures beside it: fits by scikit-learn's GaussianMixture that ours must equal.

Needs numpy and scikit-learn; the versions used are recorded in the fixtures. Run it as

    python make.py

The events are random mixtures, rounded to three decimals, so that the numbers in the files are the numbers that were fitted.
Starts are given in full, so no random choice of scikit-learn's is involved, and a tolerance of 0 makes it run the number of
iterations asked for.
"""

import json
import pathlib
import platform
import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

EVENTS = {1: 200, 2: 230, 7: 260, 13: 300}  # for each number of dimensions
COMPONENTS = (1, 2, 5)
COVARIANCES = ("full", "diag", "tied", "spherical")
ITERATIONS = (1, 5, 20)
# scikit-learn's default, and one that is seen in the results.
RIDGES = {"full": 1e-6, "diag": 1e-2, "tied": 1e-2, "spherical": 1e-6}

EVENT_DECIMALS = 3
START_DECIMALS = 2
# What is compared to 1e-9 is written a hundred times as precisely.
RESULT_DIGITS = 13
LIKELIHOOD_DECIMALS = 11


def rounded(values):
    """Returns results with the digits that are compared, row by row."""
    return [float(f"{v:.{RESULT_DIGITS}g}") for v in values.ravel()]


def random_covariance(random, d):
    """Returns a covariance of variances near 1, with correlations."""
    g = random.normal(size=(d, 2 * d))
    return g @ g.T / (2 * d)


def events(random, n, m, d):
    """Returns n events of a mixture of m overlapping components."""
    means = random.normal(scale=2, size=(m, d))
    roots = [np.linalg.cholesky(random_covariance(random, d)) for _ in range(m)]
    labels = random.integers(m, size=n)
    x = [means[k] + roots[k] @ random.normal(size=d) for k in labels]
    return np.round(np.array(x), EVENT_DECIMALS)


def start(random, x, m, covariance_type):
    """Returns weights, means and covariances to start from."""
    d = x.shape[1]
    weights = np.arange(1, m + 1) / (m * (m + 1) / 2)
    means = np.round(x[random.choice(len(x), m, replace=False)], START_DECIMALS)
    matrices = np.round([2 * random_covariance(random, d) + np.eye(d) for _ in range(m)], START_DECIMALS)
    covariances = {
        "full": matrices,
        "tied": matrices[0],
        "diag": np.array([np.diag(s) for s in matrices]),
        "spherical": matrices[:, 0, 0],
    }[covariance_type]
    return weights, means, covariances


def precisions(covariances, covariance_type):
    """Returns the inverses of covariances."""
    if covariance_type in ("full", "tied"):
        return np.linalg.inv(covariances)
    return 1 / covariances


def fit(random, x, m, covariance_type):
    """Returns one start and what scikit-learn makes of it."""
    weights, means, covariances = start(random, x, m, covariance_type)
    states = []
    for iterations in ITERATIONS:
        model = GaussianMixture(
            n_components=m,
            covariance_type=covariance_type,
            tol=0,
            reg_covar=RIDGES[covariance_type],
            max_iter=iterations,
            weights_init=weights,
            means_init=means,
            precisions_init=precisions(covariances, covariance_type),
        ).fit(x)
        assert model.n_iter_ == iterations
        states.append(
            {
                "iterations": iterations,
                "lower_bound": float(model.lower_bound_),
                "weights": rounded(model.weights_),
                "means": rounded(model.means_),
                "covariances": rounded(model.covariances_),
                "log_likelihoods": np.round(model.score_samples(x), LIKELIHOOD_DECIMALS).tolist(),
            }
        )
    return {
        "covariance_type": covariance_type,
        "reg_covar": RIDGES[covariance_type],
        "start": {
            "weights": weights.tolist(),
            "means": means.ravel().tolist(),
            "covariances": covariances.ravel().tolist(),
        },
        "after": states,
    }


def main():
    """Writes a file for each number of dimensions and components."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    folder = pathlib.Path(__file__).parent
    for d, n in EVENTS.items():
        for m in COMPONENTS:
            random = np.random.default_rng([d, m])
            x = events(random, n, m, d)
            fixture = {
                "made_by": "make.py",
                "python": platform.python_version(),
                "numpy": np.__version__,
                "scikit-learn": sklearn.__version__,
                "n": n,
                "m": m,
                "d": d,
                "x": x.ravel().tolist(),
                "fits": [fit(random, x, m, c) for c in COVARIANCES],
            }
            path = folder / f"m{m}_d{d}.json"
            path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
