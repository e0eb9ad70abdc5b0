import json
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster.audit import NAMESPACED_USER, parse_audit, read_audit


def line(audit_id: str = "1", verb: str = "patch", second: int = 0, **changed: object) -> bytes:
    entry = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "requestURI": "/apis/catdog.dev/v1alpha1/namespaces/zoo/catdogmodels/pets/status?fieldManager=x",
        "verb": verb,
        "user": {"username": "system:serviceaccount:catdog-system:catdog-operator"},
        "userAgent": "kopf/1.45",
        "objectRef": {
            "resource": "catdogmodels",
            "namespace": "zoo",
            "name": "pets",
            "apiGroup": "catdog.dev",
            "apiVersion": "v1alpha1",
            "subresource": "status",
        },
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": f"2026-01-02T03:04:{second:02}.000005Z",
        "stageTimestamp": f"2026-01-02T03:04:{second:02}.250000Z",
    } | changed
    return json.dumps(entry).encode() + b"\n"


def test_an_entry_says_what_was_asked_and_answered() -> None:
    [entry] = parse_audit([line()])
    told = (entry.verb, entry.group, entry.resource, entry.subresource, entry.namespace, entry.name)
    assert told == ("patch", "catdog.dev", "catdogmodels", "status", "zoo", "pets")
    assert (entry.code, entry.user_agent) == (200, "kopf/1.45")
    assert (entry.answered - entry.received).total_seconds() == 0.249995


def test_a_request_for_no_object_has_an_empty_resource() -> None:
    [entry] = parse_audit([line(verb="get", objectRef=None).replace(b'"objectRef": null, ', b"")])
    assert (entry.resource, entry.name) == ("", "")


def test_looking_is_no_write_and_changing_is() -> None:
    verbs = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
    entries = parse_audit(line(verb, verb, second) for second, verb in enumerate(verbs))
    assert [entry.is_write for entry in entries] == [False] * 3 + [True] * 5


def test_a_watch_that_began_and_ended_is_one_request() -> None:
    lines = [line("w", "watch", stage=stage) for stage in ("ResponseStarted", "ResponseComplete")]
    [entry] = parse_audit(lines)
    assert entry.stage == "ResponseComplete"


def test_a_line_that_is_being_written_is_left_out() -> None:
    assert len(parse_audit([line("1"), line("2")[:40]])) == 1


def test_entries_are_chosen_by_the_time_of_their_request(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_bytes(line("3", second=3) + line("1", second=1) + line("2", second=2))
    since, until = (datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC) for second in (2, 3))
    assert [entry.audit_id for entry in read_audit(log, since)] == ["2", "3"]
    assert [entry.audit_id for entry in read_audit(log, until=until)] == ["1", "2"]


def test_the_requests_of_two_accounts_are_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_bytes(line("1") + line("2", user={"username": NAMESPACED_USER}))
    assert [entry.audit_id for entry in read_audit(log)] == ["1"]
    assert [entry.audit_id for entry in read_audit(log, user=NAMESPACED_USER)] == ["2"]
