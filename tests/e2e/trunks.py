"""A trunk of the small network, made once of each trainer's image, for claims on which tests train."""

import json
import shutil
from pathlib import Path
from typing import Any

from tests.cluster.instance import Instance
from tests.e2e.claims import make_claim
from tests.e2e.models import NAMESPACE
from tests.e2e.pods import run_to_end
from tests.e2e.test_trainer_image import build_pod

ARCHITECTURE = "efficientnet-lite0"
MAKER, CLAIM = "trunk-maker", "trunk-maker-models"
SETTINGS = {
    "MODEL_NAME": MAKER,
    "TRAINING_HASH": "0" * 10,
    "STORAGE_DIR": "/models",
    "DATASET": "sample",
    "ARCHITECTURE": ARCHITECTURE,
    "EPOCHS": "1",
    "BATCH_SIZE": "32",
    "LEARNING_RATE": "0.001",
    "SEED": "42",
}


def lay_trunk(cluster: Instance, storage: Path, model: str) -> None:
    """Lay the trunk on a claim, as an earlier training of `model` would have left it."""
    image = cluster.images["catdog-trainer"]
    made = cluster.cache.keep(
        "trunk", image.rpartition(":")[2], "calibrating a trunk", lambda path: _make(cluster, path)
    )
    trunks = storage / model / "trunks"
    shutil.copytree(made, trunks)
    for path in (storage / model, trunks, *trunks.rglob("*")):
        path.chmod(0o2775 if path.is_dir() else 0o664)  # what pods of one claim share is the group


def _make(cluster: Instance, directory: Path) -> None:
    """Train once, and keep the trunk."""
    storage = make_claim(cluster, CLAIM)
    try:
        result = json.loads(run_to_end(cluster, MAKER, _pod(cluster.images["catdog-trainer"])))
        assert result["version"] == 1
        shutil.copytree(storage / MAKER / "trunks", directory)
    finally:
        cluster.kubectl("delete", "pvc", CLAIM, "-n", NAMESPACE, "--wait=false")


def _pod(image: str) -> dict[str, Any]:
    pod: Any = build_pod(image)
    [container] = pod["spec"]["containers"]
    container["command"] = ["/opt/venv/bin/python3", "-m", "catdog_trainer"]
    container["env"] += [{"name": f"CATDOG_{name}", "value": value} for name, value in SETTINGS.items()]
    [_, scratch] = container["volumeMounts"]
    container["volumeMounts"] = [scratch, {"name": "models", "mountPath": "/models"}]
    [_, scratch] = pod["spec"]["volumes"]
    pod["spec"]["volumes"] = [scratch, {"name": "models", "persistentVolumeClaim": {"claimName": CLAIM}}]
    spec: dict[str, Any] = pod["spec"]
    return spec
