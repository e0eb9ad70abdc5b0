"""Reads the rules and the dashboard that people apply, as Prometheus and Grafana have them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.cluster.cache import REPOSITORY

MONITORING = REPOSITORY / "manifests" / "monitoring"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
HOWTO = REPOSITORY / "docs" / "how-to" / "monitoring.md"

Rule = dict[str, Any]


def read_groups() -> list[dict[str, Any]]:
    """Return the groups of all PrometheusRules: what a file of rules for Prometheus has."""
    files = sorted(MONITORING.glob("*/rules.yaml"))
    return [group for file in files for group in yaml.safe_load(file.read_text())["spec"]["groups"]]


def read_rules() -> list[Rule]:
    """Return all rules: alerts, and what is recorded."""
    return [rule for group in read_groups() for rule in group["rules"]]


def read_alerts() -> dict[str, Rule]:
    """Return the alerts by their names."""
    return {rule["alert"]: rule for rule in read_rules() if "alert" in rule}


def read_pod_monitors() -> dict[str, dict[str, Any]]:
    """Return the PodMonitors by their names."""
    files = MONITORING.glob("*/podmonitor*.yaml")
    documents = (each for file in files for each in yaml.safe_load_all(file.read_text()))
    return {each["metadata"]["name"]: each for each in documents}


def read_dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    dashboard: dict[str, Any] = json.loads((MONITORING / "catdog.json").read_text())
    return dashboard


def read_panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels that show something."""
    return [panel for panel in read_dashboard()["panels"] if panel["type"] != "row"]


def read_asked() -> Iterator[tuple[str, str]]:
    """Yield every query of rules and dashboard, with a name of where it stands."""
    for rule in read_rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in read_panels():
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for variable in read_dashboard()["templating"]["list"]:
        found = re.fullmatch(r"label_values\((?P<of>.+), (?P<label>\w+)\)", variable.get("definition", ""))
        if found is not None:
            yield f"${variable['name']}", f"count by ({found['label']}) ({found['of']})"
