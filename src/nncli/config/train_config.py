"""One frozen TrainConfig from the options to the checkpoint. Each option of `train` is defined here and nowhere else.
What they come to together, with the model and the data, is worked out in `resolve.py`.

A field carries its help text, its group and the kind of its values, which reads and writes them. The command line, the
--config file, Python and the model file all go through these, so an option added here works in all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nncli.config.class_weights import ClassWeights
from nncli.config.decision_kinds import Costs, ThresholdRule
from nncli.config.distortion_kind import Distortions
from nncli.config.ensemble_kind import Ensembles
from nncli.config.file_kinds import NONE, Columns, Delimiter, Encoding, Files, PictureSize, RowRange, Sign
from nncli.config.ngrams_kind import Ngrams
from nncli.config.option import (
    NOT_NEGATIVE,
    POSITIVE,
    ROW_SHARE,
    SHARE,
    Activations,
    BatchSize,
    Component,
    Flag,
    Folds,
    Kind,
    Models,
    Name,
    OneOf,
    Option,
    PlannedSchedule,
    Rare,
    Task,
    Text,
    Whole,
    Widths,
    option,
    read_option,
)
from nncli.config.rate_factors import RateFactors
from nncli.data.sources import Source, native, portable
from nncli.data.spellings import WORDS
from nncli.data.task import REGRESSION, TASKS
from nncli.errors import OptionError, flag

if TYPE_CHECKING:
    from nncli.nn.models import Preset

SOURCES = ("data", "val_data", "test_data")  # options that name files
ENCODING_HELP = "Text encoding, such as utf-8, utf-16, latin-1 or cp1252."
SHEET_HELP = "Sheet of an Excel file to read."
HEADER_ROWS = Whole(1, 100)
HEADER_ROWS_HELP = "Number of rows that name the columns together."
ROWS_READ_HELP = "Rows to read of each text file, from 1, as 1:83, not counting the header."
NOT_OF_PARTS = " Not for --val-data and --test-data."
DECIMAL = Sign({"point": ".", "comma": ","}, "a point or a comma")
THOUSANDS = Sign({word: sign for sign, word in WORDS.items()}, "a comma, point, blank or apostrophe")
QUOTE = Sign({"double": '"', "single": "'", NONE: ""}, "a double or a single quote, or none")
QUOTE_HELP = "Character around quoted cells: a double or a single quote, or none."
ESCAPE = Sign({"backslash": "\\", NONE: ""}, "a backslash, or none")
ESCAPE_HELP = "Character before a quote within a quoted cell: a backslash, or none, where it is doubled."
TASK_HELP = (
    "What to predict: classification (a class), regression (a number), or auto: a target of numbers with fractions, or "
    "of more than 20 different ones, is a number."
)
DEFAULT_SHARE = 0.15  # of the rows, for validation and for the test

_data = functools.partial(option, group="Data")
_splits = functools.partial(option, group="Splits")
_model = functools.partial(option, group="Model")
_training = functools.partial(option, group="Training")
_regularisation = functools.partial(option, group="Regularisation")
_decision = functools.partial(option, group="Decision")
_run = functools.partial(option, group="Run")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run does. `None` is "not said": see `resolve`."""

    data: Source = ("digits",)

    target: str | None = _data(
        "COL",
        Name(),
        "Column to predict: its name, or its position from 0 (-1: last).",
        "the column named label, target, class or y",
        short="-t",
    )
    task: str | None = _data("TASK", Task(TASKS), TASK_HELP, "auto")
    drop: tuple[str, ...] = _data("COLS", Columns(), "Columns to leave out, as id,name.", default=())
    only: tuple[str, ...] = _data("COLS", Columns(), "Columns to learn from; all others are left out.", default=())
    categorical: tuple[str, ...] = _data(
        "COLS", Columns(), "Columns of numbers or texts to treat as categories.", default=()
    )
    numeric: tuple[str, ...] = _data(
        "COLS", Columns(), "Columns to read as numbers, whatever they look like.", default=()
    )
    text: tuple[str, ...] = _data(
        "COLS",
        Columns(),
        "Columns of texts, whose words are learned from; in other columns of text each cell is a category.",
        "those that look like sentences",
        default=(),
    )
    ngrams: str | None = _data(
        "KINDS",
        Ngrams(),
        "What is counted in texts: words:1-2 is words and pairs of words, chars:3-5 sequences of 3 to 5 characters; "
        "both with a comma between them.",
        "words:1-2,chars:2-5; of more than 5 million characters words:1-2",
    )
    hash_bits: int | None = _data("N", Whole(8, 24), "What is counted in texts is hashed to 2^N inputs.", "18")
    vocabulary: bool = _data(
        "",
        Flag(),
        "Keep the names of the n-grams of texts in the model, so that explain names them without the training data.",
        default=False,
    )
    missing: tuple[str, ...] = _data(
        "TEXTS", Columns(), "Further texts that stand for a missing value.", "empty, NA, N/A, NaN, null, ?", default=()
    )
    no_missing: tuple[str, ...] = _data(
        "TEXTS", Columns(), "Texts that are values after all, as NA for a class.", default=()
    )
    header: bool | None = _data("", Flag(), "Read the first line as column names, or as a row of data.", "detected")
    delimiter: str | None = _data("CHAR", Delimiter(), "Character between two cells, tab, or blanks.", "detected")
    decimal: str | None = _data("CHAR", DECIMAL, "Decimal separator: a point or a comma.", "detected")
    thousands: str | None = _data(
        "CHAR", THOUSANDS, "Separator between thousands: comma, point, blank or apostrophe.", "detected"
    )
    date_format: str | None = _data("FORMAT", Text(), "How dates are written, as %d/%m/%Y.", "detected")
    header_rows: int | None = _data("N", HEADER_ROWS, HEADER_ROWS_HELP, "1")
    quote: str | None = _data("CHAR", QUOTE, QUOTE_HELP, "detected")
    escape: str | None = _data("CHAR", ESCAPE, ESCAPE_HELP, "detected")
    encoding: str | None = _data("NAME", Encoding(), ENCODING_HELP, "detected")
    dedupe: bool = _data(
        "",
        Flag(),
        "Use rows that are equal in all columns only once; those also in --val-data or --test-data, only there.",
        default=False,
    )
    skip_rows: int = _data("N", Whole(0), "Number of lines to skip at the top of each file." + NOT_OF_PARTS, default=0)
    rows: tuple[int, int] | None = _data("A:B", RowRange(), ROWS_READ_HELP + NOT_OF_PARTS, "all")
    sheet: str | None = _data("NAME", Text(), SHEET_HELP + NOT_OF_PARTS, "the only one")
    on_error: str = _data(
        "HOW",
        OneOf(("fail", "skip")),
        "What to do with a row that cannot be read, or has no class: fail, or skip (leave it out, and say which).",
        default="fail",
    )
    resize: tuple[int, int] | None = _data(
        "WxH",
        PictureSize(),
        "Size in pixels that all pictures are brought to, as 28x28.",
        "their own, if all have the same",
    )
    weight: str | None = _data("COL", Name(), "Column with the weight of each row in training.", "equal weights")
    scale: str = _data(
        "HOW",
        OneOf(("auto", "standard", "robust", "minmax", "none")),
        "Scaling of numbers: auto, standard (mean 0, sd 1), robust (by median and quartiles, outliers drawn in to ±3), "
        "minmax (0 to 1) or none; auto divides pixels by their maximum and standardises all other numbers, which "
        "tabular scales as robust does.",
        default="auto",
    )

    val: float | None = _splits("SHARE", ROW_SHARE, "Share of the rows for validation; 0 for none.", "0.15")
    test: float | None = _splits(
        "SHARE", ROW_SHARE, "Share of the rows for the final test; 0 for none.", "0.15, or the data's own test set"
    )
    split_seed: int | None = _splits("N", Whole(0), "Seed of the split only.", "the same as --seed")
    val_data: tuple[str, ...] = _splits(
        "FILE", Files(), "File of validation rows, in place of --val; may be repeated.", default=()
    )
    test_data: tuple[str, ...] = _splits(
        "FILE", Files(), "File of test rows, in place of --test; may be repeated.", default=()
    )

    rare: str | None = _splits(
        "HOW", Rare(), "Classes with too few rows to split: drop, or merge=NAME to make one class of them.", "refused"
    )
    group: str | None = _splits(
        "COL",
        Name(),
        "Column of groups, such as patients: rows of one group stay in one part. It is not an input.",
        "none",
    )
    time: str | None = _splits(
        "COL",
        Name(),
        "Column of dates or numbers to split by: the latest rows are the test set. It is not an input.",
        "none",
    )

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
        "Learned embedding of each number: {embeddings}; with settings as pbld:frequencies=16:size=4:sd=0.1. Needs "
        "--scale robust.",
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

    @property
    def preset(self) -> type[Preset]:
        """Return the preset of the model; that of mlp where none is named yet."""
        from nncli.nn.models import preset_of

        return preset_of(self.model or "mlp")

    @property
    def is_regression(self) -> bool:
        """Tell whether a number is predicted; known once the data have been read."""
        return self.task == REGRESSION

    @classmethod
    @functools.cache
    def options(cls) -> dict[str, Option]:
        """Field name → option, in the order of the help text."""
        return {f.name: f.metadata["option"] for f in dataclasses.fields(cls) if "option" in f.metadata}

    @classmethod
    def kind(cls, name: str) -> Kind:
        """Return how the values of a field are read and written."""
        return Files() if name == "data" else cls.options()[name].kind

    @classmethod
    def from_values(cls, given: Mapping[str, Any]) -> TrainConfig:
        """Make a config of texts (from the command line) and of values as TOML and Python have them. What is not given,
        or None, keeps its default. Raises OptionError for a value that an option does not take."""
        said = {name: value for name, value in given.items() if value is not None}
        return cls(**{name: read_option(name, value, cls.kind(name)) for name, value in said.items()})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainConfig:
        """Make the config that `to_json` has written; ValueError for values that no option takes."""
        values: dict[str, Any] = {}
        usual = cls()
        for name, value in stored.items():
            if name not in vars(usual):
                raise ValueError(f"unknown option '{name}'")
            values[name] = value = tuple(value) if isinstance(value, list) else value
            if _same(value, getattr(usual, name)) or (value == () and name in ("data", "hidden")):
                continue
            if value is None:
                raise ValueError(f"no value for '{name}', which always has one")
            kind, other_type = cls.kind(name), ValueError(f"{flag(name)}: a value of another type")
            if name in SOURCES and not isinstance(value, tuple):
                raise other_type
            try:
                values[name] = value = tuple(map(native, value)) if name in SOURCES else value
                text = kind.write(value)
            except (AttributeError, TypeError, ValueError):
                raise other_type from None
            try:
                found = kind.read(text)
            except ValueError as error:
                raise ValueError(f"{flag(name)}: expected {error}, found '{text}'") from None
            except OptionError as error:
                raise ValueError(str(OptionError(name, *error.args[1:])).rstrip(".")) from None
            if not _same(found, value):
                raise other_type
        texts = [text for value in values.values() for text in (value if isinstance(value, tuple) else [value])]
        if any("\0" in text for text in texts if isinstance(text, str)):
            raise ValueError("a name with a zero byte")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Write all options as JSON has values."""
        found = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        if self.task is None:  # as in files of older versions, which have classes alone
            del found["task"]
        if self.kernels is None:  # as in files of older versions, which have those of NumPy
            del found["kernels"]
        return found | {name: list(map(portable, getattr(self, name))) for name in SOURCES}

    def written(self, name: str) -> str:
        """Write the value of an option as one types it; the empty string where it has none."""
        value = getattr(self, name)
        return "" if value in (None, ()) else self.kind(name).write(value)

    def command_line(self, brief: bool = False) -> str:
        """Write the options that make this config, as `train` takes them; if `brief`, without default values."""
        words: list[str] = []
        usual = TrainConfig()
        for name, its in self.options().items():
            value = getattr(self, name)
            as_usual = value == getattr(usual, name)
            if value not in (None, ()) and not (as_usual and (brief or isinstance(value, bool))):
                words += its.kind.arguments(flag(name), value)
        return shlex.join(words)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other
