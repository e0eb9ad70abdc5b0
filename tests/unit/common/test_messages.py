import msgspec
import pytest

from catdog_common.messages import (
    ERROR_CLASS_HEADER,
    ERROR_MESSAGE_HEADER,
    ERROR_OFFSET_HEADER,
    ERROR_PARTITION_HEADER,
    ERROR_TOPIC_HEADER,
    Headers,
    Model,
    SourceRecord,
    build_answer,
    event_source,
    parse_answer,
    record_id,
    write_answer,
    write_dead_letter,
)

PETS = Model("pets", 3)


def some_record(
    key: bytes | None = None, headers: Headers = (), value: bytes | None = b"image"
) -> SourceRecord:
    return SourceRecord("pets-images", 2, 17, key, value, headers)


@pytest.mark.parametrize(
    ("key", "headers", "wanted"),
    [
        (b"key", (("id", b"header"),), "header"),
        (b"key", (("other", b"x"),), "key"),
        (None, (), "pets-images/2/17"),
        (b"\xff\xfe", (), "pets-images/2/17"),
        (b"key", (("id", b"\xff"),), "key"),
        (b"key", (("id", b""),), "key"),
        (b"", (("id", None),), "pets-images/2/17"),
        (None, (("id", b"first"), ("id", b"last")), "last"),
        ("Kätzchen".encode(), (), "Kätzchen"),
    ],
)
def test_the_id_is_the_headers_else_the_keys_else_the_place(
    key: bytes | None, headers: Headers, wanted: str
) -> None:
    assert record_id(some_record(key, headers)) == wanted


def test_an_answer_is_a_cloud_event_in_binary_mode() -> None:
    record = some_record(headers=(("id", b"42"),))
    answer = build_answer(record, "dog", {"cat": 0.1, "dog": 0.9}, PETS)
    written = write_answer(
        answer, record, event_source("kafka/my-cluster", "team", "pets"), "pets-predictions"
    )
    assert written.topic == "pets-predictions"
    assert msgspec.json.decode(written.value or b"") == {
        "id": "42",
        "label": "dog",
        "probabilities": {"cat": 0.1, "dog": 0.9},
        "model": {"name": "pets", "version": 3},
        "source": {"topic": "pets-images", "partition": 2, "offset": 17},
    }
    headers = dict(written.headers)
    assert headers.pop("ce_time")
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"pets-images/2/17",
        "ce_source": b"/kafkas/kafka/my-cluster/catdogmodels/team/pets",
        "ce_type": b"dev.catdog.image.classified",
        "ce_subject": b"42",
        "content-type": b"application/json",
    }
    assert parse_answer(written.value or b"") == answer


@pytest.mark.parametrize(
    "value",
    [b"", b"a cat", b"null", b'{"id": "\xff"}', b'{"id": 7}', b'{"note": ' + b"[" * 100_000],
    ids=["nothing", "no JSON", "null", "no UTF-8", "another type", "deep"],
)
def test_what_is_no_answer_is_told_by_one_kind_of_error(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        parse_answer(value)


@pytest.mark.parametrize(
    ("key", "wanted"), [(b"\xffraw", b"\xffraw"), (b"", b""), (None, b"pets-images/2/17")]
)
def test_an_answer_goes_under_the_key_as_it_came_else_the_place(key: bytes | None, wanted: bytes) -> None:
    record = some_record(key)
    answer = build_answer(record, "cat", {"cat": 0.7, "dog": 0.3}, PETS)
    assert write_answer(answer, record, "/source", "out").key == wanted


def test_a_repeat_has_the_same_event_id_whichever_version_answers() -> None:
    record = some_record()
    first, second = (
        write_answer(build_answer(record, "cat", {"cat": 1.0}, Model("pets", version)), record, "/s", "out")
        for version in (1, 2)
    )
    assert dict(first.headers)["ce_id"] == dict(second.headers)["ce_id"]


def test_a_dead_letter_is_the_record_as_it_came_and_says_what_was_wrong() -> None:
    record = some_record(b"\x00key", (("id", b"7"), ("empty", None)), b"\x00bytes")
    written = write_dead_letter(record, "UnreadableImageError.Damaged", "it is truncated", "dead")
    assert (written.topic, written.key, written.value) == ("dead", b"\x00key", b"\x00bytes")
    assert written.headers[:2] == (("id", b"7"), ("empty", None))
    assert dict(written.headers[2:]) == {
        ERROR_TOPIC_HEADER: b"pets-images",
        ERROR_PARTITION_HEADER: b"2",
        ERROR_OFFSET_HEADER: b"17",
        ERROR_CLASS_HEADER: b"UnreadableImageError.Damaged",
        ERROR_MESSAGE_HEADER: b"it is truncated",
    }


def test_a_long_message_leaves_room_for_the_image() -> None:
    written = write_dead_letter(some_record(), "X", "ä" * 100_000, "dead")
    assert sum(len(value or b"") for _, value in written.headers) < 4096
