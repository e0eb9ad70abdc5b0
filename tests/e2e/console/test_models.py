"""A model is seen from its first training to two versions side by side; the tests go on from one another.

With CATDOG_PICTURES in the environment they put what they see into the folder that it names.
"""

import os
import re
from pathlib import Path
from time import monotonic

from playwright.sync_api import Page, expect

from tests.browser import PICTURES, photograph
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.cluster.operator_process import free_port
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.console.scene import PATIENCE, SLOWER, SPEC, columns, drop
from tests.e2e.kafka import produce_apart
from tests.e2e.models import Model
from tests.howto import run_section

HOWTO = REPOSITORY / "docs" / "how-to" / "console.md"


def test_a_port_is_forwarded_as_the_how_to_says(cluster: Instance, console: None) -> None:
    assert console is None
    port = free_port()
    there = {"8080:8080": f"{port}:8080", "localhost:8080": f"localhost:{port}"}
    assert "<title>Models" in run_section(HOWTO, "Open it", REPOSITORY, cluster.environment(), there)


def test_a_model_appears_and_its_first_training_is_watched_to_its_end(
    page: Page, url: str, unborn: Model
) -> None:
    page.goto(url)
    row = page.get_by_role("link", name="pets", exact=True)
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    expect(row).to_be_hidden()
    page.evaluate("window.loadedOnce = true")
    unborn.apply(SPEC)
    row.click()
    expect(page.locator("#words")).to_contain_text("Training", timeout=PATIENCE)
    expect(page.get_by_role("heading", name="Training")).to_be_visible()
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#words")).to_contain_text("Serving", timeout=PATIENCE)
    expect(page.locator("#versions").get_by_role("link", name="Version 1")).to_be_visible()
    expect(page.get_by_role("heading", name="Training")).to_be_hidden()
    assert page.evaluate("window.loadedOnce"), "nobody has reloaded the page"


def test_a_version_shows_what_was_drawn_of_it_and_its_card(page: Page, here: str, unborn: Model) -> None:
    unborn.await_ready(version=1)
    page.goto(f"{here}/versions/1")
    for title in ("How the training went", "Confusion matrix, calibration and ROC", "The worst photos"):
        picture = page.locator("section", has=page.get_by_role("heading", name=title)).get_by_role("img")
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("image => image.naturalWidth") > 100, title
    counts = page.get_by_role("table", name="Validation photos").get_by_role("cell").all_inner_texts()
    [version] = unborn.status()["versions"]
    assert sum(map(int, counts)) == version["photos"]
    expect(page.get_by_role("region", name="Model card").get_by_role("heading").first).to_contain_text("pets")
    page.set_viewport_size({"width": 1100, "height": 1300})
    page.evaluate("scrollTo(0, 0)")
    photograph(page, "version")


def test_a_photo_that_is_dropped_goes_through_kafka_and_comes_back_as_an_answer(
    page: Page, here: str, cat: Path, figures: list[str]
) -> None:
    page.goto(here)
    expect(page.locator("#connection")).to_be_hidden()
    drop(page, cat)  # connections are made by then
    expect(page.locator("#answer")).to_contain_text("Version 1 says")
    began = monotonic()
    drop(page, cat)
    expect(page.locator("#answer")).to_contain_text(re.compile(r"Version 1 says cat, \d+\.\d%\."))
    figures.append(f"console: a drop was answered in {1000 * (monotonic() - began):.0f} ms")
    [answered] = columns(page)
    expect(answered).to_contain_text("Answered through Kafka in")
    assert answered.get_by_role("meter").count() == 2
    expect(page.get_by_role("img", name="The photo that was sent")).to_be_visible()


def test_answers_and_dead_letters_run_by_with_pictures_and_reasons(
    cluster: Instance, page: Page, here: str, drawings: list[LabelledPhoto], tmp_path: Path
) -> None:
    page.goto(here)
    expect(page.locator("#strip-rates")).to_contain_text("A second:")
    produce_apart(cluster, "pets-images", [each.path.read_bytes() for each in drawings[::16]])
    strip = page.get_by_role("list", name="Answers, the newest first").get_by_role("listitem")
    expect(strip.filter(has_text="version 1").nth(2)).to_be_visible()  # four a second are shown at most
    for picture in strip.get_by_role("img").all():
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("image => image.naturalWidth") > 0
    produce_apart(cluster, "pets-images", [b"meow"])
    expect(strip.first).to_contain_text("Dead letter")
    page.get_by_role("link", name="Dead letters").click()
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("NotAnImage")
    with page.expect_download() as download:
        row.get_by_role("link").click()
    download.value.save_as(tmp_path / "letter")
    assert (tmp_path / "letter").read_bytes() == b"meow"


def test_the_next_training_shows_its_epochs_while_version_1_serves(
    page: Page, here: str, unborn: Model
) -> None:
    page.goto(here)
    unborn.patch({"training": SLOWER})
    chart = page.get_by_role("img", name="Log-loss from epoch")
    expect(chart.last).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#training")).to_contain_text("Time left")
    expect(page.locator("#state")).to_contain_text("Version 1 serves")
    if PICTURES in os.environ:  # of the first epochs there is little to see
        expect(page.locator("#training")).to_contain_text(re.compile(r"[6-9] of 10"), timeout=PATIENCE)
    photograph(page, "training", of=page.locator("#training"))
    expect(page.locator("#versions")).to_contain_text("Version 2", timeout=PATIENCE)
    expect(page.locator("#training").get_by_role("heading")).to_be_hidden()


def test_two_versions_answer_the_same_photo_side_by_side(
    page: Page, here: str, pets: Model, cat: Path, drawings: list[LabelledPhoto]
) -> None:
    page.goto(here)
    expect(page.locator("#strip-rates")).to_contain_text("A second:")
    some = [each.path.read_bytes() for each in drawings[::8]]
    produce_apart(pets.cluster, "pets-images", some, every_seconds=0.3)  # not too fast to be shown
    page.get_by_label("Beside the version that serves").select_option("2")
    page.get_by_label("Choose a photo").set_input_files(cat)
    expect(page.locator("#answer .column")).to_have_count(2)
    served, beside = columns(page)
    expect(served).to_contain_text("Version 1, which serves")
    expect(beside).to_contain_text("Computed in the console")
    assert beside.get_by_role("meter").count() == 2
    page.set_viewport_size({"width": 1100, "height": 1200})
    photograph(page, "model")
