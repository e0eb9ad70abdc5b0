"""What the operator may not do, or what the cluster does not serve yet, is told, and heals when that changes.

On an API server without a node: nothing here needs a pod.
"""

import json
from collections.abc import Iterator

import pytest

from tests.cluster.audit import read_audit
from tests.cluster.install import PRODUCT_CRDS, STRIMZI_CRDS, apply_crds
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.operator_process import install_rights, operator_process
from tests.e2e.failures.rows import Row
from tests.e2e.models import NAMESPACE, Model, condition
from tests.lanes import instance_name

NAME = f"{instance_name()}-rights"
ROLE = ("clusterrole", "catdog-operator")
SPEC = {"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": "my-cluster"}}}
FORBIDDEN = 403
AT_ONCE = 6  # requests that are refused before anything is known; one in some seconds comes later


def row(failure: str, status: str, kind: str, reason: str, message: str, heals: str) -> Row:
    return Row(failure, "pets", kind, reason, message, heals, lambda _: None, status=status)


UNREADABLE = row(
    "the right to read one kind is gone",
    "Unknown",
    "Trained",
    "Forbidden",
    "the operator may not read Job, and leaves all as it is; give it its rights back: apply its manifests "
    "again",
    "by itself, when the right is back",
)
UNWRITABLE = row(
    "the right to make one kind is gone",
    "False",
    "Trained",
    "Forbidden",
    'Job pets-train-* is refused: jobs.batch is forbidden: User "system:serviceaccount:catdog-system:'
    'catdog-operator" cannot create resource "jobs" in API group "batch" in the namespace "kafka"; '
    "give the operator its rights back: apply its manifests again",
    "by itself, when the right is back",
)
NO_STRIMZI = row(
    "Strimzi's CRDs absent",
    "False",
    "KafkaReady",
    "StrimziNotInstalled",
    "the cluster has no kafka.strimzi.io/v1; install Strimzi 1.0 or newer",
    "by itself, when Strimzi is installed",
)
NO_KAFKA = row(
    "no such Kafka cluster",
    "False",
    "KafkaReady",
    "KafkaNotFound",
    "Kafka my-cluster is not in namespace kafka; create it or name another in spec.kafka.strimzi.name",
    "by itself, when it is there",
)


@pytest.fixture(scope="module")
def api_server() -> Iterator[Instance]:
    """Give an API server without Strimzi's kinds, where the operator has no rights on Jobs."""
    cluster = up_api_server(NAME, with_crds=False)
    apply_crds(cluster, PRODUCT_CRDS)
    install_rights(cluster)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(namespace))
    let_handle_jobs(cluster, "delete")
    yield cluster
    down(NAME)


@pytest.fixture(scope="module")
def pets(api_server: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """Give a model, with an operator that was started after its rights were taken."""
    model = Model(api_server, "pets")
    model.apply(SPEC)
    with operator_process(api_server, tmp_path_factory.mktemp("operator")):
        yield model


def test_a_kind_that_may_not_be_read_is_told_and_nothing_is_made(pets: Model, failures: list[str]) -> None:
    status = pets.await_status(UNREADABLE.is_told, UNREADABLE.message)
    failures.append(UNREADABLE.described(status))
    assert condition(status, "Ready")[:2] == ("Unknown", "Forbidden")
    assert pets.children("pvc") == []


def test_a_kind_that_may_be_read_but_not_made_is_told_while_all_else_goes_on(
    api_server: Instance, pets: Model, failures: list[str]
) -> None:
    let_handle_jobs(api_server, "list", "watch", "delete")
    status = pets.await_status(UNWRITABLE.is_told, UNWRITABLE.message)
    failures.append(UNWRITABLE.described(status))
    assert condition(status, "Ready")[:2] == ("False", "Forbidden")
    assert len(pets.children("pvc")) == 1
    failures.append(NO_STRIMZI.described(pets.await_status(NO_STRIMZI.is_told, NO_STRIMZI.message)))


def test_rights_that_are_back_heal_it(api_server: Instance, pets: Model) -> None:
    let_handle_jobs(api_server, "list", "watch", "create", "delete")
    pets.await_status(lambda status: condition(status, "Trained")[1] == "Training", "training")
    assert len(pets.children("jobs")) == 1


def test_strimzi_that_is_installed_later_is_noticed(api_server: Instance, pets: Model) -> None:
    apply_crds(api_server, STRIMZI_CRDS)
    pets.await_status(NO_KAFKA.is_told, NO_KAFKA.message)


@pytest.mark.soak
def test_a_right_that_an_operator_loses_while_it_runs_is_missed_within_a_minute(
    api_server: Instance, pets: Model
) -> None:
    let_handle_jobs(api_server, "list", "watch", "create", "delete")
    pets.await_status(lambda status: condition(status, "Trained")[1] == "Training", "training")
    let_handle_jobs(api_server, "create", "delete")
    pets.await_status(UNREADABLE.is_told, UNREADABLE.message)
    let_handle_jobs(api_server, "list", "watch", "create", "delete")
    pets.await_status(lambda status: condition(status, "Trained")[1] == "Training", "training")


@pytest.mark.usefixtures("pets")
def test_what_was_refused_was_not_asked_for_all_the_time(api_server: Instance) -> None:
    refused = [entry for entry in read_audit(api_server.layout.audit_log) if entry.code == FORBIDDEN]
    seconds = (refused[-1].received - refused[0].received).total_seconds()
    assert 2 <= len(refused) <= AT_ONCE + seconds / 5, [
        (str(entry.received), entry.verb, entry.request_uri) for entry in refused
    ]


def let_handle_jobs(cluster: Instance, *verbs: str) -> None:
    """Let the operator do this with Jobs, and nothing else."""
    role = json.loads(cluster.kubectl("get", *ROLE, "-o", "json"))
    for rule in role["rules"]:
        if rule["resources"] == ["jobs"]:
            rule["verbs"] = list(verbs)
    cluster.kubectl("replace", "-f", "-", input=json.dumps(role))
