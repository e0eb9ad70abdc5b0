"""What a person finds in the pages, with and without script."""

import asyncio
import gc
from contextlib import aclosing

import msgspec
import pytest
from starlette.testclient import TestClient

from catdog_client.comparing import VersionAnswer
from catdog_client.dead_letter import DeadLetter
from catdog_common.messages import Source
from catdog_console.cluster import Key
from catdog_console.live import merge
from catdog_console.model_pages import ModelPages
from catdog_console.parts import Parts
from catdog_console.views import ModelView, Row
from catdog_console.views_of_kafka import Asked, Frame, LetterFile, Rates, ShownLetter
from tests.unit.client.builders import PROGRESS
from tests.unit.console.builders import (
    EMPTY,
    PETS,
    SINCE,
    URL,
    FakeReports,
    FakeTraffic,
    a_login,
    an_answer,
    pets,
    some_parts,
)
from tests.unit.console.conftest import Opening

PHOTO = {"photo": ("tom.jpg", b"a photo", "image/jpeg")}
FRAGMENT = {"Catdog-Fragment": "answer"}


@pytest.fixture
def traffic(parts: Parts) -> FakeTraffic:
    assert isinstance(parts.traffic, FakeTraffic)
    return parts.traffic


def test_the_list_has_a_row_for_each_model(browser: TestClient) -> None:
    page = browser.get("/").text
    assert f'<a href="{URL}">pets</a>' in page
    assert "2 of 1 ready" in page
    assert "Version 2 serves with all 2 replicas ready." in page


def test_an_empty_cluster_says_how_a_model_is_made(opening: Opening) -> None:
    assert "There is no CatDogModel yet" in opening(some_parts()).get("/").text


def test_before_anything_is_heard_nothing_is_claimed(opening: Opening) -> None:
    parts = some_parts()
    parts.cluster.heard = frozenset()
    page = opening(parts).get("/").text
    assert "Nothing is heard of the cluster yet." in page
    assert "There is no CatDogModel" not in page


def test_a_models_page_has_all_its_parts(browser: TestClient) -> None:
    page = browser.get(URL).text
    for heading in ("Try a photo", "What it answers now", "How it is", "Versions", "Conditions"):
        assert f"{heading}</h2>" in page
    assert f'<a href="{URL}/versions/1">Version 1</a>' in page
    assert '<option value="1">version 1</option>' in page
    assert '<option value="2">' not in page, "it serves"
    assert "10.0 MiB" in page
    assert f'data-events="{URL}/events?seen=' in page


def test_a_training_is_drawn(opening: Opening) -> None:
    progress = {**PROGRESS, "loss": 0.11, "accuracy": 0.96, "valLoss": 0.09}
    page = opening(some_parts(pets(phase="Training", progress=progress))).get(URL).text
    assert '<progress max="20" value="7"' in page
    assert page.count("<polyline") == 4
    assert 'aria-label="Log-loss from epoch 7 to 7: training from 0.11' in page


def test_what_stands_in_a_status_is_text(opening: Opening) -> None:
    evil = "<script>alert(1)</script>"
    condition = {"type": "Ready", "status": "True", "reason": evil, "message": evil}
    failure = {"hash": pets()["status"]["training"]["hash"], "reason": "X", "message": evil}
    browser = opening(some_parts(pets(conditions=[condition], lastFailure=failure)))
    for page in (browser.get("/").text, browser.get(URL).text):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_a_model_of_another_kafka_can_be_looked_at_and_not_asked(opening: Opening) -> None:
    browser = opening(some_parts(pets(), login=a_login("other:9093")))
    page = browser.get(URL).text
    assert "run a console with a login for that Kafka too." in page
    assert '<div id="kafka"><p' in page, "which hides the form"
    assert browser.post(f"{URL}/photos", files=PHOTO).status_code == 503


def test_a_photo_is_answered_in_a_page_of_its_own_without_script(
    browser: TestClient, traffic: FakeTraffic
) -> None:
    page = browser.post(f"{URL}/photos", files=PHOTO)
    assert traffic.photos == [b"a photo"]
    assert page.status_code == 200
    for words in (
        "<h1>What pets says of the photo</h1>",
        "Version 2 says cat, 97.3%.",
        '<meter min="0" max="1" value="0.973" aria-label="cat">97.3%</meter>',
        "Answered through Kafka in 84 ms; the photo lies at pets-images/0/41.",
    ):
        assert words in page.text
    assert browser.get(f"{URL}/photos", follow_redirects=False).headers["location"] == URL


