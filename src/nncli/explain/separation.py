"""Whether weights can separate the training rows, and how many mistakes a perceptron makes at most before it does.

Each input row x gets a last entry of 1, whose weight is the bias, and each thing that the weights θ should get right
becomes a vector v: of two classes t x for each row (t = ±1), of more, for each row and each wrong class j, x in the
place of its own class and −x in that of j (Kesler's construction). θ is right where θ·v > 0, and a mistake is a step
θ ← θ + α v. So with R = max ‖v‖, and γ the margin of any weights that get all right, γ = min θ·v / ‖θ‖,

    a perceptron that starts at 0 makes at most R²/γ² mistakes (Novikoff 1962; Collins 2002 for K classes)
    MIRA, with steps up to C, at most max(R², 1/C)/γ² (Crammer et al. 2006, theorem 4, PA-I)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.resolved import ResolvedConfig
from nncli.data.scaled_rows import Subset
from nncli.errors import DataError, NncliError
from nncli.explain.retraining import ANEW, prepare_again
from nncli.model.model import Model
from nncli.model.provenance import Provenance
from nncli.model.training_state import mistakes_of
from nncli.nn.losses import LOSSES
from nncli.nn.optimizers import MIRA, OPTIMIZERS
from nncli.nn.plain import plain
from nncli.nn.schedules import SCHEDULES
from nncli.nn.sparse_rows import is_sparse

MOST_CELLS = 300_000  # of all v: about a second
NOTHING = 1e-12  # of R: the length of a combination of some v that is 0 but for rounding
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Separation:
    """Tells whether weights can separate the training rows of a model, how widely, and the most mistakes that a
    perceptron can make on them."""

    rows: int
    R: float  # the length of the longest row, with its bias input of 1
    margin: float | None  # γ of the weights of the model; None for weights of 0
    separable: bool | None  # by any weights; None: too close to tell
    widest_margin: float | None
    most_mistakes: float | None  # None where no theorem says
    theorem: str  # that says so: a formula

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def story_of(model: Model, provenance: Provenance, file: str) -> tuple[dict[str, Any], str]:
    """Return the mistakes of a model that was trained row by row, and what its training rows come to, as JSON has them,
    None where that is not known; also return why it is not, or nothing."""
    told: dict[str, Any] = {"mistakes": mistakes_of(provenance.epochs(row_by_row=True)), "separation": None}
    try:
        told["separation"] = separation_of(model, provenance, file).to_json()
    except NncliError as error:  # the data are elsewhere, or others
        return told, str(error)
    return told, ""


def separation_of(model: Model, provenance: Provenance, file: str) -> Separation:
    """Look at the training rows of a linear model; DataError where they cannot be read again, or are too many."""
    n = provenance.figures["n_train"]
    if _cells(model, n) > MOST_CELLS:
        raise DataError(file, f"its {n:,} training rows are too many to tell")
    return separation(model, prepare_again(model, provenance, file, ANEW).train)


def separation(model: Model, train: Subset) -> Separation:
    """Work out what the training rows come to, for the weights of a model and for the best there are."""
    X = train.inputs().astype(np.float64)
    V, theta = vectors(X.toarray() if is_sparse(X) else X, train.y[train.rows], len(model.classes)), _theta(model)
    R = float(np.linalg.norm(V, axis=1).max())
    length = float(np.linalg.norm(theta))
    separable, widest = widest_margin(V)
    theorem, R2 = _theorem(model.config, R, train.weights is not None)
    most = None if widest is None or R2 is None else R2 / widest**2
    margin = float((V @ theta).min()) / length if length else None
    return Separation(len(train), R, margin, separable, widest, most, theorem)


def vectors(X: Floats, y: NDArray[Any], K: int) -> Floats:
    """Return all v, (n, d + 1) for two classes, (n (K − 1), K (d + 1)) for more."""
    X = np.hstack([X, np.ones((len(X), 1))])
    if K == 2:
        return np.where(y == 1, 1, -1)[:, None] * X
    others = np.array([[j for j in range(K) if j != k] for k in range(K)])[y]  # (n, K − 1)
    V = np.zeros((len(X), K - 1, K, X.shape[1]))
    rows, places = np.indices(others.shape)
    V[rows, places, others] = -X[:, None]
    V[rows, places, y[:, None]] = X[:, None]
    return V.reshape(len(X) * (K - 1), -1)


def widest_margin(V: Floats) -> tuple[bool | None, float | None]:
    """Tell whether some θ has θ·v > 0 for all v, and the largest min θ·v / ‖θ‖.

    The θ of least length with θ·v ≥ 1 comes from non-negative least squares, of [Vᵀ; 1ᵀ] λ against (0, …, 0, 1), from
    whose residual r it is −r / r_last (Lawson and Hanson 1974, chapter 23). Where there is none, λ proves it: λ ≥ 0 and
    Σ λ_i v_i = 0, whose product with any such θ would be above 0 (Gordan 1873).
    """
    from scipy.optimize import nnls

    R = float(np.linalg.norm(V, axis=1).max())
    target = np.append(np.zeros(V.shape[1]), 1.0)
    system = np.vstack([V.T / R, np.ones(len(V))])
    try:
        shares, _ = nnls(system, target)
    except RuntimeError:  # it has not ended
        return None, None
    residual = system @ shares - target
    if np.linalg.norm(residual[:-1]) <= NOTHING * shares.sum():
        return False, None
    theta = -residual[:-1] / residual[-1]
    margin = float((V @ theta).min() / np.linalg.norm(theta))
    return (True, margin) if margin > 0 else (None, None)


def _theta(model: Model) -> Floats:
    """Return the weights in the order of the v: of each class its weights and its bias."""
    [layer] = plain(model.network).dense
    theta: Floats = np.vstack([layer.W, layer.b]).T.ravel().astype(np.float64)
    return theta


def _theorem(config: ResolvedConfig, R: float, is_weighted: bool) -> tuple[str, float | None]:
    """Return the most mistakes as a formula, and what it divides by γ²; None where it does not hold: for another start,
    or steps that differ."""
    how = config.training
    optimizer, schedule = OPTIMIZERS.create(how.optimizer), SCHEDULES.create(how.schedule)
    if is_weighted or config.model.init != "zeros" or schedule.name != "constant" or schedule.warmup:
        return "", None
    if isinstance(optimizer, MIRA):
        return "max(R², 1/C)/γ²", max(R**2, 1 / how.lr)
    return ("", None) if LOSSES.create(config.model.loss).margin else ("R²/γ²", R**2)


def _cells(model: Model, n: int) -> int:
    """Return how many numbers all v of n rows are."""
    K, width = len(model.classes), model.preprocess.width + 1
    return n * width if K == 2 else n * (K - 1) * K * width
