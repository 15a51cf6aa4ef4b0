"""The playground as a student uses it, in Chromium by way of Playwright."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.long,
    # A browser is no package of Python: the tests install all that they need but this, and have to pass without it.
    pytest.mark.skipif(CHROMIUM is None, reason="pip cannot install a browser: apt-get install chromium"),
]
Run = Callable[..., Any]


class Page:
    """A page of the playground, with what one does there."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.errors = page, list[str]()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.goto(address)
        self.until(lambda: self.text("#command"))

    def text(self, what: str) -> str:
        return str(self.page.locator(what).text_content())

    def choose_model(self, name: str) -> None:
        self.page.select_option("#option-model", name)
        self.until(lambda: f"--model {name}" in self.text("#command") or name == "mlp")  # which is the default

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        # the page allows no script but its own, so that it is asked again and again from here
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "the page took too long"
            time.sleep(0.02)

    def epoch(self) -> int:
        return int(self.text("#epoch").replace(",", ""))

    def train(self, epochs: int) -> None:
        self.page.click("#play")
        self.until(lambda: self.epoch() >= epochs)
        self.page.click("#play")
        self.settle()

    def settle(self) -> None:
        """Wait for the pictures that were on their way when training was to pause."""
        before = -1
        while before != (now := self.epoch()) or self.text("#within"):
            before = now
            time.sleep(0.7)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("playground")
    process = subprocess.Popen(
        [sys.executable, "-m", "nncli", "play", "--no-browser", "--port", "0", "-q"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(folder)}, cwd=folder,
    )  # fmt: skip
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def visit(address: str) -> Iterator[Callable[..., Page]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        pages = list[Page]()

        def opened(fragment: str = "", width: int = 1280, **options: Any) -> Page:
            made = browser.new_page(viewport={"width": width, "height": 900}, **options)
            pages.append(Page(made, address + fragment))
            return pages[-1]

        yield opened
        assert [page.errors for page in pages if page.errors] == []
        browser.close()


def test_xor_is_trained_and_its_border_is_drawn(visit: Callable[..., Page]) -> None:
    page = visit()
    before = page.page.locator("#regions").evaluate("canvas => canvas.toDataURL()")
    page.train(150)
    assert page.text("#figures").startswith("training, 280 rows100.0 %")
    corner = "([x, y]) => [...document.getElementById('regions').getContext('2d').getImageData(x, y, 1, 1).data]"
    at = [page.page.evaluate(corner, place) for place in ([8, 8], [39, 8], [8, 39], [39, 39])]
    assert at[0] != at[1], "the classes differ from side to side"
    assert all(abs(a - b) < 30 for one, other in ((0, 3), (1, 2)) for a, b in zip(at[one], at[other], strict=True))
    assert page.page.locator("#regions").evaluate("canvas => canvas.toDataURL()") != before
    assert f"--epochs {page.epoch()}" in page.text("#command")


def test_a_step_of_one_row_shows_the_numbers_of_graph(visit: Callable[..., Page], nncli: Run, tmp_path: Path) -> None:
    page = visit("#data=bundled:xor&hidden=3&optimizer=sgd&batch_size=1")
    page.page.click("[data-step=epoch]")
    page.until(lambda: page.epoch() == 1)
    with page.page.expect_download() as saved:
        page.page.click("#save")
    saved.value.save_as(tmp_path / "model.npz")
    page.page.click("[data-step=row]")
    page.until(lambda: page.text("#chain"))
    row = page.page.locator("#row").input_value()
    graph = nncli("graph", tmp_path / "model.npz", "--row", row, "--json").json
    nodes = {one["is"].split(" = ")[0]: one for one in graph["nodes"]}
    for unit in range(3):
        page.page.locator(f"[data-at='1,{unit}']").click()
        shown = [page.page.locator("#chain strong").nth(i).text_content().replace("−", "-") for i in range(5)]
        z, a, da, dz, db = map(float, shown)
        expected = nodes[f"Z1[{unit}]"]
        assert z == pytest.approx(expected["value"], rel=1e-3)
        assert a == pytest.approx(nodes[f"A1[{unit}]"]["value"], rel=1e-3)
        assert da == pytest.approx(nodes[f"A1[{unit}]"]["derivative"], rel=1e-2)
        assert dz == db == pytest.approx(expected["derivative"], rel=1e-2)
        for i in range(2):
            cells = page.page.locator("#chain tbody tr").nth(i).locator("td").all_text_contents()
            derivative = graph["variables"][f"W1[{i}, {unit}]"]["derivative"]
            assert float(cells[2].replace("−", "-")) == pytest.approx(derivative, rel=1e-2)


def test_a_dropped_table_is_learned_and_its_model_predicts(
    visit: Callable[..., Page], nncli: Run, tmp_path: Path
) -> None:
    table = [["w", "h", "colour", "kind"]]
    table += [[str(i % 9), str(i % 7), "red" if i % 2 else "blue", "big" if i % 9 > 4 else "small"] for i in range(120)]
    with (tmp_path / "fruit.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table)
    page = visit()
    drop = """text => {
        const data = new DataTransfer();
        data.items.add(new File([text], "fruit.csv"));
        dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
    }"""
    page.page.evaluate(drop, (tmp_path / "fruit.csv").read_text())
    page.until(lambda: page.text("#command").startswith("nncli train fruit.csv --target kind "))
    page.train(40)
    with page.page.expect_download() as saved:
        page.page.click("#save")
    saved.value.save_as(tmp_path / "model.npz")
    done = nncli("predict", tmp_path / "model.npz", tmp_path / "fruit.csv")
    assert done.code == 0
    answers = [line.split(",")[0] for line in done.out.splitlines()[1:]]
    assert answers == [row[3] for row in table[1:]]
    page.page.locator("#file").set_input_files(tmp_path / "model.npz")  # and a model is opened in the same way
    page.until(lambda: "drop the rows" in page.text("#message"))
    page.page.locator("#file").set_input_files(tmp_path / "fruit.csv")
    page.until(lambda: "training goes on from model.npz" in page.text("#departed"))


def test_a_dropped_table_of_numbers_is_fitted_by_a_curve_and_its_model_predicts(
    visit: Callable[..., Page], nncli: Run, tmp_path: Path
) -> None:
    """A number y = 3 x² + 10 over its only column, from 10 to 22."""
    rows = [(i / 40, 3 * (i / 40) ** 2 + 10) for i in range(-80, 81)]
    (tmp_path / "bowl.csv").write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in rows))
    page = visit()
    page.page.locator("#file").set_input_files(tmp_path / "bowl.csv")
    page.until(lambda: page.text("#command").startswith("nncli train bowl.csv"))
    page.page.locator("#option-lr").select_option("0.03")
    page.train(150)
    assert float(page.text("#figures").split("RMSE ")[1].split()[0]) < 0.5
    assert [page.text("#x-axis"), page.text("#y-axis")] == ["x", "y"]
    ink = "([x, y]) => document.getElementById('points').getContext('2d').getImageData(x, y, 1, 1).data[3]"
    assert page.page.evaluate(ink, [300, 40]) == 0, "in the bowl there is nothing"
    column = f"x => [...Array(600).keys()].filter(y => ({ink})([x, y]))"
    middle, side = (page.page.evaluate(column, x) for x in (300, 60))
    assert min(middle) > 450 > 200 > min(side), "the curve and its rows are low in the middle, and high at the side"
    words = [one.get_attribute("value") for one in page.page.locator("#option-model option").all()]
    assert set(words) == {"linear", "mlp", "tabular"}
    page.page.click("[data-step=row]")
    page.until(lambda: page.text("#chain"))
    page.page.locator("[data-at='3,0']").click()
    assert "the predicted y" in page.text("#chain")
    with page.page.expect_download() as saved:
        page.page.click("#save")
    saved.value.save_as(tmp_path / "model.npz")
    answers = nncli("predict", tmp_path / "model.npz", tmp_path / "bowl.csv").out.split()[1:]
    assert max(abs(float(answer) - y) for answer, (_, y) in zip(answers, rows, strict=True)) < 2


