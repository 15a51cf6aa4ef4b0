"""One page: what it plays with, and what it is told after each of its messages.

A session is plain Python without a server. `receive` does what one message asks for, `play_on` trains for a moment, and
both return messages for the page. They are called one after the other, from any thread.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.config.option import POSITIVE, read_option
from nncli.config.train_config import TrainConfig
from nncli.errors import DataError, NncliError, OptionError, TrainingError, flag
from nncli.model.file_format import encode
from nncli.play import choices, picture
from nncli.play.backpropagation import derivatives_of
from nncli.play.drawing import answer
from nncli.play.plane import Plane, plane_of
from nncli.play.setup import MOST_EPOCHS, Ask, Setup, options_of, set_up
from nncli.play.shelf import Item, Shelf
from nncli.system.output import counted
from nncli.training.batch import evaluate

SLICE = 0.03  # seconds of training between two pictures
PATIENCE = 0.5  # seconds, in which a pause may still come to the end of an epoch
FIRST = 20  # epochs, of which each is shown
Message = dict[str, Any]


class Session:
    """What one page plays with."""

    def __init__(self, shelf: Shelf, first: Item, given: TrainConfig) -> None:
        self.id = secrets.token_urlsafe(16)
        self.shelf, self.first, self.given = shelf, first, given
        self.playing = False
        self.lock = threading.Lock()
        self.setup: Setup | None = None
        self._columns: Sequence[str] = ()

    def hello(self) -> Message:
        """Return what a page has to know before anything else."""
        return {
            "kind": "hello",
            "session": self.id,
            "first": self.first.key,
            "items": [
                {"key": one.key, "name": one.name, "waits": one.rows is None, "options": options_of(one, self.given)}
                for one in self.shelf.items.values()
            ],
            **choices.choices(),
        }

    def receive(self, message: Message) -> list[Message]:
        """Do what a message asks for, and return what there is to say. What cannot be done changes nothing."""
        do: Callable[[Message], list[Message]] = getattr(self, f"_{message['do']}")
        with self.lock:
            try:
                return do(message)
            except NncliError as error:
                self.playing = False
                opens = message["do"] == "open" and flag("target") in str(error)
                return [{"kind": "error", "text": str(error), "wants": "target" if opens else ""}]

    def play_on(self, seconds: float = SLICE) -> list[Message]:
        """Train for so long, and return a picture."""
        with self.lock:
            try:
                self._train(seconds)
            except TrainingError as error:
                self.playing = False
                return [{"kind": "error", "text": str(error), "wants": ""}]
            return [self._frame()]

    def model(self) -> tuple[str, bytes]:
        """Return the bytes of the model file, and a name for it. Raises NncliError before the first epoch is done."""
        with self.lock:
            model, provenance = self._here.saved()
            try:
                return "model.npz", encode(model, provenance)
            except ValueError as error:
                raise DataError("save", f"the model cannot be saved: {error}") from None

    @property
    def _here(self) -> Setup:
        if self.setup is None:
            raise DataError("playground", "expected data, found none", "Open some")
        return self.setup

    def _open(self, message: Message) -> list[Message]:
        item = self.shelf.items.get(message["data"])
        if item is None:
            raise DataError("data", "that file is not here any more", "Drop it on the page again")
        self._begin(Ask(item, message["options"], float(message["noise"])), message["columns"])
        return [self._state(), self._frame()]

    def _begin(self, ask: Ask, columns: Sequence[str]) -> None:
        made = set_up(ask, self.given)
        plane = plane_of(made.prepared, columns)
        self.setup, self.playing = made, False
        self._see(plane)

    def _see(self, plane: Plane) -> None:
        self._plane, self._columns = plane, plane.columns
        self._grid: NDArray[Any] = plane.grid(picture.GRID, self._here.prepared.config.model.dtype)

    def _reset(self, message: Message) -> list[Message]:
        self._begin(self._here.ask, self._columns)
        return [self._state(), self._frame()]

    def _look(self, message: Message) -> list[Message]:
        self._see(plane_of(self._here.prepared, message["columns"]))
        return [self._state(), self._frame()]

    def _play(self, message: Message) -> list[Message]:
        self._refuse_end()
        self.playing = True
        return []

    def _pause(self, message: Message) -> list[Message]:
        self.playing, trainer = False, self._here.trainer
        end = time.monotonic() + PATIENCE
        while len(trainer.rows_left) and time.monotonic() < end:
            self._steps(trainer.at_once)
        if not trainer.between_epochs and not len(trainer.rows_left):
            trainer.end_epoch()
        return [self._frame()]

    def _step(self, message: Message) -> list[Message]:
        self.playing = False
        self._refuse_end()
        trainer, said = self._here.trainer, list[Message]()
        if message["of"] == "row" and trainer.optimizer.smooth:
            name = self._here.prepared.config.training.optimizer
            raise OptionError("optimizer", f"{name} learns from all rows at each step", "Step an epoch")
        if trainer.between_epochs:
            trainer.begin_epoch()
        if message["of"] == "epoch":
            while len(trainer.rows_left):
                self._steps(trainer.at_once)
        elif message["of"] == "batch":
            self._steps(trainer.batch_size)
        else:
            said.append(self._backpropagation(int(trainer.rows_left[0]), steps=True))
            if trainer.batch_size != 1:
                self._depart("single rows were learned")
            self._steps(1)
            said[0]["after"] = picture.weights_of(self._here)
        if not len(trainer.rows_left):
            trainer.end_epoch()
        return [*said, self._frame()]

    def _rate(self, message: Message) -> list[Message]:
        rate = float(read_option("lr", message["lr"], POSITIVE))
        if rate != self._here.trainer.lr:
            self._here.trainer.lr = rate
            if self._here.epoch or not self._here.trainer.between_epochs:
                self._depart(f"the learning rate was changed to {rate:g} after epoch {self._here.epoch}")
            options = {**self._here.ask.options, "lr": message["lr"]}
            self._here.ask = dataclasses.replace(self._here.ask, options=options)
            self._here.config = dataclasses.replace(self._here.config, lr=rate)
        return [self._state(), self._frame()]

    def _weight(self, message: Message) -> list[Message]:
        dense, layer, i, unit = self._here.trainer.network.dense, message["layer"], message["input"], message["unit"]
        if not (layer < len(dense) and unit < dense[layer].units and (i is None or i < len(dense[layer].W))):
            raise DataError("weight", "expected one of the network, found another", "Reload the page")
        if i is None:
            dense[layer].b[unit] = message["value"]
        else:
            dense[layer].W[i, unit] = message["value"]
        self._here.trainer.moved()
        self._depart("weights were set by hand")
        return [self._frame()]

    def _row(self, message: Message) -> list[Message]:
        return [self._backpropagation(message["row"])]

    def _draw(self, message: Message) -> list[Message]:
        try:
            drawing = base64.b64decode(message["drawing"], validate=True)
        except binascii.Error:
            raise DataError("drawing", "expected a drawing, found other bytes") from None
        return [{"kind": "drawn", **answer(self._here, drawing)}]

    def _backpropagation(self, row: int, steps: bool = False) -> Message:
        """Return the derivatives of a row; where a step was asked for and a network is too large for them, say so."""
        try:
            return {"kind": "backpropagation", "steps": steps, **derivatives_of(self._here, row)}
        except NncliError as error:
            if not steps:
                raise
            return {"kind": "backpropagation", "steps": steps, "row": row + 1, "problem": str(error)}

    def _refuse_end(self) -> None:
        """Raise TrainingError where more steps are of no use, or too many."""
        trainer, epoch = self._here.trainer, self._here.epoch
        if not trainer.between_epochs:
            return
        if epoch >= MOST_EPOCHS:
            raise TrainingError(f"epoch {epoch:,}", "the playground trains no longer than that", "Reset it")
        if trainer.has_ended():
            raise TrainingError(f"epoch {epoch:,}", f"training has ended: {trainer.stopped}", "Reset it, or change it")

    def _train(self, seconds: float) -> None:
        """Train for so long, but at the beginning no longer than an epoch, and no longer than to the end."""
        setup, trainer, end = self._here, self._here.trainer, time.monotonic() + seconds
        while True:
            if trainer.between_epochs:
                if trainer.has_ended() or setup.epoch >= MOST_EPOCHS:
                    self.playing = False
                    return
                trainer.begin_epoch()
            while len(trainer.rows_left):
                self._steps(trainer.at_once)
                if time.monotonic() > end and len(trainer.rows_left):
                    return
            with np.errstate(all="ignore"):
                trainer.end_epoch()
            if time.monotonic() > end or setup.epoch <= FIRST:
                return

    def _steps(self, rows: int) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            self._here.trainer.step(rows)

    def _depart(self, why: str) -> None:
        if why not in self._here.departed:
            self._here.departed = [*self._here.departed, why][-5:]

    def _departures(self) -> list[str]:
        """Return why the command line does not do quite the same, a clause each."""
        trainer = self._here.trainer
        if trainer.between_epochs:
            return self._here.departed
        seen = len(self._here.prepared.train) - len(trainer.rows_left)
        was = "was" if seen == 1 else "were"
        return [*self._here.departed, f"{counted(seen, 'row')} of epoch {self._here.epoch + 1:,} {was} learned on top"]

    def _state(self) -> Message:
        """Return all that stays as it is while the network learns."""
        setup, plane = self._here, self._plane
        prepared, dataset = setup.prepared, setup.prepared.dataset
        schema = prepared.read.schema
        columns = [one.name for one in schema.profile] or [*schema.names, schema.target]
        return {
            "kind": "state",
            "task": "classification",
            "data": setup.ask.item.key,
            "name": setup.ask.item.name,
            "is_model": setup.ask.item.model is not None,
            "options": setup.options(),
            "resolved": setup.resolved(),
            "noise": setup.ask.noise,
            "classes": list(dataset.classes),
            "probabilistic": setup.trainer.loss.probabilistic,
            "columns": columns[:200],
            "used": [name for name in dataset.schema.names if name in columns[:200]],
            "numbers": [*(prepared.preprocess.number_names or dataset.schema.of_kind("number"))][:200],
            "target": dataset.schema.target,
            "seen": list(plane.columns),
            "axes": [{"title": one.title, "low": one.low, "high": one.high} for one in plane.axes],
            "plane": plane.note,
            "rows": {name: len(getattr(prepared, name)) for name in ("train", "val", "test")},
            "batch": setup.trainer.batch_size,
            "points": picture.points_of(setup, plane),
            "network": picture.network_of(setup),
            "inputs": picture.maps_of_inputs(setup, self._grid),
            "grid": picture.GRID,
            "notes": list(setup.notes)[:20],
            "curve": self._curve(),
        }

    def _curve(self) -> list[Any]:
        """Return the epochs before: of a model, those of its training."""
        history = self._here.trainer.history
        picked = np.unique(np.linspace(0, len(history) - 1, min(len(history), 200)).astype(int)).tolist()
        return [_point(history[i].number, history[i].train_loss, history[i].train_accuracy,
                       history[i].val_loss, history[i].val_accuracy) for i in picked]  # fmt: skip

    def _frame(self) -> Message:
        """Return what changes while the network learns, as it is now."""
        setup = self._here
        trainer, prepared = setup.trainer, setup.prepared
        last = trainer.history[-1] if trainer.history else None
        trainer.network.drop_with(None)
        try:
            with trainer.averaged(), np.errstate(all="ignore"):
                maps = picture.maps_of(setup, self._grid)
                weights = picture.weights_of(setup)
                pictures = picture.pictures_of_weights(setup)
                train = self._judged("train") if last is None else (last.train_loss, last.train_accuracy)
                held_out = self._judged("test" if len(prepared.test) else "val")
        finally:
            if not trainer.between_epochs:
                trainer.network.drop_with(trainer.drop)
        return {
            "kind": "frame",
            "playing": self.playing,
            "ended": trainer.stopped if trainer.between_epochs and trainer.has_ended() else "",
            "epoch": setup.epoch,
            "within": len(prepared.train) - len(trainer.rows_left) if not trainer.between_epochs else 0,
            "mistakes": None if last is None else last.mistakes,
            "point": _point(setup.epoch, *train, *held_out),
            "maps": maps,
            "weights": weights,
            "pictures": pictures,
            "command": setup.command(),
            "departed": self._departures(),
        }

    def _judged(self, name: str) -> tuple[float | None, float | None]:
        """Return the loss and the accuracy of a part; of none, None."""
        part = getattr(self._here.prepared, name)
        if not len(part):
            return None, None
        K = len(self._here.prepared.dataset.classes)
        return evaluate(self._here.trainer.network, self._here.trainer.loss, part, K)[:2]


def _point(epoch: int, *figures: float | None) -> list[Any]:
    """Return an epoch with its figures, as JSON can hold them."""
    return [epoch, *(None if one is None or not math.isfinite(one) else round(one, 6) for one in figures)]
