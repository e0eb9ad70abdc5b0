"""A model and its children as they can be compared between two lives: without times, uids and chance."""

import json
import re
from typing import Any

from tests.cluster.strimzi.kube import Manifest
from tests.e2e.faults.world import MODEL, World

Picture = dict[str, Any]

# A moment as the API writes it, wherever it stands.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
# What the API server, its controllers and Strimzi put there, and digests over names and uids.
PUT_BY_OTHERS = re.compile(
    r"batch\.kubernetes\.io/|^controller-uid$|^job-name$|^pv\.kubernetes\.io/|volume\.kubernetes\.io/"
    r"|deployment\.kubernetes\.io/|kubectl\.kubernetes\.io/|^catdog\.dev/(applied|settings)$"
)
CHANCE = frozenset({"digest", "uid", "volumeName", "photosPerSecond", "resourceVersion"})


def take_picture(world: World, model: str) -> Picture:
    """Return what there is of a model, under the name MODEL."""
    body = world.model(model)
    children = [each for each in world.children(model) if each["kind"] != "Pod"]
    picture = {
        **{f"{each['kind']} {each['metadata']['name']}": _of_child(each) for each in children},
        **({f"{MODEL} {model}": {"status": _plain(body.get("status", {}))}} if body else {}),
    }
    text = re.sub(rf"\b{model}\b", "MODEL", json.dumps(picture, sort_keys=True))
    plain: Picture = json.loads(TIME.sub("TIME", text))
    return plain


def _of_child(body: Manifest) -> Picture:
    metadata = body["metadata"]
    return {
        "labels": _plain(metadata.get("labels", {})),
        "annotations": _plain(metadata.get("annotations", {})),
        "owners": [f"{each['kind']} {each['name']}" for each in metadata.get("ownerReferences", [])],
        "spec": _plain(body["spec"]),
        "leaving": "deletionTimestamp" in metadata,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    if isinstance(value, dict):
        return {
            key: _plain(each)
            for key, each in value.items()
            if key not in CHANCE and not PUT_BY_OTHERS.search(key)
        }
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
