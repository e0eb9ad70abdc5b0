"""What each image may hold, by its lock."""

import re
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
