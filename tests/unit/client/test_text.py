"""What others wrote neither steers a terminal nor leads out of a folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_client.text import file_name, printed, rfc3339, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("猫 1.jpg", "猫 1.jpg"),
        ("कुत्ता.jpg", "कुत्ता.jpg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", ""),
        (".bashrc", "bashrc"),
        ("C:\\photos\\cat.jpg", "C__photos_cat.jpg"),
        ("$(reboot).jpg", "_(reboot).jpg"),
        ("a\x1b[2Jb\u202egpj.exe", "a_[2Jb_gpj.exe"),
        ("猫" * 200 + ".jpeg", "猫" * 38 + ".jpeg"),
        ("", ""),
    ],
)
def test_a_name_keeps_its_letters_and_loses_what_leads_elsewhere(text: str, expected: str) -> None:
    assert file_name(text) == expected


@given(st.text())
def test_any_name_is_that_of_a_file_in_the_very_folder(text: str) -> None:
    name = file_name(text)
    assert len(name.encode()) <= 120
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert Path("folder", f"0-1-{name}").name == f"0-1-{name}"
    assert "\0" not in name
    assert name.isprintable()


@given(st.binary())
def test_any_bytes_are_shown_as_what_can_be_printed(data: bytes) -> None:
    assert shown(data).isprintable()


def test_what_steers_a_terminal_is_escaped() -> None:
    assert printed("a\x1b]0;mine\x07\n\u202eb 猫") == r"a\x1b]0;mine\x07\n\u202eb 猫"
    assert shown(None) == ""


def test_a_time_is_told_where_it_is_one() -> None:
    assert rfc3339(1_700_000_000_123) == "2023-11-14T22:13:20Z"
    assert [rfc3339(each) for each in (-1, 2**62)] == ["", ""]
