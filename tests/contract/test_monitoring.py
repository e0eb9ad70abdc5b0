"""PodMonitors find the pods and may reach them; each alert has its page, and its row in the how-to."""

import re
from typing import Any, NamedTuple

import pytest
import yaml

from tests.alerts import HOWTO, RUNBOOKS, read_alerts, read_pod_monitors
from tests.contract.test_manifests import BASE, find
from tests.reference import table_rows
from tests.unit.operator.test_protection import selects, trained, wanted
from tests.unit.operator.test_shadow_rules import shadowed
from tests.unit.operator.test_shadow_rules import wanted as with_shadow

ALERTS = read_alerts()
EXAMPLE = {"namespace": "kafka", "model_namespace": "kafka", "model": "pets"}
OF_MODELS = ("catdog-workers", "catdog-trainings", "catdog-shadows")
SECTIONS = ["What it says", "Look at", "What to do"]


class Pods(NamedTuple):
    """The template that a kind of pod is made of, and the NetworkPolicy that says who reaches it."""

    template: dict[str, Any]
    policy: dict[str, Any]

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def ports(self) -> dict[str, int]:
        [container] = self.template["spec"]["containers"]
        return {each["name"]: each["containerPort"] for each in container["ports"]}

    @property
    def opened(self) -> set[int]:
        """The ports that anybody may reach, from whatever namespace."""
        rules = [rule for rule in self.policy["spec"]["ingress"] if rule.keys() == {"ports"}]
        return {port["port"] for rule in rules for port in rule["ports"]}


@pytest.fixture(scope="module")
def pods() -> dict[str, Pods]:
    """Return all kinds of pods, by the PodMonitor that is to find them."""
    made = wanted(trained())
    [job] = [each for each in made.values() if each["kind"] == "Job"]
    worker, shadow = made["Deployment/pets-inference"], with_shadow(shadowed())["Deployment/pets-shadow"]
    return {
        "catdog-workers": Pods(worker["spec"]["template"], made["NetworkPolicy/pets-inference"]),
        "catdog-trainings": Pods(job["spec"]["template"], made["NetworkPolicy/pets-training"]),
        "catdog-shadows": Pods(shadow["spec"]["template"], made["NetworkPolicy/pets-inference"]),
        "catdog-operator": Pods(
            find(BASE / "deployment.yaml", "Deployment")["spec"]["template"],
            find(BASE / "networkpolicy.yaml", "NetworkPolicy"),
        ),
    }


def test_a_pod_monitor_finds_its_pods_and_no_others(pods: dict[str, Pods]) -> None:
    for name, monitor in read_pod_monitors().items():
        selector = monitor["spec"]["selector"]["matchLabels"]
        assert {kind for kind, each in pods.items() if selector.items() <= each.labels.items()} == {name}


def test_prometheus_may_reach_the_port_that_it_is_told(pods: dict[str, Pods]) -> None:
    monitors = read_pod_monitors()
    assert monitors.keys() == pods.keys()
    for name, each in pods.items():
        [endpoint] = monitors[name]["spec"]["podMetricsEndpoints"]
        assert each.ports[endpoint["port"]] in each.opened
        assert selects(each.policy["spec"]["podSelector"], each.labels)


def test_a_series_is_told_the_model_by_the_pods_label(pods: dict[str, Pods]) -> None:
    for name in OF_MODELS:
        [endpoint] = read_pod_monitors()[name]["spec"]["podMetricsEndpoints"]
        [given] = [each for each in endpoint["relabelings"] if each["targetLabel"] == "model"]
        [source] = given["sourceLabels"]
        named = {as_prometheus_has_it(label): value for label, value in pods[name].labels.items()}
        assert named[source] == "pets"


def as_prometheus_has_it(label: str) -> str:
    return "__meta_kubernetes_pod_label_" + re.sub("[^a-zA-Z0-9_]", "_", label)


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_an_alert_says_how_bad_it_is_and_what_to_read(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert re.fullmatch("[1-9][0-9]*[mh]", alert["for"])
    assert alert["annotations"].keys() == {"summary", "description", "runbook"}
    assert alert["annotations"]["runbook"] == f"docs/runbooks/{name}.md"


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_its_runbook_says_what_to_look_at_and_what_to_do(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert re.findall("^# (.*)$", page, re.MULTILINE) == [name]
    assert re.findall("^## (.*)$", page, re.MULTILINE) == SECTIONS
    assert all(len(part.strip()) > 40 for part in re.split("^#.*$", page, flags=re.MULTILINE)[2:])


def test_there_is_no_runbook_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in RUNBOOKS.iterdir()} == ALERTS.keys()


def test_the_howto_lists_the_alerts_as_they_are() -> None:
    rows = [
        [f"[{name}](../runbooks/{name}.md)", rule["labels"]["severity"], rule["for"], summary_of(rule)]
        for name, rule in ALERTS.items()
    ]
    assert sorted(table_rows(HOWTO, "What the alerts mean")) == sorted(rows)


def summary_of(rule: dict[str, Any]) -> str:
    """Return an alert's summary as it is for the model pets of the namespace kafka."""
    summary: str = rule["annotations"]["summary"]
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda label: EXAMPLE.get(label[1], "…"), summary)


def test_the_overlay_is_of_all_namespaces_and_the_dashboard_is_found_by_grafana() -> None:
    overlay = yaml.safe_load((RUNBOOKS.parents[1] / "manifests/monitoring/kustomization.yaml").read_text())
    [patch] = overlay["patches"]
    assert yaml.safe_load(patch["patch"]) == [
        {"op": "add", "path": "/spec/namespaceSelector", "value": {"any": True}}
    ]
    found = {name for name in read_pod_monitors() if re.fullmatch(patch["target"]["name"], name)}
    assert found == set(OF_MODELS)
    [generator] = overlay["configMapGenerator"]
    assert generator["options"]["labels"] == {"grafana_dashboard": "1"}
