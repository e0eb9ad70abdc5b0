"""Rules and dashboard ask for metrics, labels and values that workers, trainings or the operator show."""

import ast
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.alerts import read_asked, read_dashboard, read_panels, read_pod_monitors, read_rules
from tests.cluster.cache import REPOSITORY
from tests.contract.pages import page_of_operator, page_of_shadow, page_of_training, page_of_worker
from tests.promql import Match, Shown, find_matches, find_unshown
from tests.unit.inference.conftest import Serving

ASKED = dict(read_asked())
# What prometheus-operator gives to each series of a pod's: "PodMonitor" in its documentation of the API.
OF_A_POD = frozenset({"namespace", "pod", "container", "endpoint", "job", "instance"})
MISTAKES = (
    ("Answers a second A", "catdog_answers_total", "catdog_answered_total", "catdog_answered_total"),
    ("CatDogNotAnswering", "latency_seconds_count", "latency_count", "catdog_latency_count"),
    ("CatDogKafkaFailing", "(namespace, model)", "(namespace, name)", "by (name)"),
    ("CatDogModelNotServing", "status=", "state=", "catdog_operator_model_condition{state}"),
    ("CatDogUnknownShareHigh", "ratio1w", "ratio2w", "model:catdog_unknown_share:ratio2w"),
)
PRODUCT = ("operator", "trainer_image", "inference_image", "common")


async def test_a_query_asks_for_what_is_shown(serving: Serving, tmp_path: Path) -> None:
    shown = await shown_samples(serving, tmp_path)
    assert len(ASKED) > 50
    unshown = {name: missing for name, query in ASKED.items() if (missing := find_unshown(query, shown))}
    assert unshown == {}


async def test_and_it_would_show_if_it_did_not(serving: Serving, tmp_path: Path) -> None:
    shown = await shown_samples(serving, tmp_path)
    for query, right, wrong, missing in MISTAKES:
        assert right in ASKED[query]
        assert missing in find_unshown(ASKED[query].replace(right, wrong), shown)


def test_a_query_asks_for_values_that_the_product_knows() -> None:
    jobs = {labels["job"] for labels in given_labels().values()}
    words = words_of_the_product()
    matches = {match for query in ASKED.values() for match in find_matches(query)}
    asked = {match for match in matches if not match.value.startswith("$")}
    assert {match for match in asked if match.label == "job"} == {
        match for match in asked if match.value in jobs
    }
    assert {each for each in asked if each.label != "job" and each.value not in words} == set()
    assert Match("catdog_operator_model_condition", "reason", "ClaimFull") in asked
    assert "ClaimFilled" not in words


def test_the_dashboard_is_whole() -> None:
    dashboard, panels = read_dashboard(), read_panels()
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    source, *variables = dashboard["templating"]["list"]
    assert (source["name"], source["type"]) == ("datasource", "datasource")
    assert [f"${variable['name']}" for variable in variables] == ["$namespace", "$model"]
    for panel in panels:
        assert panel["description"], panel["title"]
        for each in (panel, *panel["targets"]):
            assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


async def shown_samples(serving: Serving, directory: Path) -> Shown:
    """Return the labels of each sample: its own, and those that a PodMonitor adds; and what is recorded."""
    given = given_labels()
    pages = {
        "catdog-workers": await page_of_worker(serving, directory),
        "catdog-shadows": await page_of_shadow(serving),
        "catdog-trainings": page_of_training(),
        "catdog-operator": await page_of_operator(),
    }
    shown = {"up": OF_A_POD}
    for monitor, page in pages.items():
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                labels = shown.get(sample.name, frozenset()) | sample.labels.keys()
                shown[sample.name] = labels | OF_A_POD | given[monitor].keys()
    recorded = {
        rule["record"]: frozenset({"namespace", "model"}) for rule in read_rules() if "record" in rule
    }
    return shown | recorded


def given_labels() -> dict[str, dict[str, str]]:
    """Return the labels that each PodMonitor gives, with what is said of their values."""
    given = {}
    for name, monitor in read_pod_monitors().items():
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        given[name] = {each["targetLabel"]: each.get("replacement", "") for each in endpoint["relabelings"]}
    return given


def words_of_the_product() -> set[str]:
    """Return all strings that stand in the product's code."""
    files = (file for directory in PRODUCT for file in (REPOSITORY / directory).rglob("*.py"))
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text())))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