def test_a_network_is_built_changed_and_found_in_the_address(visit: Callable[..., Page]) -> None:
    page = visit("#data=bundled:moons")
    page.page.get_by_label("Add a hidden layer").click()
    page.until(lambda: "--hidden 4x4x4" in page.text("#command"))
    page.page.get_by_label("One unit more in layer 2").click()
    page.until(lambda: "--hidden 4x5x4" in page.text("#command"))
    page.page.get_by_label("Remove the last hidden layer").click()
    page.until(lambda: "--hidden 4x5 " in page.text("#command"))
    page.page.select_option("#option-activation", "relu")
    page.until(lambda: "--activation relu" in page.text("#command"))
    page.page.locator("[data-at='1,2']").click()
    page.page.locator("[data-weight='0']").fill("3.25")
    page.page.locator("[data-weight='0']").press("Enter")
    page.until(lambda: "weights were set by hand" in page.text("#departed"))
    again = visit("#" + page.page.url.partition("#")[2])
    assert again.text("#command") == page.text("#command")
    for model in ("perceptron", "mira", "svm", "mlp"):
        page.choose_model(model)
        page.page.click("[data-step=epoch]")
        page.until(lambda: page.epoch() == 1)


def test_a_digit_is_drawn(visit: Callable[..., Page]) -> None:
    page = visit("#data=bundled:digits&hidden=32&activation=relu")
    page.train(15)
    paper = page.page.locator("#paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    path = [(0.5, 0.1), (0.25, 0.3), (0.25, 0.7), (0.5, 0.9), (0.75, 0.7), (0.75, 0.3), (0.5, 0.1)]  # a zero
    for i, (x, y) in enumerate(path):
        page.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=6)
        if i == 0:
            page.page.mouse.down()
    page.page.mouse.up()
    page.until(lambda: page.page.locator("#answers .first").count())
    page.until(lambda: page.text("#answers .first").startswith("0"))


def test_it_is_played_by_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = visit()
    page.page.keyboard.press("Space")
    page.until(lambda: page.epoch() > 3)
    page.page.keyboard.press("Space")
    page.settle()
    at = page.epoch()
    page.page.keyboard.press("e")
    page.until(lambda: page.epoch() == at + 1)
    page.page.keyboard.press("r")
    page.until(lambda: page.epoch() == 0)
    page.page.locator("[data-at='0,0']").focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    page.until(lambda: "layer 1, unit 2" in page.text("#unit-note"))
    without_name = """() => [...document.querySelectorAll("button, input, select")]
        .filter((one) => one.offsetParent)
        .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length))
        .map((one) => one.outerHTML)"""
    assert page.page.evaluate(without_name) == []  # all that can be reached has a name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_is_there_at_once(width: int, scheme: str, visit: Callable[..., Page]) -> None:
    page = visit(width=width, color_scheme=scheme)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.page.click("[data-step=row]")
    page.until(lambda: page.text("#chain"))
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    timing = """() => [performance.getEntriesByName("first-contentful-paint")[0].startTime,
        performance.getEntriesByType("navigation")[0].responseStart]"""
    took = []
    for _ in range(5):  # the quickest, as other programs may be busy
        page.page.reload()
        page.until(lambda: page.text("#command"))
        painted, answered = page.page.evaluate(timing)
        took.append(painted - answered)
    assert min(took) < 300  # ms
