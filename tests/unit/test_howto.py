from pathlib import Path

import pytest

from tests.cluster.commands import CommandError
from tests.howto import Block, read_blocks, run_section

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


def test_a_block_that_nobody_runs_is_no_part_of_a_howto(howto: Path, tmp_path: Path) -> None:
    howto.write_text(TEXT.replace("false", "true"))
    with pytest.raises(LookupError, match=r"a block of .* is of 'json', not of sh or yaml"):
        run_section(howto, "Two", tmp_path, {})


@pytest.mark.parametrize("section", ["Three", "Four"])
def test_a_section_with_nothing_to_run_is_a_mistake(howto: Path, tmp_path: Path, section: str) -> None:
    with pytest.raises(LookupError, match="nothing to run"):
        run_section(howto, section, tmp_path, {})
