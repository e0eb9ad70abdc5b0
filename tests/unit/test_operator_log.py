"""What of an operator's log counts: what was tried again does not, and a refusal does."""

import json

import pytest

from tests.operator_log import complaints

WELL = {"message": "written", "severity": "info"}
GET = "GET https://127.0.0.1:6443/apis/catdog.dev/v1alpha1"


def log(*lines: dict[str, str]) -> str:
    return "".join(json.dumps(line) + "\n" for line in (WELL, *lines))


@pytest.mark.parametrize(
    "line",
    [
        {
            "severity": "error",
            "message": f"Request attempt #1/9 failed; will retry: {GET} -> ClientConnectorError(111)",
        },
        {
            "severity": "error",
            "message": f"Request attempt #2 failed; will retry: {GET} -> APIServerError('not up', {{}})",
        },
        {
            "severity": "error",
            "message": f"Request attempt #1/9 failed; SSL closed; will re-authenticate: {GET}",
        },
        {
            "severity": "warn",
            "message": "the API server did not answer",
            "model": "kafka/pets",
            "error": "GET /api/v1/pods: ServerDisconnectedError('Server disconnected')",
        },
        {"severity": "warn", "message": "resync failed", "error": "GET /api/v1/pods: TimeoutError()"},
    ],
)
def test_what_is_tried_again_is_no_complaint(line: dict[str, str]) -> None:
    assert complaints(log(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        {
            "severity": "error",
            "message": f"Request attempt #1/9 failed; will retry: {GET} -> APIForbiddenError('no', {{}})",
        },
        {
            "severity": "error",
            "message": f"Request attempt #9/9 failed; escalating: {GET} -> ClientConnectorError(111)",
        },
        {"severity": "warn", "message": "Not enough permissions to list namespaces."},
        {"severity": "warn", "message": "an Event was refused", "error": "events is forbidden"},
        {"severity": "warn", "message": "the API server did not answer", "error": "pods is forbidden"},
        {"severity": "warn", "message": "resync failed", "error": "pods is forbidden: TimeoutError("},
        {"severity": "error", "message": "reconcile failed", "exc_info": "Traceback"},
        {"severity": "critical", "message": "anything"},
    ],
)
def test_what_else_is_no_news_is_one(line: dict[str, str]) -> None:
    assert complaints(log(line)) == [line]


def test_a_log_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="empty"):
        complaints("")
