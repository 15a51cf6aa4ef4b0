"""One page: what it plays with, and what it is told after each of its messages.

A session is plain Python without a server. `receive` does what one message asks for, `play_on` trains for a moment, and
both return messages for the page. They are called one after the other, from any thread.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
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
from nncli.play.view import frame_of, state_of

SLICE = 0.03  # seconds of training between two pictures
PATIENCE = 0.5  # seconds, in which a pause may still come to the end of an epoch
FIRST = 20  # epochs, of which each is shown
Message = dict[str, Any]


class Session:
    """Keeps what one page trains, and answers its messages."""

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
            self._steps(trainer.rows.batch_size)
        else:
            said.append(self._backpropagation(int(trainer.rows_left[0]), steps=True))
            if trainer.rows.batch_size != 1:
                self._depart("single rows were learned")
            self._steps(1)
            said[0]["after"] = picture.weights_of(self._here)
        if not len(trainer.rows_left):
            trainer.end_epoch()
        return [*said, self._frame()]

    def _rate(self, message: Message) -> list[Message]:
        rate = float(read_option("lr", message["lr"], POSITIVE))
        if self._here.trainer.optimizer.smooth:
            name = self._here.prepared.config.training.optimizer
            raise OptionError("lr", f"{name} finds the length of its steps by itself", "Leave it out")
        if rate != self._here.trainer.learning_rate.base:
            self._here.trainer.learning_rate.base = rate
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

    def _state(self) -> Message:
        return state_of(self._here, self._plane, self._grid)

    def _frame(self) -> Message:
        return frame_of(self._here, self._plane, self._grid, self.playing)
