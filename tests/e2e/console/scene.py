"""What these tests look at, and how they drop a photo."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser import PICTURES
from tests.e2e.models import NAMESPACE, Model

SPEC: dict[str, Any] = {
    "training": {"dataset": {"sample": {}}, "architecture": "efficientnet-lite0", "epochs": 20},
    "promotion": {"policy": "Manual"},
    "inference": {"modelVersion": 1},
    "kafka": {"strimzi": {"name": "my-cluster"}},
}
# An epoch takes seconds: enough of them for the status to tell of some, or for a picture.
SLOWER = {"architecture": "cnn", "epochs": 10 if PICTURES in os.environ else 5}
PATIENCE = 600_000  # milliseconds, for what a cluster takes its time for, a whole training say


def take_away(model: Model) -> None:
    """Remove the model and what it leaves."""
    model.delete()
    delete = ("delete", "-n", NAMESPACE, "--ignore-not-found", "--timeout=240s")
    model.cluster.kubectl(*delete, "kafkatopic", "-l", f"catdog.dev/model={model.name}")
    model.cluster.kubectl(*delete, "pvc", f"{model.name}-models")


def columns(page: Page) -> list[Locator]:
    """Return what versions say of the photo."""
    return page.locator("#answer .column").all()


def drop(page: Page, photo: Path) -> None:
    """Drop a photo on the page, as a person's hand would."""
    transfer = page.evaluate_handle(
        """bytes => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], "cat.jpg", {type: "image/jpeg"}));
          return data;
        }""",
        list(photo.read_bytes()),
    )
    page.locator("#photo-form").dispatch_event("drop", {"dataTransfer": transfer})
