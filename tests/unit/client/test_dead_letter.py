from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from catdog_client.__main__ import cli
from catdog_client.commands.dead_letters import dead_letters
from catdog_client.dead_letter import (
    DeadLetter,
    Selection,
    Span,
    as_table,
    read_dead_letter,
    repeated,
    saved_name,
)
from catdog_client.dead_letter_options import choose
from catdog_client.resending import lost
from catdog_common.kafka_batches import Folded
from catdog_common.messages import Headers, Source, SourceRecord, write_dead_letter

SOURCE = SourceRecord("pets-images", 2, 40, b"key", b"no image", (("id", b"cat.jpg"), ("camera", None)))


def some_record(source: SourceRecord = SOURCE, **changed: Any) -> Any:  # noqa: ANN401 - aiokafka's
    """Return a dead letter as the worker writes it, as aiokafka reads it."""
    written = write_dead_letter(
        source, "UnreadableImageError.NotAnImage", "these 8 bytes are none", "pets-dead-letters"
    )
    fields = {
        "topic": written.topic,
        "partition": 0,
        "offset": 7,
        "timestamp": 1_700_000_000_000,
        "key": written.key,
        "value": written.value,
        "headers": written.headers,
    }
    return SimpleNamespace(**(fields | changed))


def some_letter(**changed: Any) -> DeadLetter:  # noqa: ANN401 - whatever the fields are
    fields: dict[str, Any] = {"topic": "pets-dead-letters", "partition": 0, "offset": 7, "time": ""}
    return DeadLetter(**(fields | {"reason": "NotAnImage", "message": "", "size": 8} | changed))


def test_what_the_worker_wrote_is_told() -> None:
    assert read_dead_letter(some_record()) == DeadLetter(
        topic="pets-dead-letters",
        partition=0,
        offset=7,
        time="2023-11-14T22:13:20Z",
        reason="NotAnImage",
        message="these 8 bytes are none",
        size=8,
        key="key",
        id="cat.jpg",
        source=Source("pets-images", 2, 40),
    )


def test_what_somebody_else_wrote_is_told_as_far_as_it_can_be() -> None:
    headers = (
        ("__connect.errors.topic", b"t"),
        ("__connect.errors.offset", b"9" * 5000),
        ("catdog-resent", b"x"),
    )
    letter = read_dead_letter(some_record(headers=headers, value=None, key=None, timestamp=-1))
    assert (letter.reason, letter.source, letter.size, letter.resent) == ("NotTold", None, None, 0)


def test_what_was_left_in_its_batch_has_no_bytes_and_says_why() -> None:
    letter = read_dead_letter(some_record(value=Folded("its batch unfolds to more"), headers=()))
    assert (letter.reason, letter.message, letter.size) == (
        "TooLargeToRead",
        "its batch unfolds to more",
        None,
    )


def test_what_is_sent_again_is_the_record_that_came_and_two_marks() -> None:
    again = repeated(some_record(), "pets-images")
    marks = (("catdog-resent", b"1"), ("catdog-resent-from", b"pets-dead-letters/0/7"))
    assert (again.topic, again.key, again.value) == ("pets-images", b"key", b"no image")
    assert again.headers == (*SOURCE.headers, *marks)


def test_the_marks_count_and_are_not_heaped_up() -> None:
    once = repeated(some_record(), "pets-images")
    failed = SourceRecord("pets-images", 0, 90, once.key, once.value, once.headers)
    record = some_record(failed, offset=8)
    assert read_dead_letter(record).resent == 1
    twice = repeated(record, "pets-images")
    marks = (("catdog-resent", b"2"), ("catdog-resent-from", b"pets-dead-letters/0/8"))
    assert twice.headers == (*SOURCE.headers, *marks)


def test_headers_of_kafka_connect_that_came_with_the_record_stay() -> None:
    own: Headers = (("__connect.errors.topic", b"elsewhere"), ("__connect.errors.exception.message", b"why"))
    record = some_record(SourceRecord("pets-images", 0, 1, None, b"x", own))
    assert repeated(record, "pets-images").headers[:-2] == own
    assert repeated(some_record(headers=own), "pets-images").headers[:-2] == own


