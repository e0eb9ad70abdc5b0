"""Each alert fires when it should and else does not: promtool tries it, by `alerts/<name>.yaml`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts import Rule, read_alerts, read_groups
from tests.cluster.cache import default_cache
from tests.cluster.commands import CommandError, run
from tests.cluster.programs import build_promtool

CASES = Path(__file__).parent / "alerts"
ALERTS = sorted(read_alerts())


@pytest.fixture(scope="module")
def promtool() -> Path:
    """Return promtool, which is built where it is not there yet."""
    return build_promtool(default_cache())


def test_prometheus_reads_the_rules_and_its_linter_finds_nothing(promtool: Path, tmp_path: Path) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", write_rules(tmp_path))


def test_each_alert_has_its_cases_and_no_case_is_of_an_alert_that_is_gone() -> None:
    assert sorted(path.stem for path in CASES.iterdir()) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_should_and_else_does_not(promtool: Path, tmp_path: Path, alert: str) -> None:
    expected = [bool(case["exp_alerts"]) for case in cases(alert)]
    assert set(expected) == {True, False}
    try_rules(promtool, tmp_path, alert)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rule: rule.update(expr="vector(0) > 1"),
        lambda rule: rule.update(expr="vector(1)"),
        lambda rule: rule.pop("for"),
    ],
    ids=["never", "always", "at once"],
)
@pytest.mark.parametrize("alert", ALERTS)
def test_and_it_would_show_if_it_fired(
    promtool: Path, tmp_path: Path, alert: str, spoil: Callable[[Rule], object]
) -> None:
    with pytest.raises(CommandError, match="got:"):
        try_rules(promtool, tmp_path, alert, spoil)


def cases(alert: str) -> list[dict[str, Any]]:
    """Return what is expected of an alert, and when."""
    tests = yaml.safe_load((CASES / f"{alert}.yaml").read_text())["tests"]
    found = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in found} == {alert}
    return found


def try_rules(
    promtool: Path, directory: Path, alert: str, spoil: Callable[[Rule], object] | None = None
) -> None:
    """Hold the rules to an alert's cases, in a directory of their own; `spoil` changes the alert before."""
    write_rules(directory, alert, spoil)
    tests = directory / f"{alert}.yaml"
    tests.write_bytes((CASES / tests.name).read_bytes())
    run(promtool, "test", "rules", tests)


def write_rules(directory: Path, alert: str = "", spoil: Callable[[Rule], object] | None = None) -> Path:
    """Write all rules as Prometheus reads them, by the name that the cases have for them."""
    groups = read_groups()
    for rule in (rule for group in groups for rule in group["rules"] if rule.get("alert") == alert):
        if spoil is not None:
            spoil(rule)
    path = directory / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    return path
