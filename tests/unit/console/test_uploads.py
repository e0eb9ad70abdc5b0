"""A photo is taken into memory, and no more of it than the model accepts."""

import tempfile

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.testclient import TestClient

from catdog_console.parts import Parts
from catdog_console.uploads import read_upload
from tests.unit.console.builders import URL, FakeTraffic, pets, some_parts
from tests.unit.console.conftest import Opening

MOST = 3_000_000  # more than a parser would keep in memory by itself
PHOTOS = f"{URL}/photos"


@pytest.fixture
def parts() -> Parts:
    model = pets()
    model["spec"]["kafka"] = {"maxImageBytes": MOST}
    return some_parts(model)


def test_the_largest_photo_is_taken_without_touching_the_disk(
    browser: TestClient, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")  # where no file can be made
    photo = bytes(MOST)
    answer = browser.post(PHOTOS, files={"photo": photo})
    assert answer.status_code == 200
    assert isinstance(parts.traffic, FakeTraffic)
    assert parts.traffic.photos == [photo]


class Sender:
    """Somebody who sends without end; what was taken of it is counted."""

    def __init__(self, **headers: str) -> None:
        named = {"content-type": "multipart/form-data; boundary=x", **headers}
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
        self.request = Request({"type": "http", "method": "POST", "headers": raw}, self.receive)
        self.taken = 0

    async def receive(self) -> dict[str, object]:
        begin = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        body = begin if not self.taken else bytes(65536)
        self.taken += len(body)
        return {"type": "http.request", "body": body, "more_body": True}


async def test_a_larger_one_is_refused_by_its_length_before_it_is_read(browser: TestClient) -> None:
    answer = browser.post(PHOTOS, files={"photo": bytes(2 * MOST)})
    assert answer.status_code == 413
    assert "The photo has more than the 3000000 bytes that the model takes: make it smaller." in answer.text
    sender = Sender(content_length=str(2 * MOST))
    with pytest.raises(HTTPException):
        await read_upload(sender.request, MOST)
    assert sender.taken == 0


@pytest.mark.parametrize("headers", [{}, {"content_length": "100"}, {"content_length": "²"}])
async def test_one_that_does_not_say_how_long_it_is_or_lies_is_cut_off(headers: dict[str, str]) -> None:
    sender = Sender(**headers)
    with pytest.raises(HTTPException) as refusal:
        await read_upload(sender.request, MOST)
    assert refusal.value.status_code == 413
    assert sender.taken < MOST + 200_000


async def test_a_page_that_is_closed_while_it_sends_is_no_crash() -> None:
    class Leaver(Sender):
        async def receive(self) -> dict[str, object]:
            return {"type": "http.disconnect"} if self.taken else await super().receive()

    with pytest.raises(HTTPException, match="did not come whole"):
        await read_upload(Leaver().request, MOST)


def test_one_of_a_byte_too_many_is_refused(browser: TestClient) -> None:
    assert browser.post(PHOTOS, files={"photo": bytes(MOST + 1)}).status_code == 413


@pytest.mark.parametrize(
    ("headers", "content", "says"),
    [
        ({"Content-Type": "image/jpeg"}, b"photo", "Send the photo as a form does"),
        ({"Content-Type": "multipart/form-data"}, b"photo", "The form can&#39;t be read"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--y\r\n", "The form can&#39;t be read"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n", "There is no photo in the form"),
    ],
)
def test_what_is_no_such_form_is_told(
    browser: TestClient, headers: dict[str, str], content: bytes, says: str
) -> None:
    answer = browser.post(PHOTOS, content=content, headers=headers)
    assert answer.status_code == 400
    assert says in answer.text


def test_of_two_fields_for_a_photo_the_one_that_was_used_counts(browser: TestClient, parts: Parts) -> None:
    assert browser.post(PHOTOS, files=[("photo", b""), ("photo", b"taken")]).status_code == 200
    assert isinstance(parts.traffic, FakeTraffic)
    assert parts.traffic.photos == [b"taken"]
    assert browser.post(PHOTOS, files=[("photo", b""), ("photo", b"")]).status_code == 400


@pytest.mark.parametrize(("beside", "status"), [("", 200), ("1", 200), ("9", 404), ("one", 400), ("²", 400)])
def test_the_version_beside_is_one_that_is_there(browser: TestClient, beside: str, status: int) -> None:
    answer = browser.post(PHOTOS, files={"photo": b"a photo"}, data={"beside": beside})
    assert answer.status_code == status


def test_a_model_without_a_kafka_takes_nothing(opening: Opening) -> None:
    assert opening(some_parts(pets(kafka=None))).post(PHOTOS, files={"photo": b"x"}).status_code == 503