@pytest.mark.parametrize(
    ("text", "expected"), [("0:17", Span(0, range(17, 18))), ("12:3-5", Span(12, range(3, 6)))]
)
def test_places_are_read(text: str, expected: Span) -> None:
    assert Span.parse(text) == expected


@pytest.mark.parametrize("text", ["", "17", "0:", ":3", "0:3-", "a:1", "0:-1", "0:1-2-3", "0:²"])
def test_what_is_no_place_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write PARTITION:OFFSET, or PARTITION:FIRST-LAST"):
        Span.parse(text)


def test_only_those_are_meant_that_every_option_takes() -> None:
    chosen = Selection(
        source_topic="pets-images", reasons=frozenset({"notanimage"}), spans=(Span(0, range(5, 9)),)
    )
    assert chosen.takes(some_letter(source=Source("pets-images", 1, 1)))
    assert chosen.takes(some_letter())
    for other in (
        {"source": Source("others-images", 1, 1)},
        {"reason": "Damaged"},
        {"partition": 1},
        {"offset": 9},
    ):
        assert not chosen.takes(some_letter(**other)), other


def test_nothing_chosen_is_everything_of_the_model() -> None:
    everything = Selection(source_topic="pets-images")
    assert everything.takes(some_letter(reason="Whatever"))
    assert everything.bounds() is None


def test_only_the_places_between_the_first_and_the_last_are_read() -> None:
    spans = (Span(0, range(5, 9)), Span(1, range(1)), Span(0, range(20, 21)))
    assert Selection(source_topic="t", spans=spans).bounds() == {0: range(5, 21), 1: range(1)}


def test_a_place_that_was_asked_for_and_is_not_there_is_missed() -> None:
    chosen = Selection(
        source_topic="t", spans=(Span(0, range(7, 8)), Span(3, range(2, 3)), Span(1, range(9)))
    )
    assert chosen.missing([some_letter()]) == ["3:2"]


def test_a_last_place_beyond_any_is_no_error() -> None:
    chosen = Selection(source_topic="t", spans=(Span.parse(f"0:0-{10**20}"),))
    assert chosen.missing([]) == []


def test_a_file_is_named_by_its_place_and_what_its_sender_called_it() -> None:
    assert saved_name(some_letter(id="../猫.jpg", key="k")) == "0-7-_猫.jpg"
    assert saved_name(some_letter(key="k")) == "0-7-k"
    assert saved_name(some_letter(id="..")) == "0-7"


def test_without_its_bytes_none_is_sent_and_it_is_told_where_the_original_lies() -> None:
    assert lost(some_letter()) is None
    assert lost(some_letter(size=0)) is None
    letter = some_letter(size=None, source=Source("pets-images", 2, 40))
    assert lost(letter) == ("can't be sent: its bytes are not there; the original lies at pets-images/2/40")


def test_the_table_shows_names_as_they_are() -> None:
    console = Console(width=120, highlight=False)
    with console.capture() as captured:
        console.print(as_table([some_letter(id="[red]cat[/].jpg", resent=1, message="none of JPEG")]))
    assert [line.split() for line in captured.get().splitlines()] == [
        ["PARTITION:OFFSET", "TIME", "REASON", "SIZE", "RESENT", "ID", "OR", "KEY", "MESSAGE"],
        ["0:7", "NotAnImage", "8", "1", "[red]cat[/].jpg", "none", "of", "JPEG"],
    ]


def test_an_age_from_before_all_time_leaves_out_none() -> None:
    command = dead_letters.commands["list"]
    options = ["--kafka-bootstrap-servers=a:1", "--kafka-ca-dir=.", "--kafka-user-dir=."]
    topics = [f"--{name}-topic={name}" for name in ("input", "output", "dead-letter")]
    root = cli.make_context("catdog", [*options, *topics, "dead-letters"])
    with command.make_context("list", ["--since=999999d"], parent=root) as context:
        chosen = choose(None, (), (), context.params["since"])
    assert chosen.selection.since == 0, "Kafka takes no time before 1970"
