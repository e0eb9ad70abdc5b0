"""What commands see: logs, the doctor's checks, names to complete, and whether all is installed."""

import subprocess
import sys
from typing import Any

import pytest
import yaml

from catdog_client.__main__ import complete
from tests.unit.client.api_server import ApiServer, refusal
from tests.unit.client.person import Person

PODS = "/api/v1/namespaces/kafka/pods"


def test_what_computes_answers_is_missed_before_any_file_is_fetched(server: ApiServer) -> None:
    without = "import sys; sys.modules['catdog_common.predictor'] = None; "
    program = (
        f"{without} sys.argv[:] = ['catdog', *sys.argv[1:]]; from catdog_client.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "compare", "pets", "1", "2", "a.jpg"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, server.requests) == (1, [])
    assert done.stderr.startswith("catdog: catdog_common.predictor is not installed")
    assert done.stderr.count("\n") == 1


def test_logs_are_told_pod_by_pod_the_oldest_first(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PODS}"] = (
        200,
        {"items": [pod("new", 2), pod("old", 1)], "metadata": {"resourceVersion": "7"}},
    )
    server.answers[f"GET {PODS}/old/log"] = (200, b'{"event": "started"}\n')
    server.answers[f"GET {PODS}/new/log"] = (200, b"one\ntwo")
    assert person.run("logs", "pets") == 0
    assert person.out == 'old {"event": "started"}\nnew one\nnew two\n'
    assert server.queries[-2:] == ["container=own"] * 2, "and not another's beside it"
    server.answers[f"GET {PODS}/new/log"] = (200, b"one\ntw\xff")
    assert person.run("logs", "pets", "--no-prefix") == 0
    assert person.out == '{"event": "started"}\none\ntw\N{REPLACEMENT CHARACTER}\n'


def test_without_a_pod_that_has_begun_there_are_no_logs(server: ApiServer, person: Person) -> None:
    waiting = pod("new", 1, state={"waiting": {"reason": "ContainerCreating"}})
    for items, line in (([], "no pod of pets is there"), ([waiting], "no pod of pets has begun")):
        server.answers[f"GET {PODS}"] = (200, {"items": items, "metadata": {"resourceVersion": "7"}})
        assert person.run("logs", "pets") == 1
        assert person.err == f"catdog: {line}: `catdog status pets` says why\n"


def test_a_container_that_waits_to_be_started_again_has_the_log_of_its_last_run(
    server: ApiServer, person: Person
) -> None:
    crashed = pod("new", 1, state={"waiting": {"reason": "CrashLoopBackOff"}})
    crashed["status"]["containerStatuses"][1]["lastState"] = {"terminated": {"exitCode": 1}}
    server.answers[f"GET {PODS}"] = (200, {"items": [crashed], "metadata": {"resourceVersion": "7"}})
    server.answers[f"GET {PODS}/new/log"] = (200, b"why it ended\n")
    assert person.run("logs", "pets") == 0
    assert person.out == "new why it ended\n"


APPS, STRIMZI = "/apis/apps/v1", "/apis/kafka.strimzi.io"
DOCTOR = {
    "GET /version": (200, {"major": "1", "minor": "34+"}),
    "GET /apis/catdog.dev": (200, {"versions": [{"version": "v1alpha1"}]}),
    "GET /openapi/v3/apis/catdog.dev/v1alpha1": (200, {"components": {"schemas": {}}}),
    f"GET {STRIMZI}": (200, {"versions": [{"version": "v1"}]}),
    f"GET {STRIMZI}/v1/namespaces/kafka/kafkas": (200, {"items": []}),
    f"GET {APPS}/deployments": (403, refusal(403, "no")),
    f"GET {APPS}/namespaces/kafka/deployments": (403, refusal(403, "no")),
    f"GET {APPS}/namespaces/catdog-system/deployments": (200, {"items": []}),
    "GET /apis/storage.k8s.io/v1/storageclasses": (403, refusal(403, "no")),
    "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": (201, {"status": {"allowed": False}}),
}


@pytest.mark.parametrize("where", ["kafka", "catdog-system"])
def test_the_doctor_looks_where_it_may(server: ApiServer, person: Person, where: str) -> None:
    status = {"availableReplicas": 1}
    operator = {"metadata": {"name": "catdog-operator", "namespace": where}, "status": status}
    server.answers |= DOCTOR | {f"GET {APPS}/namespaces/{where}/deployments": (200, {"items": [operator]})}
    assert person.run("doctor", "--output=yaml") == 1
    checks = {each["name"]: each for each in yaml.safe_load(person.out)}
    assert checks["operator"]["message"] == f"Deployment catdog-operator in {where} runs"
    assert {name for name, each in checks.items() if each["verdict"] == "fault"} == {
        "CRD catdogmodels.catdog.dev",  # of which nothing is told
        "your rights in kafka",
    }
    assert checks["storage"]["verdict"] == "unknown"


def test_the_doctor_asks_for_every_right(server: ApiServer, person: Person) -> None:
    server.answers |= DOCTOR
    person.run("doctor")
    asked = [asked["spec"]["resourceAttributes"] for _, asked in server.requests if asked is not None]
    assert {(each["verb"], each["resource"], each["subresource"]) for each in asked} >= {
        ("patch", "catdogmodels", ""),
        ("get", "pods", "log"),
    }
    assert {each["namespace"] for each in asked} == {"kafka"}
    assert "✗" in person.out


def test_completion_knows_models_and_their_versions(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def completed(*words: str) -> list[str]:
        monkeypatch.setattr("sys.argv", ["kubectl_complete-catdog", *words])
        complete()
        return capsys.readouterr().out.splitlines()

    assert completed("status", "p") == ["pets\tServing", ":4"]
    assert completed("status", "x") == [":4"]
    assert completed("promote", "pets", "") == ["2\t97.0% Passed", "1\t70.0% Failed", ":4"]
    assert completed("logs", "pets", "--component", "") == ["training", "inference", "shadow", ":4"]
    assert completed("send", "") == [":0"], "files"
    server.answers.clear()
    assert completed("status", "") == [":4"], "nobody who types is complained to"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_what_it_sources(person: Person, shell: str) -> None:
    assert person.run("completion", shell) == 0
    assert "_CATDOG_COMPLETE" in person.out


def pod(name: str, second: int, state: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": f"2026-11-30T12:00:0{second}Z"},
        "spec": {"containers": [{"name": "mesh"}, {"name": "own", "env": [{"name": "CATDOG_STORAGE_DIR"}]}]},
        "status": {
            "containerStatuses": [
                {"name": "mesh", "state": {"running": {}}},
                {"name": "own", "restartCount": 0, "state": state or {"running": {}}},
            ]
        },
    }
