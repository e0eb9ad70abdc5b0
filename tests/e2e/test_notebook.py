"""The notebook does what it says, cell by cell, on the real cluster and with a real bucket."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbclient import NotebookClient

from catdog_common.artifact import LABELS
from tests.cluster.commands import environment
from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import reserve_claim
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.s3 import KEY, SECRET, S3Server, s3_server
from tests.e2e.trunks import lay_trunk
from tests.howto import made_patient
from tests.notebook import pictures, printed, read_notebook

NAME, TOPIC = "notebook", "notebook-photos"
PER_LABEL = 40
COMPARED = 2 * (PER_LABEL - 14)  # all but those that the first version is trained and measured on


@pytest.fixture(scope="module")
def s3(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give a server with the notebook's bucket."""
    with s3_server(cluster, tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket("photos")
        yield server


@pytest.fixture
def beside(cluster: Instance, photos: list[LabelledPhoto], tmp_path: Path) -> Iterator[Path]:
    """Give the folder that the notebook is run in, with photos, on a cluster that has nothing of it."""
    for label in LABELS:
        (tmp_path / "photos" / label).mkdir(parents=True)
        for photo in [photo for photo in photos if photo.label == label][:PER_LABEL]:
            shutil.copy(photo.path, tmp_path / "photos" / label)
    _take_away(cluster)
    reserve_claim(cluster, f"{NAME}-models", lambda directory: lay_trunk(cluster, directory, NAME))
    yield tmp_path
    _take_away(cluster)


def test_every_cell_does_what_it_says(cluster: Instance, s3: S3Server, beside: Path) -> None:
    notebook = read_notebook()
    for cell in notebook.cells:
        cell.source = made_patient(cell.source)
    bucket = {"S3_ENDPOINT": s3.endpoint, "S3_CA_FILE": str(s3.ca_file)}
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    # What Jupyter keeps of its own stays out of the person's home.
    own = {"IPYTHONDIR": str(beside / "ipython"), "MPLCONFIGDIR": str(beside / "matplotlib")}
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(beside)}}
    )
    told = environment({**cluster.environment(), **bucket, **keys, **own})
    asyncio.run(client.async_execute(env=told))
    curves = [pictures(cell) for cell in notebook.cells if "training.png" in cell.source]
    assert curves == [1, 1], "the curves of both versions"
    drawn = [pictures(cell) for cell in notebook.cells if "draw(answers)" in cell.source]
    assert drawn == [1, 1], "the answers of two versions, and of three"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    [compared] = [printed(cell) for cell in code if "catdog compare" in cell.source]
    assert re.search(rf"^they agree on \d+ of {COMPARED} photos$", compared, re.MULTILINE)
    [shown] = [printed(cell) for cell in code if 'print(sh(f"catdog status' in cell.source]
    assert re.findall(r"^([1-9]) +[0-9.]+%", shown, re.MULTILINE) == ["3", "2", "1"]
    assert SECRET not in str(notebook)
    assert Model(cluster, NAME).children("catdogmodels,pods,pvc,kafkatopics") == []


def _take_away(cluster: Instance) -> None:
    Model(cluster, NAME).delete()
    for kind in ("pvc", "kafkatopic"):
        cluster.kubectl(
            "delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/model={NAME}", "--ignore-not-found"
        )
    cluster.kubectl("delete", "kafkatopic", TOPIC, "-n", NAMESPACE, "--ignore-not-found")
    secrets = ("notebook-s3", "notebook-ca")
    cluster.kubectl("delete", "secret", *secrets, "-n", NAMESPACE, "--ignore-not-found")
