"""The commands from their arguments to the API server's answers, and back to what a person reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.client.api_server import ApiServer, refusal, running
from tests.unit.client.builders import FAILURE, PROGRESS, SERVING
from tests.unit.client.person import MODELS, PETS, Person, body

REFUSED = {"type": "Promoted", "status": "False", "reason": "BelowMinAccuracy", "message": "refused"}


@pytest.mark.parametrize(("ready", "code"), [("True", 0), ("False", 3)])
@pytest.mark.parametrize("arguments", [["status"], ["status", "pets"], ["status", "pets", "--watch"]])
def test_the_status_exits_with_3_where_a_model_is_not_ready(
    server: ApiServer, person: Person, arguments: list[str], ready: str, code: int
) -> None:
    found = body(conditions=[{**SERVING["conditions"][0], "status": ready}])
    server.answers[f"GET {PETS}"] = (200, found)
    server.answers[f"GET {MODELS}"] = (200, {"items": [found]})
    assert person.run(*arguments) == code
    assert "pets" in person.out


def test_the_status_for_programs_is_the_resource_itself(server: ApiServer, person: Person) -> None:
    assert server
    assert person.run("status", "pets", "--output=json") == 0
    shown = json.loads(person.out)
    assert (shown["kind"], shown["status"]) == ("CatDogModel", SERVING)
    assert "managedFields" not in shown["metadata"]
    assert person.run("status", "--output=yaml") == 0
    assert [each["metadata"]["name"] for each in yaml.safe_load(person.out)["items"]] == ["pets"]


def test_in_a_pipe_a_message_stays_on_its_line(server: ApiServer, person: Person) -> None:
    long = "long " * 22
    server.answers[f"GET {PETS}"] = (200, body(conditions=[{**SERVING["conditions"][0], "message": long}]))
    assert person.run("status", "pets") == 0
    assert long.strip() in person.out


def test_a_namespace_without_models_is_said_so(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {MODELS}"] = (200, {"items": []})
    assert person.run("status") == 0
    assert (person.out, person.err) == (
        "",
        "namespace kafka has no CatDogModel (--namespace names another)\n",
    )


@pytest.mark.parametrize(
    ("code", "said", "line"),
    [
        (401, "Unauthorized", "the cluster does not know who you are (Unauthorized): log in again"),
        (
            403,
            "pets is forbidden",
            (
                "pets is forbidden; ask for that right: docs/how-to/command-line.md, or for compare and plot "
                "answers-and-versions.md, has a Role that suffices"
            ),
        ),
        (
            409,
            "the object has been modified",
            "somebody changed it at the same moment (the object has been modified): try again",
        ),
        (422, "spec.paused: Invalid value", "spec.paused: Invalid value"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    server: ApiServer, person: Person, code: int, said: str, line: str
) -> None:
    server.answers[f"PATCH {PETS}"] = (code, refusal(code, said))
    assert person.run("promote", "pets", "1") == 1
    assert (person.out, person.err) == ("", f"catdog: {line}\n")


def test_words_of_a_proxy_are_told_too(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (502, b"<html>Bad\nGateway</html>")
    assert person.run("status", "pets") == 1
    assert person.err == "catdog: <html>Bad Gateway</html>\n"


def test_without_the_crd_or_the_model_it_is_said_so(server: ApiServer, person: Person) -> None:
    del server.answers[f"GET {PETS}"]
    assert person.run("status", "pets", program="kubectl-catdog") == 1
    assert person.err == (
        "kubectl catdog: namespace kafka has no CatDogModel pets; it has pets (--namespace names another)\n"
    )
    server.answers[f"GET {MODELS}"] = (403, refusal(403, "no"))
    assert person.run("status", "pets") == 1
    assert person.err == "catdog: namespace kafka has no CatDogModel pets (--namespace names another)\n"
    del server.answers[f"GET {MODELS}"]
    assert person.run("status", "pets") == 1
    assert person.err == (
        "catdog: the cluster has no catdogmodels.catdog.dev of version v1alpha1: "
        "install the operator with its CRD\n"
    )


def test_where_no_api_server_answers_its_address_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with running(ApiServer(), kubeconfig):
        pass
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    assert person.run("status") == 1
    assert person.err.startswith("catdog: no API server answers at http://127.0.0.1:")
    assert person.err.count("\n") == 1


def test_promoting_pins_and_says_what_follows(server: ApiServer, person: Person) -> None:
    assert person.run("promote", "pets", "1") == 0
    assert server.requests[-1] == (f"PATCH {PETS}", {"spec": {"inference": {"modelVersion": 1}}})
    assert person.out.splitlines()[:2] == [
        "pets: spec.inference.modelVersion is now 1; it was not set",
        "- version 2 goes on answering until a worker with version 1 is ready",
    ]


def test_unpinning_takes_the_field_away(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body({"inference": {"modelVersion": 1}}))
    assert person.run("promote", "pets", "--unpin", "--output=json") == 0
    assert server.requests[-1] == (f"PATCH {PETS}", {"spec": {"inference": {"modelVersion": None}}})
    shown = json.loads(person.out)
    assert (shown["field"], shown["before"], shown["now"]) == ("spec.inference.modelVersion", 1, None)


@pytest.mark.parametrize("arguments", [[], ["1", "--unpin"], ["0"], ["x"]])
def test_promoting_takes_a_version_or_no_pin(person: Person, server: ApiServer, arguments: list[str]) -> None:
    assert person.run("promote", "pets", *arguments) == 2
    assert not [each for each in server.requests if each[0].startswith("PATCH")]


def test_rolling_back_pins_what_served_before_and_says_so(server: ApiServer, person: Person) -> None:
    assert person.run("rollback", "pets") == 0
    assert server.requests[-1] == (f"PATCH {PETS}", {"spec": {"inference": {"modelVersion": 1}}})
    assert "- version 1 served before from 2026-11-27 12:00 UTC on" in person.out.splitlines()


def test_rolling_back_goes_to_the_version_that_is_named(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body(history=[]))
    assert person.run("rollback", "pets", "1") == 0
    assert server.requests[-1] == (f"PATCH {PETS}", {"spec": {"inference": {"modelVersion": 1}}})
    assert "served before" not in person.out


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_a_version_that_is_not_there_is_never_pinned(server: ApiServer, person: Person, command: str) -> None:
    assert person.run(command, "pets", "7") == 1
    assert person.err == "catdog: pets has no version 7: it has 1 and 2\n"
    assert not [each for each in server.requests if each[0].startswith("PATCH")]


def test_waiting_for_a_model_that_ends_unready_exits_with_3(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body(phase="Failed", conditions=[]))
    assert person.run("promote", "pets", "2", "--wait") == 3


def test_waiting_for_a_version_that_does_not_come_to_serve_exits_with_3(
    server: ApiServer, person: Person
) -> None:
    assert server
    assert person.run("promote", "pets", "2", "--wait") == 0
    assert person.run("promote", "pets", "1", "--wait") == 3


def test_waiting_has_an_end_where_one_is_given(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body(phase="RollingOut"))
    server.answers[f"GET {MODELS}"] = (200, b"")
    assert person.run("promote", "pets", "1", "--wait", "--timeout=0.2") == 1
    assert person.err.splitlines()[-1] == (
        "catdog: not within the 0.2 s of --timeout; "
        "pets: RollingOut: version 2 serves with all 2 replicas ready"
    )


def test_a_model_that_is_watched_is_told_at_each_change(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body(phase="RollingOut"))
    changes = [
        ("MODIFIED", body(phase="RollingOut")),
        ("MODIFIED", body(observedGeneration=3)),
        ("MODIFIED", body()),
    ]
    server.answers[f"GET {MODELS}"] = (200, events(*changes, ("DELETED", body())))
    assert person.run("status", "pets", "--watch") == 0
    assert [line.split(" ", 1)[1] for line in person.out.splitlines()] == [
        "pets: RollingOut: version 2 serves with all 2 replicas ready",
        "pets: the operator has not seen the last edit yet",
        "pets: Serving: version 2 serves with all 2 replicas ready",
    ]


def test_a_model_that_is_watched_may_be_deleted(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body(phase="RollingOut"))
    server.answers[f"GET {MODELS}"] = (200, events(("DELETED", body())))
    assert person.run("status", "pets", "--watch") == 1
    assert person.err == "catdog: CatDogModel pets was deleted\n"


def test_a_watch_that_is_too_old_is_begun_anew(
    server: ApiServer, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling, gone = (200, body(phase="RollingOut")), (200, events(("ERROR", refusal(410, "too old"))))
    answers = iter([rolling, gone, (200, body())])
    monkeypatch.setattr(server, "answer", lambda _: next(answers))
    assert person.run("status", "pets", "--watch", "--output=json") == 0
    assert [json.loads(line)["status"]["phase"] for line in person.out.splitlines()] == [
        "RollingOut",
        "Serving",
    ]


def test_a_model_that_is_not_there_is_not_waited_for(server: ApiServer, person: Person) -> None:
    assert person.run("status", "pats", "--watch") == 1
    assert person.err.startswith("catdog: namespace kafka has no CatDogModel pats; it has pets")
    assert [request for request, _ in server.requests] == [f"GET {MODELS}/pats", f"GET {MODELS}"]


@pytest.mark.parametrize("code", [429, 503])
def test_an_api_server_that_is_out_of_order_for_a_moment_ends_no_watch(
    server: ApiServer, person: Person, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    answers = iter([(code, refusal(code, "try again")), (200, body())])
    monkeypatch.setattr(server, "answer", lambda _: next(answers))
    assert person.run("status", "pets", "--watch") == 0


@pytest.mark.parametrize("arguments", [["promote", "pets", "2"], ["promote", "pets", "--unpin"]])
def test_a_version_that_serves_is_awaited_no_longer_while_another_is_trained(
    server: ApiServer, person: Person, arguments: list[str]
) -> None:
    training = body(phase="Training", progress=PROGRESS)
    server.answers[f"GET {PETS}"] = (200, training)
    server.answers[f"GET {MODELS}"] = (200, events(("MODIFIED", training)))
    assert person.run(*arguments, "--wait", "--timeout=60") == 0


def test_a_paused_model_is_not_waited_for_and_not_changed(server: ApiServer, person: Person) -> None:
    server.answers[f"GET {PETS}"] = (200, body({"paused": True}))
    for command in (["promote", "pets", "1"], ["rollback", "pets"], ["retrain", "pets"]):
        assert person.run(*command, "--wait") == 1
        assert "spec.paused is true" in person.err
    assert not [each for each in server.requests if each[0].startswith("PATCH")]
    assert person.run("retrain", "pets") == 0
    assert "- spec.paused is true, so the operator changes nothing of pets yet" in person.out


def test_training_again_sets_another_revision(server: ApiServer, person: Person) -> None:
    assert person.run("retrain", "pets", "--revision=second") == 0
    assert server.requests[-1] == (f"PATCH {PETS}", {"spec": {"training": {"revision": "second"}}})
    assert person.out.splitlines()[0] == "pets: spec.training.revision is now second; it was first"


TAKEN = "pets: nothing was trained, as version {} was there already"


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (
            {},
            0,
            f"{TAKEN.format(2)}, 97.0% of 940 validation photos right; it serves",
        ),
        (
            {"lastFailure": FAILURE},
            1,
            "catdog: the training failed: OOMKilled: the trainer ran out of memory",
        ),
        (
            {"training": {"hash": "77ab01c2d3"}, "conditions": [REFUSED]},
            3,
            f"{TAKEN.format(1)}, 70.0% of 60 validation photos right; it does not serve: refused",
        ),
    ],
)
def test_a_training_that_is_waited_for_tells_its_end_by_the_exit_code(
    server: ApiServer, person: Person, status: dict[str, Any], code: int, line: str
) -> None:
    server.answers[f"GET {PETS}"] = (200, body(**status))
    assert person.run("retrain", "pets", "--wait") == code
    assert person.err.splitlines()[-1] == line


def events(*changes: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(json.dumps({"type": kind, "object": each}).encode() + b"\n" for kind, each in changes)
