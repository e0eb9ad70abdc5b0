"""What holds for all tests."""

import os
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# As in the images: numpy's own threads wait spinning, by which eigenvectors take ten times as long beside
# other work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A machine that is busy is no fault of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Directories whose modules share what took long to make.
TOGETHER = ("tests/e2e/console", "tests/e2e/faults", "tests/e2e/serving")
# By the seconds that a run in lanes prints at its end.
LONGEST_FIRST = (
    "tests/e2e/faults",
    "tests/e2e/console",
    "tests/e2e/test_main_job.py",
    "tests/e2e/serving",
    "tests/e2e/test_bad_input.py",
    "tests/e2e/test_s3.py",
    "tests/e2e/test_networks.py",
    "tests/e2e/failures/test_failures.py",
    "tests/e2e/test_sources.py",
    "tests/e2e/test_howtos.py",
    "tests/e2e/test_training_faults.py",
    "tests/e2e/test_trainer_image.py",
    "tests/e2e/test_shadow.py",
    "tests/e2e/test_kafka_logins.py",
    "tests/e2e/test_kafka_renewal.py",
    "tests/e2e/test_upgrade.py",
    "tests/e2e/test_versions.py",
    "tests/e2e/test_command_on_topics_and_versions.py",
    "tests/bare/test_console_traffic.py",
    "tests/e2e/test_poison.py",
    "tests/e2e/test_kafka_elsewhere.py",
    "tests/e2e/test_local_cluster.py",
    "tests/e2e/test_command_line.py",
    "tests/e2e/test_notebook.py",
    "tests/e2e/test_tutorial.py",
    "tests/e2e/test_namespaced_install.py",
    "tests/bare/test_alerts.py",
    "tests/e2e/test_full_claim.py",
    "tests/e2e/test_kafka_rights.py",
    "tests/bare/test_fleet.py",
    "tests/bare/test_console_pages.py",
    "tests/e2e/test_without_strimzi.py",
)


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Keeps a module's tests in one lane and in their order: they go on from one another's state."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


class Times:
    """What each group of tests took, in which lane: by it LONGEST_FIRST is ordered."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what is reported; in lanes a report says of which it is."""
        lane = getattr(report, "worker_id", None)
        if lane is not None:
            self._seconds[lane, group_of(report.nodeid)] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the groups, the longest first, and what each lane took altogether."""
        if not self._seconds:
            return
        terminalreporter.section("seconds by module")
        lanes: dict[str, float] = defaultdict(float)
        for (lane, group), seconds in sorted(self._seconds.items(), key=lambda each: -each[1]):
            lanes[lane] += seconds
            terminalreporter.write_line(f"{seconds:5.0f}  {lane}  {group}")
        told = (f"{lane} {seconds:.0f}" for lane, seconds in sorted(lanes.items()))
        terminalreporter.write_line(f"altogether: {', '.join(told)}")


def pytest_configure(config: pytest.Config) -> None:
    """Measure, in the run that the lanes are of."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Times())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Share the tests out to the lanes."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: place_of(group_of(item.nodeid)))


def group_of(nodeid: str) -> str:
    """Return the module of a test, or the directory that it shares much with."""
    module = nodeid.partition("::")[0]
    return next((directory for directory in TOGETHER if module.startswith(directory)), module)


def place_of(group: str) -> int:
    """Return where in the order a group stands."""
    return LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)
