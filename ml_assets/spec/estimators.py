"""The estimators of scikit-learn that a spec may name, and their settings.

Belongs here: the published list, and what is wrong with settings. Does not belong here: fitting
(`stages/train/sklearn`).

On the list is what skops keeps without a type of unknown code, whose predictions of a row do not
depend on the rows beside it, and that gives probabilities where it predicts classes. Forests and
boosted trees are families of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from ml_assets.faults import suggest

REGRESSORS = (
    "sklearn.cross_decomposition.PLSRegression",
    "sklearn.kernel_ridge.KernelRidge",
    "sklearn.linear_model.ARDRegression",
    "sklearn.linear_model.BayesianRidge",
    "sklearn.linear_model.ElasticNet",
    "sklearn.linear_model.GammaRegressor",
    "sklearn.linear_model.HuberRegressor",
    "sklearn.linear_model.Lasso",
    "sklearn.linear_model.LinearRegression",
    "sklearn.linear_model.PoissonRegressor",
    "sklearn.linear_model.QuantileRegressor",
    "sklearn.linear_model.Ridge",
    "sklearn.linear_model.SGDRegressor",
    "sklearn.neighbors.KNeighborsRegressor",
    "sklearn.neural_network.MLPRegressor",
    "sklearn.svm.LinearSVR",
    "sklearn.svm.NuSVR",
    "sklearn.svm.SVR",
)
CLASSIFIERS = (
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.SGDClassifier",
    "sklearn.naive_bayes.BernoulliNB",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.neural_network.MLPClassifier",
)
TRANSFORMERS = (
    "sklearn.decomposition.PCA",
    "sklearn.decomposition.TruncatedSVD",
    "sklearn.feature_selection.VarianceThreshold",
    "sklearn.kernel_approximation.Nystroem",
    "sklearn.kernel_approximation.RBFSampler",
    "sklearn.preprocessing.MaxAbsScaler",
    "sklearn.preprocessing.MinMaxScaler",
    "sklearn.preprocessing.Normalizer",
    "sklearn.preprocessing.PolynomialFeatures",
    "sklearn.preprocessing.PowerTransformer",
    "sklearn.preprocessing.QuantileTransformer",
    "sklearn.preprocessing.RobustScaler",
    "sklearn.preprocessing.StandardScaler",
)
WITHOUT_PROBABILITIES = (
    "sklearn.linear_model.Perceptron",
    "sklearn.linear_model.RidgeClassifier",
    "sklearn.neighbors.NearestCentroid",
    "sklearn.svm.LinearSVC",
    "sklearn.svm.NuSVC",
    "sklearn.svm.SVC",
)
OURS: Mapping[str, str] = {
    "RandomForest": "random_forest",
    "ExtraTrees": "extra_trees",
    "HistGradientBoosting": "hist_gradient_boosting",
}
"""What is a family of its own, by the beginning of its name."""
FIXED = ("copy", "copy_X", "copy_X_train", "memory", "n_jobs", "verbose", "warm_start")
"""Settings that are the project's, or change nothing in a model."""
REFUSED = ("precomputed", "box-cox")
"""Values that need other inputs than numbers of any sign."""
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sklearn.linear_model.SGDClassifier": {"loss": "log_loss"},
    "sklearn.neighbors.KNeighborsClassifier": {"algorithm": "brute"},
    "sklearn.neighbors.KNeighborsRegressor": {"algorithm": "brute"},
}
"""Settings that differ from scikit-learn's, since nothing else is kept or gives probabilities."""


def wrong_name(name: str, available: tuple[str, ...], what: str) -> str | None:
    """Return what is wrong with an estimator's name, or None."""
    if name in available:
        return None
    if name in WITHOUT_PROBABILITIES:
        return f"{name} gives no probabilities of classes;{_listed(available)}"
    own = name.rpartition(".")[2]
    family = next((ours for start, ours in OURS.items() if own.startswith(start)), None)
    if family is not None:
        return f"{name} is a family of its own: `family: {family}`"
    near = [full for full in available if full.rpartition(".")[2].lower() == own.lower()]
    hint = f"; did you mean {near[0]!r}?" if near else suggest(name, available)
    return f"no {what} {name!r}{hint}{_listed(available) if near else ''}"


def _listed(available: tuple[str, ...]) -> str:
    return f" available: {', '.join(available)}"


def wrong_settings(name: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each setting of an estimator on the list that it does not take, and why."""
    from sklearn.utils._param_validation import (
        InvalidParameterError,
        validate_parameter_constraints,
    )

    module, _, own = name.rpartition(".")
    kind = getattr(import_module(module), own)  # never an error
    known = sorted(set(kind._get_param_names()) - set(FIXED))
    for setting, value in settings.items():
        if setting in FIXED:
            yield setting, "is set by ml_assets, or changes nothing in a model"
        elif setting not in known:
            yield setting, f"{own} has no such setting{suggest(setting, known)}"
        elif value in REFUSED:
            yield setting, f"got {value!r}, which needs inputs of another kind"
        elif setting in DEFAULTS.get(name, {}) and value != DEFAULTS[name][setting]:
            yield setting, f"got {value!r}, wanted {DEFAULTS[name][setting]!r}, the only one kept"
        else:
            rules = {setting: kind._parameter_constraints[setting]}
            try:
                validate_parameter_constraints(rules, {setting: value}, caller_name=own)
            except InvalidParameterError as error:
                yield setting, str(error)
