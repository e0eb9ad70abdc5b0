"""What the operator asks of the API server, by the paths of its requests."""

import json
from collections.abc import Sequence
from typing import cast

import pytest
from kubernetes.aio.client import ApiException
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.api import Api, RefusedError, UnavailableError
from catdog_operator.kinds import JOB


class FakeClient:
    """Notes the paths of requests, and answers each with one object, named after the path."""

    def __init__(self, status: int = 200) -> None:
        self.paths: list[str] = []
        self.continued: list[str | None] = []
        self.more: list[str] = []  # tokens to give
        self.status = status
        self.message = "no"
        self.headers: dict[str, str] = {}

    async def request(
        self, method: str, path: str, query_params: Sequence[tuple[str, str]], **_: object
    ) -> "FakeClient":
        self.paths.append(f"{method} {path}")
        self.continued.append(dict(query_params).get("continue"))
        if self.status >= 400:
            error = ApiException(status=self.status)
            error.body = json.dumps({"message": self.message})
            raise error
        return self

    async def read(self) -> bytes:
        metadata = {"resourceVersion": "7", "continue": self.more.pop(0) if self.more else ""}
        items = [{"metadata": {"name": self.paths[-1]}}]
        return json.dumps({"metadata": metadata, "items": items}).encode()


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
    pages = [page async for page in Api(cast("DynamicClient", client), namespaces=namespaces).list(JOB)]
    assert client.paths == paths
    assert [body["metadata"]["name"] for page in pages for body in page.bodies] == paths


async def test_a_long_list_comes_in_pages() -> None:
    client = FakeClient()
    client.more = ["second", "third"]
    pages = [page async for page in Api(cast("DynamicClient", client)).list(JOB)]
    assert client.continued == [None, "second", "third"]
    assert [page.revision for page in pages] == [7, 7, 7]


@pytest.mark.parametrize(("status", "may"), [(200, True), (403, False)])
async def test_a_right_to_list_is_asked_for_in_each_namespace(status: int, *, may: bool) -> None:
    client = FakeClient(status)
    api = Api(cast("DynamicClient", client), namespaces=("cats", "dogs"))
    assert await api.may_list(JOB) == may
    assert len(client.paths) == (2 if may else 1)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ('Internal error occurred: failed calling webhook "a.b": no endpoints available', RefusedError),
        ("etcdserver: leader changed", UnavailableError),
    ],
)
async def test_a_webhook_that_does_not_answer_is_told_as_a_refusal(
    message: str, error: type[Exception]
) -> None:
    client = FakeClient(500)
    client.message = message
    with pytest.raises(error, match=message.split(":", maxsplit=1)[0]):
        await Api(cast("DynamicClient", client)).create(JOB, {"metadata": {"namespace": "cats"}})