def test_the_script_is_given_the_answer_alone(browser: TestClient) -> None:
    answer = browser.post(f"{URL}/photos", files=PHOTO, headers=FRAGMENT).text
    assert answer.startswith('<p class="lead">Version 2 says cat')
    assert "<html" not in answer


def test_two_versions_answer_side_by_side(browser: TestClient) -> None:
    answer = browser.post(f"{URL}/photos", files=PHOTO, data={"beside": "1"}, headers=FRAGMENT).text
    assert answer.count('<section class="column"') == 2
    assert "Version 2, which serves" in answer
    assert "Computed in the console by this version&#39;s own files" in answer


def test_a_version_that_cannot_be_computed_leaves_the_other_answer(browser: TestClient) -> None:
    answer = browser.post(f"{URL}/photos", files={"photo": b"damaged"}, data={"beside": "1"}).text
    assert "Version 2 says cat" in answer
    assert "The file is no picture." in answer


def test_the_shadows_answer_stands_beside(browser: TestClient, traffic: FakeTraffic) -> None:
    answer = VersionAnswer(2, "unknown", {"cat": 0.4, "dog": 0.6})
    traffic.asked = Asked(id="7", answer=answer, shadow=VersionAnswer(3, "dog", {"cat": 0.1, "dog": 0.9}))
    page = browser.post(f"{URL}/photos", files=PHOTO).text
    assert "Version 2 says unknown: neither cat nor dog." in page
    assert "Version 3, the shadow" in page


def test_a_photo_that_waits_can_be_looked_after(browser: TestClient, traffic: FakeTraffic) -> None:
    answered, traffic.asked = traffic.asked, Asked(id="7", place=Source("pets-images", 0, 41))
    page = browser.post(f"{URL}/photos", files=PHOTO, headers=FRAGMENT).text
    assert f'data-again="{URL}/photos/7"' in page
    assert "is not answered yet" in page
    traffic.later = answered
    assert "Version 2 says cat" in browser.get(f"{URL}/photos/7").text
    gone = browser.get(f"{URL}/photos/8", headers=FRAGMENT)
    assert gone.status_code == 404
    assert gone.text.startswith('<p class="notice bad">That is not here. Nothing is known of that photo')


def test_what_is_wrong_with_a_photo_is_a_sentence(browser: TestClient, traffic: FakeTraffic) -> None:
    traffic.asked = Asked(id="7", error="it is no JPEG, PNG or WebP")
    answer = browser.post(f"{URL}/photos", files=PHOTO, headers=FRAGMENT).text
    assert "It is no JPEG, PNG or WebP." in answer
    assert "<meter" not in answer


def test_who_has_no_script_listens_for_some_seconds(browser: TestClient, traffic: FakeTraffic) -> None:
    rates = Rates(SINCE, {"cat": 2.0, "dog": 0.0}, 5, 1, 3)
    traffic.frames = [EMPTY, Frame((an_answer(41), an_answer(40, "dog", "<b>")), rates)]
    page = browser.get(f"{URL}/answers").text
    assert f'<img src="{URL}/pictures/0-41.jpg" alt="photo answered cat 97.3%"' in page
    assert "A second: cat 2.0. Since 09:20:10 UTC: 5 answers, 1 dead letter; 3 of them" in page
    assert "id &lt;b&gt;" in page


