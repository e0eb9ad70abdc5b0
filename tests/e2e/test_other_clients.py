"""What is sent by others' clients, as they come, is answered, and others' clients read the answers."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from catdog_common.messages import ANSWER_TYPE, ERROR_CLASS_HEADER, ERROR_TOPIC_HEADER
from tests.cluster.instance import Instance
from tests.cluster.kafka_tools import fetch_kafka_tools
from tests.cluster.packages import CLIENT_PACKAGES, install_packages
from tests.cluster.programs import build_cloudevents_reader
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.other_clients import ConsoleTools, Kcat, ReadRecord, read_events
from tests.e2e.people import Person, forget_person, make_person
from tests.tiny_version import picture

MODEL = "others"
IMAGES, ANSWERS, DEAD_LETTERS = (f"{MODEL}-{topic}" for topic in ("images", "predictions", "dead-letters"))
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
# Of each tool: a picture under a key for each codec, and one without a key.
NAMED = {f"{tool}-{codec}" for tool in ("console", "kcat") for codec in CODECS}
PICTURES = len(NAMED) + 2
NO_PICTURES = 3


@dataclass(frozen=True)
class Others:
    """Who sends and reads, and with what."""

    person: Person
    console: ConsoleTools
    kcat: Kcat
    reader: Path


@pytest.fixture(scope="module")
def others(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Others]:
    """Give the clients, when they have sent what there is to send to a model that serves."""
    install_packages(cluster.cache, CLIENT_PACKAGES)
    jars, reader = fetch_kafka_tools(cluster.cache), build_cloudevents_reader(cluster.cache)
    claim_with_versions(cluster, MODEL, MODEL)
    model = Model(cluster, MODEL)
    model.apply(served_from(MODEL, {"strimzi": {"name": "my-cluster"}}))
    person = make_person(cluster, f"{MODEL}-person", tmp_path_factory.mktemp("person"), topics=f"{MODEL}-")
    model.await_ready(version=1)
    others = Others(person, ConsoleTools(jars, person), Kcat(person), reader)
    send_by_console(others.console)
    send_by_kcat(others.kcat, tmp_path_factory.mktemp("photos"))
    yield others
    model.delete()
    forget_person(cluster, f"{MODEL}-person")


def test_kafkas_console_consumer_reads_an_answer_to_each_picture(others: Others) -> None:
    check_answers(others.console.consume(ANSWERS, PICTURES))


def test_kcat_reads_an_answer_to_each_picture(others: Others) -> None:
    check_answers(others.kcat.consume(ANSWERS, PICTURES))


def test_the_cloudevents_sdk_for_go_reads_each_answer_as_an_event(others: Others) -> None:
    events = read_events(others.reader, others.person, ANSWERS, PICTURES)
    for event in events:
        assert_is_an_answer(event)
    assert {event["subject"] for event in events} >= NAMED
    assert len({event["id"] for event in events}) == PICTURES


def test_what_is_no_picture_lies_as_it_came_among_the_dead_letters(others: Others) -> None:
    letters = others.console.consume(DEAD_LETTERS, NO_PICTURES)
    assert {(letter.key, letter.value) for letter in letters} == {
        ("null", "Is this a cat?"),
        ("kcat-text", "Is this a dog?"),
        ("kcat-tombstone", "null"),
    }
    assert {letter.headers[ERROR_TOPIC_HEADER] for letter in letters} == {IMAGES}
    (own,) = (letter.headers for letter in letters if letter.key == "kcat-text")
    assert own["from"] == "Jane, with love"
    assert {letter.key: letter.headers[ERROR_CLASS_HEADER] for letter in letters} == {
        "null": "UnreadableImageError.NotAnImage",
        "kcat-text": "UnreadableImageError.NotAnImage",
        "kcat-tombstone": "UnreadableImageError.NoValue",
    }


def send_by_console(console: ConsoleTools) -> None:
    """Send by the console producer: lines as they come, and pictures with keys and headers."""
    console.produce(IMAGES, picture_of_one_line() + b"\nIs this a cat?\n")
    for codec in CODECS:
        parsed = ("--reader-property", "parse.key=true", "--reader-property", "parse.headers=true")
        name = f"console-{codec}".encode()
        line = b"id:" + name + b"\t" + name + b"\t" + picture_of_one_line() + b"\n"
        console.produce(IMAGES, line, "--compression-codec", codec, *parsed)


def send_by_kcat(kcat: Kcat, directory: Path) -> None:
    """Send by kcat: a file as it comes, pictures with keys and headers, a line of text, no value at all."""
    photo = directory / "photo.jpg"
    photo.write_bytes(picture("red"))
    kcat.produce(IMAGES, str(photo))
    for codec in CODECS:
        name = f"kcat-{codec}"
        kcat.produce(IMAGES, "-z", codec, "-k", name, "-H", f"id={name}", str(photo))
    kcat.produce(IMAGES, "-k", "kcat-text", "-H", "from=Jane, with love", stdin=b"Is this a dog?\n")
    kcat.produce(IMAGES, "-K", ":", "-Z", stdin=b"kcat-tombstone:\n")


def picture_of_one_line() -> bytes:
    """Return an image file that survives a program for lines of text: ASCII, without an end of line."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (127, 0, 0)).save(file, "BMP", dpi=(1, 1))
    assert file.getvalue().isascii()
    assert not set(b"\r\n") & set(file.getvalue())
    return file.getvalue()


def check_answers(answers: list[ReadRecord]) -> None:
    """Hold the answers that a tool printed against what was sent."""
    for answer in answers:
        attributes = {name.removeprefix("ce_"): text for name, text in answer.headers.items()}
        attributes["datacontenttype"] = attributes.pop("content-type")
        assert_is_an_answer(attributes | {"data": json.loads(answer.value)})
    keys = [answer.key for answer in answers]
    unnamed = {answer.headers["ce_id"] for answer in answers if answer.key not in NAMED}
    assert sorted(keys) == sorted(NAMED | unnamed)
    assert len(keys) == PICTURES


def assert_is_an_answer(event: dict[str, Any]) -> None:
    """Hold an event against what is promised of an answer."""
    data = event["data"]
    assert (data["label"], data["model"]) == ("cat", {"name": MODEL, "version": 1})
    assert data["probabilities"].keys() == {"cat", "dog"}
    source = data["source"]
    assert source["topic"] == IMAGES
    expected = {
        "specversion": "1.0",
        "id": f"{IMAGES}/{source['partition']}/{source['offset']}",
        "source": f"/kafkas/{NAMESPACE}/my-cluster/catdogmodels/{NAMESPACE}/{MODEL}",
        "type": ANSWER_TYPE,
        "subject": data["id"],
        "datacontenttype": "application/json",
    }
    assert {name: event[name] for name in expected} == expected
