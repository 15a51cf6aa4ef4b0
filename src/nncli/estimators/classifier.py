"""NNClassifier: rows in, classes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from nncli.data.task import CLASSIFICATION
from nncli.errors import did_you_mean, listing
from nncli.estimators.base import NNEstimator, check_share, takes_steps
from nncli.estimators.refusals import InvalidData, InvalidOption, InvalidUse, as_value_errors
from nncli.estimators.rows import classes_in, rows_of
from nncli.model.interval_of_model import least_probability
from nncli.nn.losses import LOSSES
from nncli.nn.models import preset_of


def _has_probabilities(estimator: NNClassifier) -> bool:
    """Tell whether a classifier gives probabilities, or will once it is fitted."""
    if hasattr(estimator, "model_"):
        return estimator.model_.probabilistic
    try:
        spec = estimator.loss or preset_of(estimator.model or "mlp").loss
        return bool(estimator.calibrate) or LOSSES.create(spec).probabilistic
    except Exception:  # of a parameter that `fit` refuses, and says why
        return True


class NNClassifier(ClassifierMixin, NNEstimator):
    """Classifier of the course, from the perceptron to networks of any depth, trained as `nncli train` does.

    Parameters
    ----------
    model : str, default None
        Kind of model: mlp, tabular, softmax, logistic, svm, perceptron, averaged-perceptron, mira or adaline; or auto,
        a blend of the best of a dozen. None: mlp, or one member of tabular for tables of at least 200 rows. tabular
        has other defaults than those below: see the docs, "Models".
    hidden : int, tuple of int or str, default None
        Units in each hidden layer, as 64 or (128, 64). None: 64 for mlp, else none.
    activation : str, default None
        Activation of the hidden layers, or of each one, as "relu,tanh". None: relu.
    loss : str, default None
        Loss to minimise, with its link if another is wanted, as "mse:link=softmax". None: that of the model.
    init : str, default None
        Initial weights. None: zeros without hidden layers, else as suits the activation.
    learn_scale : bool, default None
        Whether a factor of each input is learned. None: no.
    number_embedding : str, default None
        Learned embedding of each number: "pbld". None: none.
    category_embedding : int, default None
        How many numbers stand for each category of columns with more than 12 of them. None: 0, an input for each.
    embedding : int, default None
        How many numbers stand for each word and n-gram of texts. None: 0, an input for each.
    vectors : str, default None
        File of vectors of words that the embedding starts from. None: random ones.
    ensemble : int or str, default None
        How many members are trained together, whose answers are averaged; "shared:8" for 8 that share weights. None: 1.
    dtype : str, default "float32"
        Type of the numbers of the network: float32 or float64.
    dropout : float, default None
        Share of the hidden units dropped at each step. None: 0.
    input_dropout : float, default None
        Share of the inputs dropped at each step. None: 0.
    categorical : tuple of str, default ()
        Columns of numbers to treat as categories; those of an array are called c0, c1, ….
    text : tuple of str, default ()
        Columns of text whose words are learned from, beside those that hold sentences, and a list of texts.
    ngrams : str, default None
        What is counted in texts, as "words:1-2,chars:3-5". None: "words:1-2,chars:2-5", and without
        sequences of characters for more than 5 million characters of text.
    hash_bits : int, default None
        Texts have 2^N inputs. None: 18.
    vocabulary : bool, default False
        Keep the names of the n-grams of texts in the model, so that explain names them without the training data.
    dedupe : bool, default False
        Use rows that are the same in all columns only once.
    scale : str, default "auto"
        Scaling of numbers: auto, standard, robust (median and quartiles, outliers drawn in to ±3), minmax or none;
        auto divides pixels by their maximum and standardises all other numbers.
    val : float, default None
        Share of the rows for validation, by which the epoch is chosen; 0 for none. None: 0.15, and none of
        fewer than 20 rows, or where a class would have none.
    test : float or None, default 0.0
        Share of the rows kept for `figures_["test"]`. None: 0.15.
    split_seed : int, default None
        Seed of the split alone. None: that of `seed`.
    rare : str, default None
        What to do with classes of too few rows to split: "drop", or "merge=NAME". None: they are refused.
    group : str, default None
        Column of groups: rows of one group stay in one part. It is no input.
    time : str, default None
        Column of dates or numbers to split by, the latest rows last. It is no input.
    optimizer : str, default None
        Method that updates the weights, with settings as "momentum:mu=0.95". None: that of the model.
    lr : float, default None
        Initial learning rate. None: that of the optimizer.
    lr_scale : str, default None
        Factors of the learning rate by kind of parameter, as "input=6,bias=0.1". None: 1 for all.
    schedule : str, default None
        Schedule of the learning rate, with settings as "cosine:warmup=500". None: that of the model.
    dropout_schedule : str, default None
        Schedule of the dropped shares over the planned steps, as "flat-cos". None: constant.
    decay_schedule : str, default None
        Schedule of l2 over the planned steps, as "flat-cos". None: constant.
    average : str, default None
        Average of the weights over all steps, to predict with. None: that of the model.
    epochs : int, default None
        Maximum number of passes over the training rows. None: enough for 5,000 steps, from 10 to 1,000.
    batch_size : int or "full", default None
        Rows in each step. None: 1 for the perceptrons and mira, else 128 and less below 4,096 training rows.
    patience : int, default None
        Epochs without a better `metric` after which training stops. None: 30.
    metric : str, default None
        Validation metric to choose the epoch by. None: the loss.
    folds : int or str, default None
        Folds of a cross-validation on all rows but the test rows, as 5 or "5x3", whose figures are in
        `figures_["folds"]`. The model is trained on all of these rows.
    refit : bool, default False
        Once the epoch is chosen, train anew up to it, on the validation rows too.
    time_limit : float, default None
        Maximum training time in seconds. None: no limit.
    search_steps : int, default None
        Maximum number of networks that the model auto trains. None: as planned.
    seed : int, default 0
        Seed of split, initial weights, row order, dropout and distortions: scikit-learn's `random_state`.
    threads : int, default None
        Number of processor threads. None: all.
    kernels : str, default None
        Loops that do the work: numpy, numba (fused and compiled; it needs nncli[fast]) or auto, which is numba where
        it is installed and a long run is planned. None: auto.
    distort : str, default None
        Distortion of rows that are pictures, drawn anew whenever one is learned from: shift, affine or
        elastic, or as "affine:rotate=10+elastic". None: they stay as they are.
    l1 : float, default None
        Strength λ of the penalty λ Σ |w|. None: 0.
    l2 : float, default None
        Strength λ of the penalty ½ λ Σ w². None: 0; 1 / rows for svm, 0.01 for adamw.
    max_norm : float, default None
        Maximum length of the weight vector of a unit. None: no limit.
    class_weight : "balanced", dict or str, default None
        What a row of each class counts: "balanced" (all classes count the same), or as {0: 1, 1: 5}. None: 1.
    label_smoothing : float, default None
        Share of each target that is spread over all classes. None: 0.
    clip_norm : float, default None
        Maximum length of a gradient; a longer one is shortened. None: no limit.
    positive : class, default None
        Which of two classes is to be found: thresholds are probabilities of it. None: the second one.
    choose_threshold : str, default None
        Rule to choose the threshold by, on the validation rows: "f1", "mcc", "cost", or as "recall=0.85".
    cost : str, default None
        What mistakes cost, as "missed=5,false-alarm=1", or a CSV file. The cheapest class is predicted.
    calibrate : bool, default None
        Calibrate the probabilities on the validation rows after training.

    Attributes
    ----------
    classes_ : array (K,)
        The classes, in the type that `y` had; text, of a model that `nncli.load` has read.
    figures_ : dict
        The final figures, as `nncli train --json` has them.
    notes_ : tuple of str
        What was decided, and what looks wrong, a line each.
    n_iter_ : int
        Epochs that were trained.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of str
        Their names, where they have some.
    """

    task = CLASSIFICATION
    classes_: NDArray[Any]
    model: str

    def __init__(
        self,
        *,
        model: str | None = None,
        hidden: int | tuple[int, ...] | str | None = None,
        activation: str | None = None,
        loss: str | None = None,
        init: str | None = None,
        learn_scale: bool | None = None,
        number_embedding: str | None = None,
        category_embedding: int | None = None,
        embedding: int | None = None,
        vectors: str | None = None,
        ensemble: int | str | None = None,
        dtype: str = "float32",
        dropout: float | None = None,
        input_dropout: float | None = None,
        categorical: tuple[str, ...] = (),
        text: tuple[str, ...] = (),
        ngrams: str | None = None,
        hash_bits: int | None = None,
        vocabulary: bool = False,
        dedupe: bool = False,
        scale: str = "auto",
        val: float | None = None,
        test: float | None = 0.0,
        split_seed: int | None = None,
        rare: str | None = None,
        group: str | None = None,
        time: str | None = None,
        optimizer: str | None = None,
        lr: float | None = None,
        lr_scale: str | None = None,
        schedule: str | None = None,
        dropout_schedule: str | None = None,
        decay_schedule: str | None = None,
        average: str | None = None,
        epochs: int | None = None,
        batch_size: int | str | None = None,
        patience: int | None = None,
        metric: str | None = None,
        folds: int | str | None = None,
        refit: bool = False,
        time_limit: float | None = None,
        search_steps: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        kernels: str | None = None,
        distort: str | None = None,
        l1: float | None = None,
        l2: float | None = None,
        max_norm: float | None = None,
        class_weight: str | dict[Any, float] | None = None,
        label_smoothing: float | None = None,
        clip_norm: float | None = None,
        positive: Any = None,
        choose_threshold: str | None = None,
        cost: str | None = None,
        calibrate: bool | None = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows X, (n, d) numbers, also a sparse matrix, a data frame, a mapping of names of columns to values,
        or a list of n texts, and their classes y (n,).

        Columns of a frame are numbers, text (also booleans and categories) or dates, as their types say; columns of
        sentences are read word by word. NaN, NaT, None and NA are missing values. `sample_weight` (n,) says how much
        each row counts: a whole weight is as many copies of its row, unless there would be more than ten times the
        rows, and rows of weight 0 are left out. Raises ValueError, in one line, for what cannot be learned from.
        """
        with as_value_errors():
            config = self._config()
            rows = rows_of(X, y, sample_weight, self._name)
            values, names, codes = classes_in(rows.y)
            if len(names) < 2:
                raise InvalidData("y", f"expected two or more classes, found {len(names)} class", "Give rows of both")
            if config.rare not in (None, "drop"):
                _typed(values, names, [str(config.rare).removeprefix("merge=")])
            self._fit(config, rows, names, codes)
            self.classes_ = _typed(values, names, self.model_.classes)
        return self

    @available_if(takes_steps)
    def partial_fit(
        self, X: Any, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Take the steps of one epoch on these rows, from the model as it is; a first call has all `classes`, and its
        rows say how columns are scaled, and which words of texts there are. Weights are as they are given. Raises
        ValueError as `fit` does, and for parameters that need all rows, or validation rows."""
        with as_value_errors():
            rows = rows_of(X, y, sample_weight, self._name)
            if classes is not None:
                values, names, _ = classes_in(np.asarray(classes))
                if hasattr(self, "model_") and names != self.model_.classes:
                    problem = f"expected {listing(self.model_.classes)}, as in the first call, found {listing(names)}"
                    raise InvalidData("classes", problem, "Leave them out")
                if len(names) < 2:
                    raise InvalidData("classes", f"expected two or more classes, found {len(names)} class", "Name all")
            elif hasattr(self, "model_"):
                values, names = self.classes_, self.model_.classes
            else:
                problem = "expected all classes of the data at the first call of partial_fit, found none"
                raise InvalidData("classes", problem, "Use classes=np.unique(y), of all data")
            _, own, codes = classes_in(rows.y)
            for value in own:
                if value not in names:
                    remedy = did_you_mean(value, names, listed="classes")
                    raise InvalidData("y", f"expected one of the known classes, found '{value}'", remedy)
            self._partial_fit(rows, names, np.array([names.index(name) for name in own])[codes])
            self.classes_ = values
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted class of each row, (n,), in the type of `classes_`."""
        with as_value_errors():
            table = self._table(X, "predict")
            return self.classes_[self.model_.predicted(self.model_.scores(table))]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class, (n, K), in the order of `classes_`. It is there for models that give
        probabilities: svm and the perceptrons do so with calibrate=True."""
        with as_value_errors():
            Z = self._exact_scores(X, "predict_proba")
            return self.model_.by_class(Z)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the score of each class, (n, K), of which the highest is predicted; of two classes, by how much the
        second one leads, (n,), so that it is predicted above 0. Costs of more than two classes are not in it."""
        with as_value_errors():
            Z = self._exact_scores(X, "decision_function")
            model, Z = self.model_, self.model_.logits(Z)
            if len(model.classes) > 2:
                return Z
            lead = Z[:, 0] - (model.loss.border if model.calibration is None else 0)
            lead = Z[:, 1] - Z[:, 0] if Z.shape[1] == 2 else lead
            if model.decision is None or model.decision.threshold is None:
                return lead
            with np.errstate(divide="ignore"):  # a threshold of 0 or 1: one class is always predicted
                least = np.log(model.decision.threshold) - np.log1p(-min(model.decision.threshold, 1.0))
            return lead - least if model.positive == 1 else lead + least

    def interval(self, X: Any, share: float) -> NDArray[np.bool_]:
        """Return which classes are in the set that holds the true one with the probability `share`, (n, K). Raises
        ValueError for too few validation rows, and for a model of scores."""
        with as_value_errors():
            check_share(share)
            self._check_is_fitted("interval")
            if not self.model_.probabilistic:
                problem = f"{self.model_.config.model.name} gives scores, not probabilities"
                raise InvalidUse("interval", problem, "Train it with calibrate=True")
            P = self.model_.by_class(self.model_.scores(self._table(X, "interval")))
            return np.asarray(least_probability(self.model_, share), P.dtype) <= P  # as those of the validation rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = self.model == "perceptron"  # its last mistakes may cost it much
        return tags


def _typed(values: NDArray[Any], known: tuple[str, ...], names: Sequence[str]) -> NDArray[Any]:
    """Return classes of these `names` in the type of y, of whose classes, `values`, the names are `known`. Raises
    InvalidOption for one that `rare` has brought, and that has not that type."""
    if [*names] == [*known]:
        return values
    found = [values[known.index(name)] if name in known else name for name in names]
    try:
        return np.array(found, None if values.dtype.kind == "U" else values.dtype)
    except ValueError:
        problem = f"expected a name of the type of y, {values.dtype}, found '{names[-1]}'"
        raise InvalidOption("rare", problem, "Use another name, or drop") from None
