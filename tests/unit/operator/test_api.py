"""What the operator asks of the API server, by the paths of its requests."""

import json
from typing import cast

import pytest
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.api import Api
from catdog_operator.kinds import JOB


class FakeClient:
    """Notes the paths of requests, and answers each with one object, named after the path."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}

    async def request(self, method: str, path: str, **_: object) -> "FakeClient":
        self.paths.append(f"{method} {path}")
        return self

    async def read(self) -> bytes:
        items = [{"metadata": {"name": self.paths[-1]}}]
        revision = str(10 - len(self.paths))
        return json.dumps({"metadata": {"resourceVersion": revision}, "items": items}).encode()


@pytest.mark.parametrize(
    ("namespaces", "paths"),
    [
        ((), ["get /apis/batch/v1/jobs"]),
        (("cats",), ["get /apis/batch/v1/namespaces/cats/jobs"]),
        (
            ("cats", "dogs"),
            ["get /apis/batch/v1/namespaces/cats/jobs", "get /apis/batch/v1/namespaces/dogs/jobs"],
        ),
    ],
)
async def test_objects_are_listed_in_the_namespaces_that_are_watched_and_in_no_other(
    namespaces: tuple[str, ...], paths: list[str]
) -> None:
    client = FakeClient()
    listed, revision = await Api(cast("DynamicClient", client), namespaces=namespaces).list(JOB)
    assert client.paths == paths
    assert [body["metadata"]["name"] for body in listed] == paths
    assert revision == 10 - len(paths), "of several lists the earliest counts"
