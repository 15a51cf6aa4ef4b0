"""The page of `nncli serve` as somebody with a browser uses it, in Chromium by way of Playwright."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from served import server, spelled_model

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.long,
    # A browser is no package of Python: the tests install all that they need but this, and have to pass without it.
    pytest.mark.skipif(CHROMIUM is None, reason="pip cannot install a browser: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_row_is_tried(width: int, scheme: str, browser: Any, iris_model: Path, digits_model: Path) -> None:
    with server([iris_model, digits_model]) as (_, port):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        errors, asked = list[str](), list[str]()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"http://127.0.0.1:{port}/")
        page.get_by_label("sepal_length_cm").fill("99")
        page.get_by_role("button", name="Predict").click()
        result = page.get_by_label("Answer")
        result.get_by_text("99 is outside of the training range").wait_for()
        assert result.get_by_role("row").count() == 6  # three classes and three reasons
        page.get_by_text("From a program").click()
        assert '"sepal_length_cm": 99,' in page.locator("#curl").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Empty row").click()
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("column 'petal_width_cm': missing").wait_for()
        page.get_by_label("sepal_width_cm").fill("wide")
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("expected a number, found 'wide'").wait_for()
        assert errors == [one for one in errors if "422" in one]  # a browser tells of the answer itself
        page.get_by_label("Model").select_option("digits")
        row = json.loads(page.get_by_label("The row as JSON").input_value())  # of 64 columns
        assert len(row) == 64
        page.get_by_role("button", name="Predict").click()
        page.get_by_role("table").first.wait_for()
        page.get_by_label("The row as JSON").fill(json.dumps([row, row]))
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("The form is for one row").wait_for()
        assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in asked)
        page.close()


def test_the_typical_row_of_columns_with_units_and_dates_is_answered(browser: Any, tmp_path: Path) -> None:
    with server([spelled_model(tmp_path)]) as (_, port):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        assert page.get_by_label("share").input_value().endswith("%")
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("Probabilities").wait_for()
        assert "missing" not in page.get_by_label("Answer").inner_text()
        page.get_by_label("share").fill("3,5")
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("found '3,5'. Write it with '%', such as 7,5%").wait_for()
        page.get_by_label("share").fill("3,5 %")
        page.get_by_label("price").fill("1.250")  # 1250, as in the column
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("Probabilities").wait_for()
        assert '"price": "1.250"' in (page.locator("#curl").text_content() or "")
        page.close()


def test_a_token_is_asked_for(browser: Any, iris_model: Path) -> None:
    with server([iris_model], NNCLI_TOKEN="s3cret") as (_, port):
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        for token in ("wrong", "s3cret"):
            page.get_by_label("Token of this server").fill(token)
            page.get_by_role("button", name="Use it").click()
            if token == "wrong":
                page.get_by_text("The server has another token.").wait_for()
        page.get_by_role("button", name="Predict").click()
        page.get_by_text("Probabilities").wait_for()
        page.close()
