"""Define the options of `train` that say what model learns from the rows, how, and how it decides."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from nncli.config.class_weights import ClassWeights
from nncli.config.decision_kinds import Costs, ThresholdRule
from nncli.config.distortion_kind import Distortions
from nncli.config.ensemble_kind import Ensembles
from nncli.config.option import (
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Activations,
    BatchSize,
    Component,
    Flag,
    Folds,
    Models,
    Name,
    OneOf,
    PlannedSchedule,
    Text,
    Whole,
    Widths,
    option,
)
from nncli.config.rate_factors import RateFactors

_model = functools.partial(option, group="Model")
_training = functools.partial(option, group="Training")
_regularisation = functools.partial(option, group="Regularisation")
_decision = functools.partial(option, group="Decision")
_run = functools.partial(option, group="Run")


@dataclass(frozen=True)
class LearningOptions:
    """Holds what decides which model is trained, how, and how it decides. `None` is "not said": see `resolve`."""

    model: str | None = _model(
        "NAME",
        Models("models"),
        "Kind of model.\n{model_lines}",
        "by the data: mlp, tabular or softmax",
        short="-m",
    )
    hidden: tuple[int, ...] | None = _model(
        "WIDTHS", Widths(), "Units in each hidden layer.", "mlp 64; tabular 128x128x128"
    )
    activation: str | None = _model(
        "NAME",
        Activations("activations"),
        "Activation of the hidden layers, or of each one, as relu,tanh: {activations}. Not step and sign: "
        "their derivative is 0, and nothing can be learned through them.",
        "relu; tabular mish",
    )
    learn_scale: bool | None = _model(
        "", Flag(), "Learn a factor for each input, from 1; usual with --lr-scale input=6.", "no; tabular yes"
    )
    number_embedding: str | None = _model(
        "NAME",
        Component("embeddings"),
        "Learned embedding of each number: {embeddings}; with settings as pbld:frequencies=16:size=4:sd=0.1:top=1. "
        "Needs --scale robust.",
        "none; tabular pbld",
    )
    category_embedding: int | None = _model(
        "N",
        Whole(0, 1000),
        "Learned vector of N numbers for each category of text columns with more than 12 categories, in place of an "
        "input for each; 0 for none.",
        "0",
    )
    embedding: int | None = _model(
        "N",
        Whole(0, 1000),
        "Learned vector of N numbers for each word and n-gram of texts, whose weighted sum is the text; 0 for none.",
        "0; with --vectors, that of the file",
    )
    vectors: str | None = _model(
        "FILE",
        Text(),
        "File of vectors of words, as word2vec and fastText write them (.vec), that the embedding starts from.",
        "random ones",
    )
    ensemble: str | None = _model(
        "N",
        Ensembles(),
        "Number of members that are trained together, from a seed each, and whose probabilities are averaged; with "
        "shared:N they share all weights but those of the last layer and a factor of each input; with folds:N each "
        "leaves out a fold of the training and validation rows, on which it is validated.",
        "1; tabular 4",
    )
    loss: str | None = _model(
        "NAME", Component("losses"), "Loss to minimise: {losses}; with another link as mse:link=softmax.", "by model"
    )
    init: str | None = _model(
        "NAME",
        Component("initializers"),
        "Initial weights: {initializers}.",
        "zeros without hidden layers, else by activation; tabular lecun",
    )
    dtype: str = _model(
        "TYPE", OneOf(("float32", "float64")), "Floating-point type: float32 or float64.", default="float32"
    )

    optimizer: str | None = _training(
        "NAME",
        Component("optimizers"),
        "Method that updates the weights: {optimizers}; with settings as momentum:mu=0.95 or adam:beta1=0.8:eps=1e-6.\n"
        "Learning rates: {learning_rates}.",
        "by model",
    )
    lr: float | None = _training("RATE", POSITIVE, "Initial learning rate (mira: largest step).", "by optimizer")
    lr_scale: str | None = _training(
        "FACTORS",
        RateFactors(),
        "Factors of the learning rate for kinds of parameters: weight, bias, slope (of prelu), input (of "
        "--learn-scale) and embedding, as input=6,bias=0.1; weight=fan-in is 1/√d for each unit with d inputs.",
        "1 for all; tabular weight=fan-in,bias=0.1,input=6,embedding=0.1",
    )
    schedule: str | None = _training(
        "NAME",
        Component("schedules"),
        "Schedule of the learning rate: {schedules}; with settings as cosine:warmup=500.",
        "by model",
    )
    dropout_schedule: str | None = _training(
        "NAME",
        PlannedSchedule("schedules"),
        "Schedule that the dropped shares of units and inputs follow over the planned steps, as --schedule has them; "
        "none that needs validation rows.",
        "constant; tabular flat-cos",
    )
    decay_schedule: str | None = _training(
        "NAME",
        PlannedSchedule("schedules"),
        "Schedule that the λ of --l2 follows over the planned steps, as --schedule has them; none that needs "
        "validation rows.",
        "constant; tabular flat-cos",
    )
    average: str | None = _training(
        "NAME",
        Component("averages"),
        "Average of the weights over all steps, to evaluate and save in place of the last weights: {averages}; "
        "with settings as exponential:decay=0.99.",
        "by model: none; averaged-perceptron mean; tabular exponential:decay=0.98",
    )
    epochs: int | None = _training(
        "N",
        Whole(1),
        "Maximum number of epochs (passes over the training rows).",
        "for 5,000 steps, from 10 to 1,000; tabular 48; texts 10",
    )
    batch_size: int | None = _training(
        "N",
        BatchSize(),
        "Number of rows in each step, or full for all.",
        "by model: 1; or 128, less below 4,096 training rows; tabular 256, less below 1,024",
    )
    patience: int | None = _training(
        "EPOCHS",
        Whole(1),
        "Number of epochs without a better --metric after which training stops.",
        "30; tabular 48",
    )
    metric: str | None = _training(
        "NAME",
        Component("metrics"),
        "Validation metric to choose the epoch (sweep: the model) by: {metrics}.",
        "loss; sweep, tabular accuracy",
    )
    folds: tuple[int, int] | None = _training(
        "K",
        Folds(),
        "Number of folds for cross-validation on all rows but the test rows, as 5, or 5x3 to repeat it 3 times. The "
        "saved model is trained on all of these rows.",
        "none",
    )
    refit: bool = _training(
        "",
        Flag(),
        "Once the epoch is chosen, train anew up to it, on the validation rows too.",
        default=False,
    )
    time_limit: float | None = _training("SECONDS", POSITIVE, "Maximum training time.", "no limit")
    search_steps: int | None = _training(
        "N", Whole(1), "Maximum number of networks that --model auto trains.", "as planned"
    )
    seed: int = _training("N", Whole(0), "Seed of split, initial weights, row order and dropout.", default=0)
    threads: int | None = _training("N", Whole(1, 1024), "Number of processor threads.", "all")
    kernels: str | None = _training(
        "NAME",
        OneOf(("auto", "numpy", "numba")),
        "Loops that do the work: numpy, numba (fused and compiled; it needs nncli[fast]), or auto: numba where it is "
        "installed and a long run is planned.",
        "auto",
    )

    dropout: float | None = _regularisation(
        "SHARE", SHARE, "Share of the hidden units dropped at each step of training.", "0; tabular 0.15"
    )
    input_dropout: float | None = _regularisation(
        "SHARE", SHARE, "Share of the inputs dropped at each step of training.", "0"
    )
    distort: str | None = _regularisation(
        "NAME",
        Distortions(),
        "Distortion of pictures, drawn anew whenever a training row is used: {distortions}; several as affine+elastic, "
        "with settings as affine:rotate=10:scale=0.1.",
        "none",
    )
    l1: float | None = _regularisation(
        "RATE", NOT_NEGATIVE, "Strength λ of the L1 penalty, λ Σ |w|, added to the loss.", "0"
    )
    l2: float | None = _regularisation(
        "RATE",
        NOT_NEGATIVE,
        "Strength λ of the L2 penalty, ½ λ Σ w², added to the loss; with adamw, of its weight decay.",
        "0; svm 1 / rows; mlp of numbers 0.003; tabular 0.02; adamw 0.01; mira none",
    )
    max_norm: float | None = _regularisation(
        "LENGTH", POSITIVE, "Maximum length of the weight vector of a unit.", "no limit"
    )
    class_weight: str = _regularisation(
        "HOW",
        ClassWeights(),
        "Weights of the classes: balanced (all classes count the same), none (all rows count the same), or the "
        "weight of a row of each class, as a=1,b=5.",
        default="none",
    )
    label_smoothing: float | None = _regularisation(
        "SHARE", SHARE, "Share of each target that is spread over all classes.", "0; tabular 0.1"
    )
    clip_norm: float | None = _regularisation(
        "LENGTH", POSITIVE, "Maximum length of a gradient; a longer one is shortened.", "no limit"
    )

    positive: str | None = _decision(
        "CLASS", Name(), "Which of two classes is to be found: thresholds are probabilities of it.", "the second one"
    )
    choose_threshold: str | None = _decision(
        "RULE",
        ThresholdRule(),
        "Rule to choose the threshold by, on the validation rows: f1, mcc, cost, or what is promised, as recall=0.85 "
        "or precision=0.9. It is kept in the model.",
        "the likelier class",
    )
    cost: str | None = _decision(
        "COSTS",
        Costs(),
        "What mistakes cost: missed=5,false-alarm=1, or a CSV file with a row for each true class and a column for "
        "each predicted one. The model predicts what costs least on average.",
        "all alike",
    )

    calibrate: bool | None = _run(
        "",
        Flag(),
        "Calibrate the probabilities on the validation rows after training: a temperature, or Platt scaling for the "
        "margin of two classes.",
        "no; tabular yes",
    )
