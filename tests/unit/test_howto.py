from pathlib import Path

import pytest

from tests.cluster.commands import CommandError
from tests.howto import Block, made_patient, read_blocks, run_section

TEXT = """# Make two files

Words with `code` in them.

## One

```sh
echo first > one
```

1. A step:

   ```sh
   cat one > two
   ```

## Two

```sh
false
touch three
```

```json
{}
```

## Three
"""


@pytest.fixture
def howto(tmp_path: Path) -> Path:
    file = tmp_path / "howto.md"
    file.write_text(TEXT)
    return file


def test_blocks_are_known_by_their_heading() -> None:
    assert list(read_blocks(TEXT)) == [
        Block("One", "sh", "echo first > one\n"),
        Block("One", "sh", "cat one > two\n"),
        Block("Two", "sh", "false\ntouch three\n"),
        Block("Two", "json", "{}\n"),
    ]


def test_the_blocks_of_a_section_are_run_in_their_order(howto: Path, tmp_path: Path) -> None:
    run_section(howto, "One", tmp_path, {})
    assert (tmp_path / "two").read_text() == "first\n"


def test_a_command_that_fails_ends_it(howto: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="exit code 1"):
        run_section(howto, "Two", tmp_path, {})
    assert not (tmp_path / "three").exists()


def test_a_command_that_reads_the_rest_of_its_block_leaves_nothing_unsaid(
    howto: Path, tmp_path: Path
) -> None:
    """The block comes on standard input: what is read there is not run."""
    howto.write_text("# One\n\n```sh\ncat > eaten\nfalse\n```\n")
    with pytest.raises(LookupError, match="under 'One' has read the rest"):
        run_section(howto, "One", tmp_path, {})


def test_a_block_that_nobody_runs_is_no_part_of_a_howto(howto: Path, tmp_path: Path) -> None:
    howto.write_text(TEXT.replace("```json", "```console"))
    with pytest.raises(LookupError, match=r"a block of .* is of 'console', not of sh or yaml"):
        run_section(howto, "Two", tmp_path, {})


def test_what_is_only_shown_is_left_out(howto: Path, tmp_path: Path) -> None:
    howto.write_text(TEXT.replace("false", "true"))
    run_section(howto, "Two", tmp_path, {})
    assert (tmp_path / "three").exists()


def test_what_a_block_prints_is_returned_and_what_it_exports_stays(tmp_path: Path) -> None:
    page, environment = tmp_path / "page.md", {"COLOUR": "red"}
    page.write_text('# One\n\n```sh\nexport COLOUR="dark $COLOUR"\n```\n\n```sh\necho $COLOUR\n```\n')
    assert run_section(page, "One", tmp_path, environment) == "dark red\n"
    assert environment["COLOUR"] == "dark red"


def test_words_that_stand_for_the_readers_own_are_replaced(howto: Path, tmp_path: Path) -> None:
    run_section(howto, "One", tmp_path, {}, instead={"first": "second"})
    assert (tmp_path / "two").read_text() == "second\n"
    with pytest.raises(LookupError, match="does not say 'third'"):
        run_section(howto, "One", tmp_path, {}, instead={"third": "second"})


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("kubectl wait pod/a --timeout=60s", "kubectl wait pod/a --timeout=240s"),
        ("kubectl wait pod/a --timeout=1m --all", "kubectl wait pod/a --timeout=240s --all"),
        ("kubectl wait pod/a --timeout=15m", "kubectl wait pod/a --timeout=900s"),
        ("catdog send --wait cat.jpg || echo", "catdog send --timeout=240 --wait cat.jpg || echo"),
        ("catdog send --timeout 5 cat.jpg", "catdog send --timeout 5 cat.jpg"),
    ],
)
def test_what_is_waited_for_has_time_on_a_busy_machine(written: str, run: str) -> None:
    assert made_patient(written) == run


@pytest.mark.parametrize("section", ["Three", "Four"])
def test_a_section_with_nothing_to_run_is_a_mistake(howto: Path, tmp_path: Path, section: str) -> None:
    with pytest.raises(LookupError, match="nothing to run"):
        run_section(howto, section, tmp_path, {})
