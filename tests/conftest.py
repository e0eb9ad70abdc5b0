"""What holds for all tests."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy is no fault of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

TESTS = Path(__file__).parent
# Directories whose modules share what took long to make, and the modules that take longest, these first.
TOGETHER = ("e2e/faults",)
LONGEST_FIRST = (
    "e2e/faults",
    "e2e/failures/test_failures",
    "e2e/test_bad_input",
    "e2e/test_main_job",
    "e2e/test_versions",
    "e2e/test_upgrade",
    "e2e/test_namespaced_install",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name what runs in one lane, in its order: the tests of a module go on from one another's state."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=lambda item: place_of(group_of(item)))


def group_of(item: pytest.Item) -> str:
    """Return the module of a test, or the directory that it shares much with."""
    module = item.path.relative_to(TESTS).with_suffix("").as_posix()
    return next((directory for directory in TOGETHER if module.startswith(directory)), module)


def place_of(group: str) -> int:
    """Return where in the order a group stands."""
    return LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)
