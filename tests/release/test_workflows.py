"""The workflows of the forge, which can only be read here, not run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.commands import CommandError, run
from tests.cluster.programs import build_actionlint

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def actionlint() -> Path:
    return build_actionlint(default_cache())


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_has_nothing_to_say_of_it(actionlint: Path, workflow: Path) -> None:
    assert run(actionlint, "-shellcheck=", "-pyflakes=", workflow) == ""


def test_and_would_have_with_a_mistake_in_it(actionlint: Path, tmp_path: Path) -> None:
    workflow = tmp_path / "release.yml"
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text()
    workflow.write_text(text.replace("needs.release.outputs.images", "needs.release.outputs.pictures"))
    with pytest.raises(CommandError, match="pictures"):
        run(actionlint, "-shellcheck=", "-pyflakes=", workflow)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_others_wrote_is_named_by_its_commit(workflow: Path) -> None:
    used = re.findall(r"uses: (\S+)", workflow.read_text())
    assert used
    for each in used:
        assert each.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each), each


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_it_may_only_read_where_nothing_else_is_said(workflow: Path) -> None:
    read: dict[str, Any] = yaml.safe_load(workflow.read_text())
    assert read["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_it_calls_of_the_makefile_is_there(workflow: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    for target in re.findall(r"(?<!\S)make ([a-z-]+)", workflow.read_text()):
        assert f"\n{target}:" in makefile, target
