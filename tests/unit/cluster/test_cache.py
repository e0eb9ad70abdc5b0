from pathlib import Path

import pytest

from tests.cluster.cache import REPOSITORY, Cache, digest_of


def write(path: Path) -> None:
    path.write_text("made")


def never(path: Path) -> None:
    raise AssertionError(f"{path} is made a second time")


def test_what_is_made_is_not_made_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep("thing", "key", "making a thing", write)
    assert cache.keep("thing", "key", "making a thing", never).read_text() == "made"


def test_another_key_is_another_thing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.keep("thing", "1", "making", write) != cache.keep("thing", "2", "making", write)


def test_a_make_that_broke_off_does_not_count(tmp_path: Path) -> None:
    def break_off(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        raise KeyboardInterrupt

    cache = Cache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.keep("thing", "key", "making", break_off)
    assert cache.keep("thing", "key", "making", write).read_text() == "made"


def test_only_the_two_that_were_used_last_are_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for key in ("1", "2", "3"):
        cache.keep("thing", key, "making", write)
    assert sorted(path.name for path in (tmp_path / "thing").iterdir() if path.name.isdigit()) == ["2", "3"]


def test_a_key_changes_with_a_file_and_with_a_word() -> None:
    one, other = REPOSITORY / "LICENSE", REPOSITORY / "pyproject.toml"
    assert len({digest_of([one]), digest_of([other]), digest_of([one, other]), digest_of([one], "word")}) == 4


def test_a_path_that_is_not_there_has_no_key() -> None:
    with pytest.raises(FileNotFoundError):
        digest_of([REPOSITORY / "no-such-directory"])
