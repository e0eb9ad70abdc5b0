"""The real cluster that these tests share, and what a person needs to see when one of them fails."""

from collections.abc import Generator
from typing import Any

import pytest

from tests.cluster.instance import Instance, up
from tests.cluster.waiting import answers
from tests.demo.photo_sets import LabelledPhoto, find_photos
from tests.e2e.models import NAMESPACE
from tests.lanes import instance_name
from tests.photos import photos_dir

OPERATOR_NAMESPACE = "catdog-system"
FIGURES = pytest.StashKey[list[str]]()
FAILURES = pytest.StashKey[list[str]]()
TOLD = (FIGURES, FAILURES)
# The first and the longest wait between attempts, so that healing is quick to see.
OPERATOR_SETTINGS = {"CATDOG_RETRY_SECONDS": "3", "CATDOG_LONGEST_RETRY_SECONDS": "5"}


@pytest.fixture(scope="session")
def cluster() -> Instance:
    """Return a local cluster of the tests' own, with Kafka and the operator; it stays up for the next run."""
    instance = up(instance_name(), operator_settings=OPERATOR_SETTINGS)
    _clear(instance)
    return instance


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledPhoto]:
    """Draw cats and dogs: enough to train on in seconds."""
    from catdog_trainer.data.drawings import write_drawings

    directory = tmp_path_factory.mktemp("drawings")
    write_drawings(directory, per_class=40, seed=3)
    return find_photos(directory)


@pytest.fixture(scope="session")
def photos(drawings: list[LabelledPhoto]) -> list[LabelledPhoto]:
    """Return real photos where they are there, else the drawings (the report's header says which)."""
    directory = photos_dir("oxford-pets")
    return find_photos(directory) if directory else drawings


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Return where a test puts what it measured; the run ends with these lines."""
    return request.config.stash.setdefault(FIGURES, [])


@pytest.fixture(scope="session")
def failures(request: pytest.FixtureRequest) -> list[str]:
    """Return where a test puts a failure as a person sees it; the run ends with this table."""
    return request.config.stash.setdefault(FAILURES, [])


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what the tests train on, and what is left to the soak."""
    left = (
        "soak: `make soak` runs what is left out here: every kill, ten minutes at rest, a thousand resources"
    )
    return [_photos_header(), *([left] if config.option.markexpr == "not soak" else [])]


def _photos_header() -> str:
    if photos_dir("oxford-pets"):
        return "photos: a part of the Oxford-IIIT Pet dataset"
    return "photos: NO REAL PHOTOS WERE FOUND; drawings stand in, and accuracy on photos is NOT measured"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the tests measured, and the failures that they provoked."""
    if rows := config.stash.get(FAILURES, []):
        terminalreporter.section("failures as a person sees them")
        terminalreporter.write_line("failure | condition | reason | message | heals")
        terminalreporter.write_line("\n".join(rows))
    if lines := config.stash.get(FIGURES, []):
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a lane measured to the run that the lanes are of."""
    if isinstance(output := getattr(session.config, "workeroutput", None), dict):
        output["told"] = [session.config.stash.get(key, []) for key in TOLD]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist's, which has no types
    """Take what a lane measured; one that was killed has handed nothing over."""
    told = getattr(node, "workeroutput", {}).get("told") or [[] for _ in TOLD]
    for key, lines in zip(TOLD, told, strict=True):
        node.config.stash.setdefault(key, []).extend(lines)


def _clear(cluster: Instance) -> None:
    """Remove what an earlier run left: models, their topics and claims, other pods, other Kafkas."""
    # In this order: without its Kafka no topic goes, and no claim before the pods that use it.
    ours = ("-l", "catdog.dev/test")
    for kind, which in (
        ("catdogmodels", ("--all",)),
        ("kafkatopics", ("--all",)),
        ("kafka", ours),
        ("kafkanodepool", ours),
        ("pod/photo-loader", ()),
        ("pvc", ("--all",)),
    ):
        cluster.kubectl("delete", kind, *which, "-n", NAMESPACE, "--ignore-not-found", "--cascade=foreground")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the cluster's side of the story to the report of a test that failed."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if call.when != "teardown" and report.failed and isinstance(cluster, Instance):
        report.sections.append(("cluster", _story_of(cluster)))
    return report


def _story_of(cluster: Instance) -> str:
    """Return what a person would look at: resources, events, the operator's last words."""
    if not answers(f"{cluster.layout.api_server}/readyz", cluster.layout.node_dir / "pki" / "ca.crt"):
        return "the API server does not answer"
    looks = (
        ("get", "catdogmodels,jobs,deployments,pods,pvc,kafkatopics,kafkausers", "-n", NAMESPACE),
        (
            "get",
            "catdogmodels",
            "-n",
            NAMESPACE,
            "-o",
            "jsonpath={range .items[*]}{.metadata.name}{.status}{'\\n'}{end}",
        ),
        ("get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"),
        ("logs", "deployment/catdog-operator", "-n", OPERATOR_NAMESPACE, "--tail=60"),
        ("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=inference", "--tail=30", "--prefix"),
        ("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=training", "--tail=30", "--prefix"),
    )
    return "\n".join(f"$ kubectl {' '.join(look)}\n{_look(cluster, look)}" for look in looks)


def _look(cluster: Instance, arguments: tuple[str, ...]) -> str:
    try:
        return cluster.kubectl(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not hide why the test failed
        return str(error)
