"""Members of an ensemble are trained on several threads at once, and come to the same digits on any number of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nncli.nn.ensemble import WideMembers
from nncli.system.side_by_side import one_after_another, several_threads
from nncli.system.threads import multiply_with
from nncli.training import side_by_side
from nncli.training.trainer import Trainer
from training import blobs, trainer

Run = Callable[..., Any]


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_each_part_is_done_once_by_as_many_threads(number: int) -> None:
    done = list[int]()
    everyone, who = threading.Barrier(number), set[int]()

    def part(i: int) -> None:
        if threading.get_ident() not in who:
            who.add(threading.get_ident())
            everyone.wait(10)  # until each thread has begun
        done.append(i)

    with several_threads(number) as share:
        share(part, 8)
    assert (sorted(done), len(who)) == (list(range(8)), number)


def test_what_goes_wrong_in_a_part_is_told() -> None:
    def part(i: int) -> None:
        if i == 3:
            raise ValueError("the last one")

    with several_threads(2) as share, pytest.raises(ValueError, match="the last one"):
        share(part, 4)


def test_overflow_is_handled_as_in_the_calling_thread() -> None:
    found = np.zeros(4)

    def part(i: int) -> None:
        found[i] = np.array([1e300])[0] * 1e300

    with several_threads(4) as share, np.errstate(over="ignore"):
        share(part, 4)
    assert np.isinf(found).all()


def made(**options: Any) -> Trainer:
    how = {"model": "mlp", "hidden": (128, 16), "ensemble": "5", "epochs": 3, "dropout": 0.2, **options}
    found = trainer(blobs(300), blobs(50, 1), **how)
    found.drop = np.random.default_rng(5)
    return found


def test_members_come_to_the_same_digits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    found, shared = list[np.ndarray](), list[bool]()
    for threads in (1, 2, 3, 16):
        monkeypatch.setattr(side_by_side, "products", lambda threads=threads: (threads, ""))
        one = made()
        network = one.network
        assert isinstance(network, WideMembers)
        with side_by_side.at_its_threads(one):
            shared.append(network.side_by_side is not one_after_another)
            list(one.run())
        assert network.side_by_side is one_after_another
        found.append(one.kept.theta)
    assert shared == [False, True, True, True]
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_products_too_large_for_one_thread_are_shared_where_members_are_few() -> None:
    # 256 · 128 · 129 multiplications are more than 2²²
    one = made(hidden=(128, 129), batch_size=256, ensemble="2")
    assert side_by_side.threads_worth(one) is None
    with multiply_with(2), side_by_side.at_its_threads(one):
        assert one.network.side_by_side is not one_after_another  # 2 members, 2 threads
    one = made(hidden=(128, 129), batch_size=256, ensemble="2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(side_by_side, "products", lambda: (8, ""))
        with side_by_side.at_its_threads(one):
            assert one.network.side_by_side is one_after_another


def test_parameters_are_the_same_with_one_thread_and_with_two(nncli: Run, tmp_path: Path) -> None:
    found = []
    for threads in ("1", "2"):
        words, file = "--model tabular --hidden 128 --epochs 2 -q --threads", tmp_path / f"{threads}.npz"
        assert nncli("train", "wine", *words.split(), threads, "-o", str(file)).code == 0
        with np.load(file) as arrays:  # of which "meta" has the options too, and the number of threads
            found.append({name: arrays[name].tobytes() for name in arrays.files if name not in ("meta", "sha256")})
    assert found[0] == found[1]
    assert len(found[0]) > 0
