"""What becomes of a log that is followed and can't be read; the commands' tests have the rest."""

import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from catdog_client.cluster.api import Api, Refusal
from catdog_client.cluster.logs import Asked, follow_logs
from catdog_client.cluster.models import Models
from catdog_client.errors import ClientError

POD = {
    "metadata": {"name": "worker", "uid": "1"},
    "spec": {"containers": [{"name": "own", "env": [{"name": "CATDOG_STORAGE_DIR"}]}]},
    "status": {"containerStatuses": [{"name": "own", "state": {"running": {}}}]},
}


class Cluster:
    """What an API server would say of one pod, whose log it does not give."""

    def __init__(self, error: ClientError) -> None:
        self._error = error
        self._before = set(threading.enumerate())

    def get(self, *_: object) -> dict[str, Any]:
        return {"items": [POD], "metadata": {"resourceVersion": "7"}}

    def lines(self, *_: object) -> Iterator[bytes]:
        raise self._error

    def watch(self, *_: object) -> Iterator[tuple[str, Any]]:
        for thread in set(threading.enumerate()) - self._before - {threading.current_thread()}:
            thread.join(30)
        yield "MODIFIED", POD
        raise KeyboardInterrupt


class QuietCluster(Cluster):
    """One in which nothing happens to any pod: a watch ends by itself after a time."""

    def watch(self, *_: object) -> Iterator[tuple[str, Any]]:
        threading.Event().wait(20)
        raise AssertionError("it was still watched")
        yield


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refusal(502, "the kubelet does not answer"), "worker (the kubelet does not answer)\n"),
        (ClientError("it was cut off"), "worker (it was cut off)\n"),
        (Refusal(404, "the pod is gone"), ""),
    ],
)
def test_a_log_that_cannot_be_followed_is_told_and_the_others_go_on(
    error: ClientError, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        follow_logs(Models(cast("Api", Cluster(error)), "kafka"), Asked("pets"))
    assert capsys.readouterr().err == told


def test_without_the_right_to_read_logs_it_ends_at_once_though_nothing_happens_to_a_pod() -> None:
    cluster = QuietCluster(Refusal(403, "pods/log is forbidden"))
    with pytest.raises(Refusal, match="pods/log is forbidden"):
        follow_logs(Models(cast("Api", cluster), "kafka"), Asked("pets"))
