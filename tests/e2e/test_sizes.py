"""What `maxImageBytes` says holds from end to end; the tests go on from one another's state."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from catdog_common.messages import ERROR_CLASS_HEADER, ERROR_MESSAGE_HEADER, ERROR_TOPIC_HEADER
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka import settings
from tests.e2e.kafka_clients import producing
from tests.e2e.models import Model
from tests.e2e.sizes import (
    HEADER_BYTES,
    KEY_BYTES,
    Topics,
    check_largest_dead_letter,
    check_largest_picture,
    noise,
    picture_of,
)

MODEL = "sizes"
DEFAULT_BYTES = 10 * 1024 * 1024
SMALL_BYTES = 256 * 1024


@pytest.fixture(scope="module")
def sizes(cluster: Instance) -> Iterator[Model]:
    """Give a model that serves, of which nobody said how large images may be."""
    claim_with_versions(cluster, MODEL, MODEL)
    model = Model(cluster, MODEL)
    model.apply(served_from(MODEL, {"strimzi": {"name": "my-cluster"}}))
    model.await_ready(version=1)
    yield model
    model.delete()


@pytest.fixture
def topics(cluster: Instance, sizes: Model) -> Topics:
    """Give its topics, as the person at the host reaches them."""
    sizes.await_ready()
    return Topics(settings(cluster), MODEL)


async def test_topics_allow_an_image_of_the_default_and_its_headers(topics: Topics) -> None:
    await topics.await_limits(DEFAULT_BYTES)


async def test_the_largest_picture_is_answered(topics: Topics) -> None:
    await check_largest_picture(topics, DEFAULT_BYTES)


async def test_the_largest_image_that_is_none_lies_with_its_headers_among_the_dead_letters(
    topics: Topics,
) -> None:
    await check_largest_dead_letter(topics, DEFAULT_BYTES)


async def test_an_image_that_leaves_its_headers_too_little_room_is_refused_by_the_broker(
    topics: Topics,
) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await topics.send(noise(DEFAULT_BYTES + 128), noise(KEY_BYTES), [("from", noise(HEADER_BYTES))])


async def test_what_only_compression_made_small_enough_is_a_dead_letter_that_says_where_it_lies(
    topics: Topics,
) -> None:
    size = 2 * DEFAULT_BYTES
    await topics.send(bytes(size), key=b"compressed", compression_type="gzip")
    letter = await topics.first(topics.dead_letters, lambda record: record.key == b"compressed")
    headers = dict(letter.headers)
    assert headers[ERROR_CLASS_HEADER] == b"UnreadableImageError.TooManyBytes"
    assert headers[ERROR_MESSAGE_HEADER].startswith(
        f"{size} bytes are more than the {DEFAULT_BYTES}".encode()
    )
    assert (letter.value, headers[ERROR_TOPIC_HEADER]) == (None, topics.images.encode())


async def test_a_key_and_headers_that_no_topic_takes_hold_up_nothing(topics: Topics) -> None:
    key, header = noise(2 * 1024 * 1024), bytes(2 * DEFAULT_BYTES)
    await topics.send(picture_of(1024), key)
    await topics.send(noise(16), b"headers", [("from", header)], compression_type="gzip")
    await topics.send(picture_of(1024), b"comes after")
    letter = await topics.first(topics.dead_letters, lambda record: record.key == key)
    headers = dict(letter.headers)
    assert headers[ERROR_CLASS_HEADER] == b"UnreadableImageError.TooManyBytes"
    assert headers[ERROR_MESSAGE_HEADER].startswith(f"its key has {len(key)} bytes".encode())
    letter = await topics.first(topics.dead_letters, lambda record: record.key == b"" and not record.value)
    assert "from" not in dict(letter.headers)
    assert dict(letter.headers)[ERROR_TOPIC_HEADER] == topics.images.encode()
    await topics.first(topics.answers, lambda record: record.key == b"comes after")


def test_the_client_refuses_one_byte_over_with_both_numbers(
    cluster: Instance, topics: Topics, tmp_path: Path
) -> None:
    check_client(cluster, topics, tmp_path, DEFAULT_BYTES)


async def test_an_edit_reaches_broker_and_client(
    cluster: Instance, sizes: Model, topics: Topics, tmp_path: Path
) -> None:
    sizes.patch({"kafka": {"maxImageBytes": SMALL_BYTES}})
    await topics.await_limits(SMALL_BYTES)
    with pytest.raises(MessageSizeTooLargeError):
        async with producing(**settings(cluster)) as by_default:
            await by_default.send_and_wait(topics.images, noise(2 * SMALL_BYTES))
    await asyncio.to_thread(check_client, cluster, topics, tmp_path, SMALL_BYTES)


def check_client(cluster: Instance, topics: Topics, directory: Path, image_bytes: int) -> None:
    """Send by `catdog` what has a byte too many, and what is as large as may be."""
    fits, over = directory / "fits.jpg", directory / "over.jpg"
    fits.write_bytes(picture_of(image_bytes))
    over.write_bytes(picture_of(image_bytes + 1))
    catdog = [
        str(cluster.state_dir / "bin" / "catdog"),
        "send",
        f"--timeout={PATIENCE_SECONDS}",
        "--output",
        "json",
    ]
    environment = cluster.environment() | {
        "CATDOG_INPUT_TOPIC": topics.images,
        "CATDOG_OUTPUT_TOPIC": topics.answers,
        "CATDOG_DEAD_LETTER_TOPIC": topics.dead_letters,
    }
    refused = subprocess.run([*catdog, over], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode == 1, refused.stderr
    both = f"has {image_bytes + 1} bytes, more than the {image_bytes} that topic {topics.images} allows"
    assert both in refused.stdout
    assert '"offset"' not in refused.stdout  # where it would lie, had it been sent
    subprocess.run([*catdog, "--wait", fits], env=environment, check=True)
