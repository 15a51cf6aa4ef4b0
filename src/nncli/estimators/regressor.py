"""NNRegressor: rows in, numbers out."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from nncli.config.train_config import TrainConfig
from nncli.data.task import REGRESSION
from nncli.estimators.base import NNEstimator, check_share, takes_steps
from nncli.estimators.refusals import InvalidOption, as_value_errors
from nncli.estimators.rows import numbers_in, rows_of
from nncli.model.interval_of_model import half_width


class NNRegressor(RegressorMixin, NNEstimator):
    """Predictor of numbers, from linear regression to networks of any depth, trained as `nncli train` does.

    Parameters
    ----------
    model : str, default None
        Kind of model: mlp, tabular or linear; or auto, a blend of the best of a dozen. None: mlp, or one member of
        tabular for tables of at least 160 rows.
        tabular has other defaults than those below: see the docs, "Models".
    hidden : int, tuple of int or str, default None
        Units in each hidden layer, as 64 or (128, 64). None: 64 for mlp, else none.
    activation : str, default None
        Activation of the hidden layers, or of each one, as "relu,tanh". None: relu.
    loss : str, default None
        Loss to minimise: mse, mae, huber or quantile, with settings as "quantile:q=0.9". None: that of the
        model.
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
        How many members are trained together, whose answers are averaged; "shared:8" for 8 that share weights.
        None: 1.
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
        fewer than 20 rows.
    test : float or None, default 0.0
        Share of the rows kept for `figures_["test"]`. None: 0.15.
    split_seed : int, default None
        Seed of the split alone. None: that of `seed`.
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
        Rows in each step. None: all for linear, else 128 and less below 4,096 training rows.
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
        Strength λ of the penalty ½ λ Σ w². None: 0.003 for mlp, 0.01 for adamw, else 0.
    max_norm : float, default None
        Maximum length of the weight vector of a unit. None: no limit.
    clip_norm : float, default None
        Maximum length of a gradient; a longer one is shortened. None: no limit.

    Attributes
    ----------
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

    task = REGRESSION

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
        clip_norm: float | None = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on rows X, (n, d) numbers, also a sparse matrix, a data frame, a mapping of names of columns to values,
        or a list of n texts, and their numbers y (n,).

        Columns of a frame are numbers, text (also booleans and categories) or dates, as their types say; columns of
        sentences are read word by word. NaN, NaT, None and NA are missing values. `sample_weight` (n,) says how much
        each row counts: a whole weight is as many copies of its row, unless there would be more than ten times the
        rows, and rows of weight 0 are left out. Raises ValueError, in one line, for what cannot be learned from.
        """
        with as_value_errors():
            config = self._config()
            rows = rows_of(X, y, sample_weight, self._name)
            self._fit(config, rows, (), numbers_in(rows.y))
        return self

    @available_if(takes_steps)
    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Take the steps of one epoch on these rows, from the model as it is; the rows of a first call say how columns
        and numbers are scaled, and which words of texts there are. Weights are as they are given. Raises ValueError as
        `fit` does, and for parameters that need all rows, or validation rows."""
        with as_value_errors():
            rows = rows_of(X, y, sample_weight, self._name)
            return self._partial_fit(rows, (), numbers_in(rows.y, may_be_alike=hasattr(self, "model_")))

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the predicted number of each row, (n,)."""
        with as_value_errors():
            Z = self._exact_scores(X, "predict")
            return self.model_.numbers(Z)

    def interval(self, X: Any, share: float) -> NDArray[np.float64]:
        """Return between what the number of each row lies with the probability `share`, (n, 2). Raises ValueError for
        too few validation rows."""
        with as_value_errors():
            check_share(share)
            predicted = self.predict(X)
            half = half_width(self.model_, share)
            return np.column_stack([predicted - half, predicted + half])

    def _config(self) -> TrainConfig:
        config = super()._config()
        if not config.preset.numbers:
            problem = f"expected a model that predicts numbers, found {config.model}"
            raise InvalidOption("model", problem, "Use mlp or linear, or NNClassifier for classes")
        return config