def test_a_small_picture_is_a_jpeg(browser: TestClient) -> None:
    picture = browser.get(f"{URL}/pictures/0-41.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert browser.get(f"{URL}/pictures/0-42.jpg").status_code == 404


LETTER = DeadLetter(
    topic="pets-dead-letters",
    partition=0,
    offset=3,
    time="2026-11-30T09:20:11Z",
    reason="NotAnImage",
    message="is no JPEG & no PNG",
    size=2048,
    id="note.txt",
    source=Source("pets-images", 0, 9),
)


def test_dead_letters_are_listed_with_their_reasons(browser: TestClient, traffic: FakeTraffic) -> None:
    assert "There is none." in browser.get(f"{URL}/dead-letters").text
    traffic.letters = (ShownLetter(LETTER, "0-3"),)
    page = browser.get(f"{URL}/dead-letters").text
    for words in ("NotAnImage", "is no JPEG &amp; no PNG", "2 KiB", "pets-images/0/9", "note.txt"):
        assert words in page
    assert f'href="{URL}/dead-letters/0/3" download' in page


def test_the_bytes_of_a_dead_letter_are_saved_and_never_shown(
    browser: TestClient, traffic: FakeTraffic
) -> None:
    traffic.letter_file = LetterFile('b"ö.html', b"<script>alert(1)</script>")
    answer = browser.get(f"{URL}/dead-letters/0/3")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''b%22%C3%B6.html"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


FILES = {
    "training.png": b"\x89PNG",
    "model-card.md": b"# pets, version 1\n\n<b>bold</b>\n",
    "model.json": b"{}",
    "history.csv": b"epoch\n",
}


def test_a_version_shows_its_pictures_and_its_card(opening: Opening) -> None:
    browser = opening(some_parts(pets(), reports=FakeReports(FILES)))
    page = browser.get(f"{URL}/versions/1").text
    assert f'<img src="{URL}/versions/1/files/training.png"' in page
    assert "evaluation.png" not in page
    assert "<h2>pets, version 1</h2>" in page
    assert "&lt;b&gt;bold" in page
    assert "Its figures can&#39;t be shown" in page, "model.json is of another form"
    assert browser.get(f"{URL}/versions/1/files/training.png").headers["content-type"] == "image/png"
    saved = browser.get(f"{URL}/versions/1/files/history.csv").headers
    assert saved["content-disposition"] == 'attachment; filename="pets-1-history.csv"'


@pytest.mark.parametrize(
    ("name", "status"),
    [("manifest.json", 404), ("..%2F..%2F1", 404), ("evil.html", 404), ("evaluation.png", 503)],
)
def test_a_version_has_no_other_files(opening: Opening, name: str, status: int) -> None:
    files = FILES | {"manifest.json": b"{}", "evil.html": b"<script>"}
    browser = opening(some_parts(pets(), reports=FakeReports(files)))
    assert browser.get(f"{URL}/versions/1/files/{name}").status_code == status


def test_without_a_worker_a_version_shows_what_the_status_has_and_why_not_more(browser: TestClient) -> None:
    page = browser.get(f"{URL}/versions/2")
    assert page.status_code == 200
    assert "97.0%" in page.text
    assert "Its curves, pictures and card can&#39;t be shown: no worker of pets runs" in page.text


async def test_an_open_page_learns_when_photos_can_be_sent_and_is_given_the_strip(parts: Parts) -> None:
    parts.cluster.note("kafka", {"pets": pets(kafka=None)})
    pages, told = ModelPages(parts), dict[str, str]()
    async with asyncio.timeout(60), aclosing(merge(*pages.follow(PETS, ""))) as events:
        async for event in events:
            data = msgspec.json.decode(str(event.data))
            told[data["target"]] = data["html"]
            if "no status.kafka yet" in told.get("kafka", "") and "history" in told:
                parts.cluster.note("kafka", {"pets": pets()})
            if "strip-rates" in told and told["kafka"] == "":
                break


async def test_an_open_page_follows_a_model_to_other_topics(parts: Parts, traffic: FakeTraffic) -> None:
    async def followed(count: int) -> None:
        while len(traffic.followed) < count:
            await anext(events)

    traffic.endless = True
    async with asyncio.timeout(60), aclosing(merge(*ModelPages(parts).follow(PETS, ""))) as events:
        await followed(1)
        parts.cluster.note("kafka", {"pets": pets(phase="Degraded")})  # which changes nothing of the topics
        other = pets()
        other["spec"]["inference"] = {"shadowVersion": 1}
        parts.cluster.note("kafka", {"pets": other})
        await followed(2)
    assert [each.shadow for each in traffic.followed] == [None, "pets-predictions-shadow"]


async def test_an_open_page_of_a_model_that_is_deleted_says_so_and_shows_nothing_of_it(parts: Parts) -> None:
    parts.cluster.note("kafka", {})
    fragments = ModelPages(parts).fragments(PETS)
    assert "it was deleted" in fragments["words"]
    assert {html for target, html in fragments.items() if target != "words"} == {""}


def test_of_states_that_are_past_nothing_is_kept(parts: Parts) -> None:
    pages = ModelPages(parts)

    def look(state: str) -> int:
        parts.cluster.note("kafka", {"pets": pets(phase=state), state: pets(phase=state)})
        pages.fragments(PETS)
        pages.fragments(Key("kafka", state))
        pages.index_fragments()
        return sum(isinstance(each, ModelView | Row) for each in gc.get_objects())

    first = look("first")
    last = [look(f"state-{number}") for number in range(20)][-1]
    assert last <= first
