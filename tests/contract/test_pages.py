"""What people read can be followed: each command is run by a test, each link leads somewhere."""

import re
from pathlib import Path

import pytest

from catdog_client.__main__ import cli
from tests.cluster.cache import REPOSITORY
from tests.howto import run_section
from tests.pages import (
    NOT_RUN,
    Section,
    all_pages,
    anchors,
    broken_links,
    followed_sections,
    inline_code,
    sections_with_commands,
)

FIGURES = REPOSITORY / "docs" / "explanation" / "beside-others.md"
WITH_COMMANDS = sections_with_commands()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def test_each_command_is_run_by_a_test_or_named_with_the_reason_why_it_is_not() -> None:
    assert WITH_COMMANDS - followed_sections(WITH_COMMANDS) - NOT_RUN.keys() == set()


def test_what_is_said_not_to_be_run_is_there_and_is_not_run() -> None:
    assert NOT_RUN.keys() - WITH_COMMANDS == set()
    assert NOT_RUN.keys() & followed_sections(WITH_COMMANDS) == set()


@pytest.mark.parametrize("page", all_pages(), ids=name)
def test_each_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", all_pages(), ids=name)
def test_a_command_that_is_named_in_the_text_is_there(page: Path) -> None:
    for code in inline_code(page):
        words = code.split()
        if len(words) > 1 and words[0] == "make":
            named = [word for word in words[1:] if re.fullmatch(r"[a-z0-9-]+", word)]
            assert set(named) <= TARGETS, code
        if len(words) > 1 and words[0] == "catdog" and re.fullmatch(r"[a-z][a-z-]*", words[1]):
            assert words[1] in cli.commands, code


def test_a_rule_takes_no_more_reading_than_is_said() -> None:
    counted = run_section(FIGURES, "What one has to read to change a rule", REPOSITORY, {})
    total = int(counted.split()[-2])
    assert 150 < total < 250
    plan = (REPOSITORY / "operator" / "catdog_operator" / "plan").glob("*.py")
    assert max(len(file.read_text().splitlines()) for file in plan) < 250


def test_a_section_that_no_test_follows_would_show(tmp_path: Path) -> None:
    page, test = tmp_path / "page.md", tmp_path / "test_page.py"
    page.write_text(
        "# One\n\n```sh\ntrue\n```\n\n# Two\n\n```yaml\na: b\n```\n\n# Three\n\n```text\nno\n```\n"
    )
    sections = sections_with_commands(tmp_path, [page])
    assert sections == {Section("page.md", "One"), Section("page.md", "Two")}
    test.write_text('run_section(HERE / "page.md", "One", HERE, {})')
    assert followed_sections(sections, tmp_path) == {Section("page.md", "One")}
    test.write_text('[run_section(page, "Two", HERE, {}) for page in HERE.glob("./*.md")]')
    assert followed_sections({Section("./page.md", "Two")}, tmp_path) == {Section("./page.md", "Two")}
    test.write_text('PAGE, HEADING = "page.md", "One"')
    assert followed_sections(sections, tmp_path) == set()


@pytest.mark.parametrize("fence", ["```\n", "```console\n", "    "])
def test_a_block_that_does_not_say_what_it_is_is_a_mistake(tmp_path: Path, fence: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# One\n\n{fence}kubectl get pods\n")
    with pytest.raises(ValueError, match="name one of sh, yaml, json, promql, text"):
        sections_with_commands(tmp_path, [page])


def test_a_link_that_leads_nowhere_would_show(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# What is `one`?\n\n# Two\n\n# Two\n\n[a](#what-is-one) [b](#two-1) [c](#two-2) [d](other.md)\n"
    )
    assert anchors(page) == {"what-is-one", "two", "two-1"}
    assert broken_links(page) == ["#two-2", "other.md"]
