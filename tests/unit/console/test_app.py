"""What holds for every page: addresses, headers, refusals."""

import re

import pytest
from starlette.testclient import TestClient

from catdog_console.parts import Parts
from tests.unit.console.builders import URL, pets, some_parts
from tests.unit.console.conftest import Opening

PAGES = ("/", URL, f"{URL}/versions/2", f"{URL}/dead-letters", f"{URL}/answers", "/no/such/page")


def test_the_console_says_that_it_lives(browser: TestClient) -> None:
    assert browser.get("/healthz").text == "ok"


@pytest.mark.parametrize("path", [*PAGES, "/healthz", f"{URL}/pictures/0-41.jpg"])
def test_every_answer_forbids_what_the_pages_do_not_need(browser: TestClient, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_inline_style_or_script_and_nothing_from_elsewhere(
    browser: TestClient, path: str
) -> None:
    text = browser.get(path).text
    assert "<html lang=" in text
    assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son[a-z]+=|javascript:", text)
    assert all(each.startswith("/") for each in re.findall(r'(?:src|href|action)="([^"#]+)"', text))
    assert text.count("<h1") == 1
    assert text.count("<main") == 1


def test_its_own_files_are_kept_by_browsers_under_an_address_of_their_content(browser: TestClient) -> None:
    found = re.findall(r'"(/static/[0-9a-f]{12}/[a-z.]+)"', browser.get("/").text)
    assert {each.rpartition("/")[2] for each in found} == {"console.css", "console.js", "icon.svg"}
    for each in found:
        answer = browser.get(each)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert browser.get("/static/000000000000/console.js").status_code == 404
    assert browser.get("/static/000000000000/..%2Fapp.py").status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", ""])
def test_a_host_of_another_name_is_refused(browser: TestClient, host: str) -> None:
    assert browser.get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:18080", "127.0.0.1", "[::1]:8080"])
def test_the_own_hosts_are_known_at_any_port(browser: TestClient, host: str) -> None:
    assert browser.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost:1234"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_photo_from_another_site_is_refused(
    browser: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = browser.post(f"{URL}/photos", files={"photo": b"a photo"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/models/kafka/birds", "Namespace kafka has no CatDogModel birds."),
        ("/models/default/pets", "This console shows models of kafka only."),
        (f"{URL}/versions/9", "Model pets has no version 9 (any more)."),
        ("/no/such/page", "There is no such page."),
        (f"{URL}/dead-letters/0/9", "No dead letter of this model lies there (any more)."),
    ],
)
def test_what_is_not_there_is_said_in_a_page(browser: TestClient, path: str, says: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert says in answer.text
    assert '<a href="/">All models</a>' in answer.text


def test_a_crash_is_told_without_its_secrets(opening: Opening, parts: Parts) -> None:
    parts.cluster.models = None  # type: ignore[assignment]
    answer = opening(parts).get("/")
    assert answer.status_code == 500
    assert "The console made a mistake" in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_model_whose_kafka_is_not_known_yet_has_a_page_that_says_so(opening: Opening) -> None:
    browser = opening(some_parts(pets(kafka=None)))
    page = browser.get(URL)
    assert page.status_code == 200
    assert '<div id="kafka"><p class="notice warn">Model pets has no status.kafka yet' in page.text
    refused = browser.get(f"{URL}/dead-letters")
    assert refused.status_code == 503
    assert "Model pets has no status.kafka yet" in refused.text
