from pathlib import Path

import pytest
from rich.console import Console

from catdog_client.comparing import Compared, VersionAnswer, as_table, compare, load
from catdog_client.errors import ClientError
from catdog_common.artifact import TRUNK_FILE, Head
from tests.tiny_version import GREEN_IS_UNKNOWN, picture, publish_tiny_version

ALL_ARE_CATS = Head(weights=((1.0, -1.0),) * 3, bias=(3.0, -3.0))


def test_each_version_answers_by_its_own_files(tmp_path: Path) -> None:
    first = publish_tiny_version(tmp_path, version=1, head=ALL_ARE_CATS)
    second = publish_tiny_version(tmp_path, version=2, unknown=GREEN_IS_UNKNOWN)
    photos = [tmp_path / name for name in ("red.jpg", "blue.jpg", "green.jpg", "notes.txt", "missing.jpg")]
    for photo in photos[:3]:
        photo.write_bytes(picture(photo.stem))
    photos[3].write_text("no photo")
    predictors = [load(first, 1, 1), load(second, 2, 1)]
    red, blue, green, notes, missing = compare(predictors, photos)
    labels = [[answer.label for answer in each.answers] for each in (red, blue, green)]
    assert labels == [["cat", "cat"], ["cat", "dog"], ["cat", "unknown"]]
    assert [each.agrees for each in (red, blue, green)] == [True, False, False]
    assert notes.error is not None
    assert notes.error.startswith("NotAnImage: ")
    assert missing == Compared(str(photos[4]), error="cannot be read: No such file or directory")


def test_a_damaged_version_is_told(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    (directory / TRUNK_FILE).write_bytes(b"another")
    with pytest.raises(ClientError, match=r"version 1 is damaged: .* is not the file that was published"):
        load(directory, 1, 1)


def test_the_table_has_the_versions_side_by_side() -> None:
    answers = [
        VersionAnswer(1, "cat", {"cat": 0.6, "dog": 0.4}),
        VersionAnswer(2, "dog", {"cat": 0.1, "dog": 0.9}),
        VersionAnswer(2, "unknown", {"cat": 0.5, "dog": 0.5}),
    ]
    rows = [
        Compared("[b]a.jpg", (answers[0], answers[1])),
        Compared("b.jpg", (answers[0], answers[0])),
        Compared("c.jpg", (answers[0], answers[2])),
        Compared("d.txt", error="NotAnImage: no"),
    ]
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        console.print(as_table(rows, (1, 2)))
    assert [line.rstrip() for line in captured.get().splitlines()] == [
        "FILE      VERSION 1       VERSION 2",
        "[b]a.jpg  cat 0.600       dog 0.900  differ",
        "b.jpg     cat 0.600       cat 0.600",
        "c.jpg     cat 0.600       unknown    differ",
        "d.txt     NotAnImage: no",
    ]
