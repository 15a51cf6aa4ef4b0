"""The lowest versions that nncli may be installed with, as constraints for pip."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lowest import NOT_FOR_USERS, lowest

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_every_package_of_users_has_a_lower_bound() -> None:
    found = lowest(PROJECT)
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    of_extras = [one for extra, named in extras.items() if extra not in NOT_FOR_USERS for one in named]
    assert {*found} == {one.partition(">=")[0] for one in (*project["dependencies"], *of_extras)}
    assert {"numpy", "mlflow-skinny", "pillow"} <= found.keys()


def test_every_extra_of_users_is_installed_to_develop() -> None:
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    installed = extras["dev"][0].removeprefix("nncli[").removesuffix("]").split(",")
    assert sorted(installed) == sorted({*extras} - {"dev", "bench"})


@pytest.mark.parametrize("requirement", ["numpy", "numpy>=2.1", "numpy==2.1", "numpy<3,>=2.1"])
def test_a_package_without_bounds_is_refused(requirement: str, tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(f'[project]\ndependencies = ["{requirement}"]\n[project.optional-dependencies]\n')
    with pytest.raises(ValueError, match=f"found {requirement}$"):
        lowest(file)


def test_bounds_are_read_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(
        '[project]\ndependencies = ["numpy>=2.1,<3"]\n[project.optional-dependencies]\n'
        'dev = ["x"]\na = ["b-c>=1.0.2,<2"]\n'
    )
    assert lowest(file) == {"numpy": "2.1", "b-c": "1.0.2"}
