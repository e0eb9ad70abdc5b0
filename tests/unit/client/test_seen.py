from types import SimpleNamespace
from typing import Any

from catdog_client.seen import header, is_of, row, see_answer, see_dead_letter
from catdog_common.messages import Model, SourceRecord, build_answer, write_answer, write_dead_letter

SOURCE = SourceRecord("pets-images", 2, 40, b"key", b"image", (("id", b"cat.jpg"),))


def record(written: Any) -> Any:  # noqa: ANN401 - aiokafka's
    return SimpleNamespace(
        topic=written.topic,
        partition=0,
        offset=7,
        timestamp=1_700_000_000_000,
        key=written.key,
        value=written.value,
        headers=written.headers,
    )


def an_answer(label: str = "cat", source: SourceRecord = SOURCE) -> Any:  # noqa: ANN401 - aiokafka's
    answer = build_answer(source, label, {"cat": 0.98, "dog": 0.02}, Model("pets", 3))
    return record(write_answer(answer, source, "/kafkas/x", "pets-predictions"))


def test_an_answer_is_a_line() -> None:
    names, answer = header(), row(see_answer(an_answer()))
    assert names.split() == ["TIME", "ID", "LABEL", "PROBABILITY", "VERSION", "PLACE"]
    assert answer.split() == ["2023-11-14T22:13:20Z", "cat.jpg", "cat", "0.980", "3", "pets-images/2/40"]
    for name, cell in (("ID", "cat.jpg"), ("LABEL", "cat  "), ("VERSION", "3  "), ("PLACE", "pets-images")):
        assert answer[names.index(name) :].startswith(cell)


def test_what_is_unknown_has_no_probability() -> None:
    assert row(see_answer(an_answer("unknown"))).split() == [
        "2023-11-14T22:13:20Z",
        "cat.jpg",
        "unknown",
        "3",
        "pets-images/2/40",
    ]


def test_a_dead_letter_is_a_line_with_its_reason() -> None:
    letter = write_dead_letter(
        SOURCE, "UnreadableImageError.NotAnImage", "these 5 bytes are none", "pets-dead-letters"
    )
    assert row(see_dead_letter(record(letter))) == (
        "2023-11-14T22:13:20Z  cat.jpg                               dead letter  pets-images/2/40  "
        "NotAnImage: these 5 bytes are none"
    )


def test_a_dead_letter_is_of_the_model_whose_input_it_was() -> None:
    letter = see_dead_letter(record(write_dead_letter(SOURCE, "Error.Damaged", "broken", "dead-letters")))
    assert is_of(letter, "pets", "pets-images")
    assert not is_of(letter, "pets", "others-images")


def test_an_answer_is_of_the_model_that_it_names() -> None:
    answer = see_answer(an_answer())
    assert is_of(answer, "pets", "former-images"), "whatever its topic was called then"
    assert not is_of(answer, "others", "pets-images")


def test_what_is_no_answer_ends_nothing() -> None:
    strange = SimpleNamespace(
        topic="pets-predictions", partition=0, offset=7, timestamp=0, key=None, value=b"hello", headers=()
    )
    seen = see_answer(strange)
    assert (seen.kind, seen.id) == ("NoAnswer", "pets-predictions/0/7")
    assert "no answer: JSON is malformed" in row(seen)


def test_a_senders_name_steers_no_terminal_and_moves_no_column() -> None:
    source = SourceRecord("pets-images", 2, 40, None, b"", (("id", b"\x1b[2J" + b"a" * 90),))
    shown = row(see_answer(an_answer(source=source)))
    assert shown.isprintable()
    assert shown.index("cat") == header().index("LABEL")
