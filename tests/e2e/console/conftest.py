"""The console in the cluster, a browser that shows it, and a model of two versions to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Witness, chromium, page_of
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.console.scene import SLOWER, SPEC, take_away
from tests.e2e.consoles import forwarded
from tests.e2e.models import NAMESPACE, Model
from tests.howto import run_section

HOWTO = REPOSITORY / "docs" / "how-to" / "console.md"


@pytest.fixture(scope="package")
def console(cluster: Instance) -> Iterator[None]:
    """Have the console in the cluster, as the how-to installs and removes it."""
    there = {"build/console": str(cluster.console_dir)}
    run_section(HOWTO, "Install it", REPOSITORY, cluster.environment(), there)
    yield
    run_section(HOWTO, "Remove it", REPOSITORY, cluster.environment(), there)


@pytest.fixture(scope="package")
def url(cluster: Instance, console: None) -> Iterator[str]:
    """Give the console's address on this machine."""
    assert console is None
    with forwarded(cluster) as found:
        yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page of a browser's own; nothing may go wrong on it, nor anything be asked of others."""
    with page_of(browser, viewport={"width": 1100, "height": 760}) as page:
        witness = Witness(page)
        yield page
        assert witness.complaints == []
        assert {each.partition(":")[0] for each in witness.hosts()} <= {"localhost"}


@pytest.fixture(scope="package")
def unborn(cluster: Instance) -> Iterator[Model]:
    """Give the model, which nobody has applied yet."""
    model = Model(cluster, "pets")
    take_away(model)
    yield model
    take_away(model)


@pytest.fixture(scope="package")
def pets(unborn: Model) -> Model:
    """Return the model as it serves version 1 and has a version 2."""
    if not unborn.exists():
        unborn.apply(SPEC)
        unborn.await_ready(version=1)
    if len(unborn.status()["versions"]) < 2:
        unborn.patch({"training": SLOWER})
        unborn.await_status(lambda status: len(status["versions"]) == 2, "it has two versions")
    return unborn


@pytest.fixture(scope="package")
def here(url: str, unborn: Model) -> str:
    """Return the address of the model's page."""
    return f"{url}/models/{NAMESPACE}/{unborn.name}"


@pytest.fixture(scope="package")
def cat(drawings: list[LabelledPhoto]) -> Path:
    return next(each.path for each in drawings if each.label == "cat")
