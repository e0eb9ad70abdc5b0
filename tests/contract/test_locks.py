"""What each image may hold, by its lock."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

LOCKS = Path(__file__).parents[2] / "requirements"


def packages_of(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", (LOCKS / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", ["operator.txt", "inference.txt", "dev.txt"])
def test_tensorflow_is_in_the_trainers_image_alone(lock: str) -> None:
    assert not {name for name in packages_of(lock) if name.startswith(("tensorflow", "keras"))}
    assert "tensorflow-cpu" in packages_of("trainer.txt")


def test_the_operator_has_no_kafka_client() -> None:
    assert "aiokafka" not in packages_of("operator.txt")


@pytest.mark.parametrize("lock", sorted(path.name for path in LOCKS.glob("*.txt")))
def test_a_lock_pins_by_hash_and_names_no_index(lock: str) -> None:
    text = (LOCKS / lock).read_text()
    assert "://" not in text
    assert not re.findall(r"^-", text, re.MULTILINE)
    for requirement in re.split(r"^(?=[a-z0-9-]+==)", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("program", ["catdog_console", "catdog_inference", "catdog_operator"])
def test_what_a_program_imports_is_in_its_image(program: str) -> None:
    code = (
        f"import sys, {program}.__main__; "
        "print(*(each.__file__ for name, each in sys.modules.items() if name.startswith('catdog_')))"
    )
    files = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported = {name for file in files.split() for name in imports_of(Path(file))}
    distributions = packages_distributions()
    needed = {distributions[each][0].lower().replace("_", "-") for each in imported if each in distributions}
    assert "msgspec" in needed
    assert needed <= packages_of(f"{program.removeprefix('catdog_')}.txt")


def imports_of(file: Path) -> set[str]:
    """Return the packages that a module imports as it is loaded."""
    tree = ast.parse(file.read_text())
    names = {each.name for node in tree.body if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    return {each.partition(".")[0] for each in names}
