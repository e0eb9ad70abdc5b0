"""What the console does when something is away, too large, no photo, or meant by another site."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from catdog_common.artifact import TRUNK_FILE, version_dir
from catdog_console.security import HEADERS
from tests.browser import page_of, photograph
from tests.cluster.audit import CONSOLE_USER, read_audit
from tests.cluster.instance import Instance
from tests.e2e.console.scene import PATIENCE
from tests.e2e.consoles import forwarded, rights_of_console
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.processes import processes_in_pod

DAMAGED = "not the file that was published"

pytestmark = pytest.mark.usefixtures("pets")


def test_every_answer_has_the_headers_that_keep_others_out(url: str, here: str) -> None:
    for address in (url, here, f"{here}/versions/1", f"{url}/nowhere", f"{url}/healthz"):
        headers = _ask(address)[1]
        assert {name: headers[name] for name in HEADERS} == dict(HEADERS)


def test_other_sites_and_other_names_get_nothing(url: str, here: str) -> None:
    assert _ask(url, headers={"Host": "evil.example"})[0] == 400
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert _ask(f"{here}/photos", b"photo", headers)[0] == 403


def test_a_photo_that_is_too_large_is_not_sent(page: Page, here: str, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(10 * 1024 * 1024 + 1))
    page.goto(here)
    page.get_by_label("Choose a photo").set_input_files(large)
    expect(page.locator("#answer")).to_contain_text("make it smaller")


def test_what_is_no_photo_is_told_as_its_dead_letter_says(page: Page, here: str, tmp_path: Path) -> None:
    text = tmp_path / "cat.jpg"
    text.write_text("<script>document.title = 'caught'</script>")
    page.goto(here)
    page.get_by_label("Choose a photo").set_input_files(text)
    expect(page.locator("#answer")).to_contain_text(
        "The photo became a dead letter: these 42 bytes are none of JPEG"
    )
    assert page.title() == "pets – CatDog"


def test_a_page_says_when_the_console_is_gone_and_goes_on_when_it_is_back(
    cluster: Instance, browser: Browser, pets: Model
) -> None:
    with page_of(browser) as page:  # whose complaints are what is provoked
        with forwarded(cluster) as url:
            page.goto(f"{url}/models/{NAMESPACE}/{pets.name}")
            expect(page.locator("#strip-rates")).to_contain_text("A second:")
        expect(page.locator("#connection")).to_contain_text("Not connected to the console since")
        with forwarded(cluster, int(url.rpartition(":")[2])):
            expect(page.locator("#connection")).to_be_hidden()


def test_when_the_worker_is_killed_the_page_says_so_and_the_photo_waits_until_it_is_back(
    cluster: Instance, page: Page, here: str, pets: Model, cat: Path
) -> None:
    trunk = version_dir(cluster.claim_path(NAMESPACE, f"{pets.name}-models"), pets.name, 1) / TRUNK_FILE
    whole = trunk.read_bytes()
    page.goto(here)
    expect(page.locator("#state")).to_contain_text("1 of 1 workers are ready")
    trunk.chmod(0o664)
    trunk.write_bytes(b"so that it stays away")
    try:
        _kill_worker(pets)
        expect(page.locator("#state")).to_contain_text("0 of 1 workers are ready", timeout=PATIENCE)
        page.get_by_label("Choose a photo").set_input_files(cat)
        expect(page.locator("#answer")).to_contain_text("not answered yet")
        pets.await_status(_is_damaged, "it says that the version is damaged")
        expect(page.locator("#conditions")).to_contain_text(DAMAGED)
        photograph(page, "worker-killed")
    finally:
        trunk.write_bytes(whole)
    [worker] = pets.workers()
    cluster.kubectl("delete", "pod", worker["metadata"]["name"], "-n", NAMESPACE)  # it would wait for long
    expect(page.locator("#answer")).to_contain_text("Version 1 says cat", timeout=PATIENCE)
    expect(page.locator("#state")).to_contain_text("1 of 1 workers are ready", timeout=PATIENCE)


def test_the_console_asked_for_what_its_role_grants_and_for_nothing_else(
    cluster: Instance, here: str
) -> None:
    _ask(f"{here}/versions/1")  # for which it looks for the worker
    entries = read_audit(cluster.layout.audit_log, user=CONSOLE_USER)
    asked = {(each.group, each.resource, each.verb) for each in entries if each.resource}
    assert asked == rights_of_console()
    assert {each.code for each in entries} <= {0, 200, 410}
    assert {each.namespace for each in entries if each.resource} == {NAMESPACE}


def _kill_worker(model: Model) -> None:
    [worker] = model.workers()
    os.kill(min(processes_in_pod(worker["metadata"]["uid"], "python3")), signal.SIGKILL)


def _is_damaged(status: dict[str, Any]) -> bool:
    return condition(status, "Serving")[0] == "False" and DAMAGED in condition(status, "Serving")[2]


def _ask(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Return status and headers of an answer to what is no browser."""
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310  localhost
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers
