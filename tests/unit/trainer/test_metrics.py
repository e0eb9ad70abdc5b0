import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from catdog_common.training import Progress
from catdog_trainer.metrics import Metrics, serve_metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"catdog_training_{name}", labels)


def test_a_training_is_in_one_stage_at_a_time() -> None:
    metrics = Metrics("pets", "0123456789")
    metrics.show(Progress("Loading"))
    assert (value(metrics, "stage", stage="Loading"), value(metrics, "stage", stage="Epochs")) == (1, 0)
    metrics.show(Progress("Epochs"))
    assert (value(metrics, "stage", stage="Loading"), value(metrics, "stage", stage="Epochs")) == (0, 1)
    assert value(metrics, "info", model="pets", hash="0123456789") == 1


def test_what_is_not_known_is_not_shown() -> None:
    metrics = Metrics("pets", "0123456789")
    metrics.show(Progress("Features", photos=0, total_photos=100))
    assert value(metrics, "photos_done", stage="Features") == 0
    assert value(metrics, "photos_per_second", stage="Features") is None
    assert value(metrics, "estimated_completion_timestamp_seconds") is None
    assert value(metrics, "epoch") is None


def test_what_a_short_stage_came_to_is_shown_after_it() -> None:
    metrics = Metrics("pets", "0123456789")
    metrics.show(Progress("Features", photos=100, total_photos=100, photos_per_second=50))
    metrics.show(
        Progress("Epochs", epoch=7, epochs=20, loss=0.5, accuracy=0.75, val_loss=0.6, val_accuracy=0.8)
    )
    metrics.show(
        Progress("Measuring", photos=1, total_photos=20, estimated_completion_time="1970-01-01T00:01:40Z")
    )
    assert value(metrics, "photos_done", stage="Features") == value(
        metrics, "photos_expected", stage="Features"
    )
    assert value(metrics, "photos_per_second", stage="Features") == 50
    assert (value(metrics, "photos_done", stage="Measuring"), value(metrics, "epoch")) == (1, 7)
    assert value(metrics, "epochs") == 20
    assert value(metrics, "loss", split="training") == 0.5
    assert value(metrics, "loss", split="validation") == 0.6
    assert value(metrics, "accuracy", split="training") == 0.75
    assert value(metrics, "accuracy", split="validation") == 0.8
    assert value(metrics, "estimated_completion_timestamp_seconds") == 100


def test_they_are_served_by_http() -> None:
    metrics, port = Metrics("pets", "0123456789"), free_port()
    serve_metrics(metrics, port)
    metrics.show(Progress("Publishing"))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    [publishing] = [each for each in families["catdog_training_stage"].samples if each.value]
    assert publishing.labels == {"stage": "Publishing"}
    assert "process_resident_memory_bytes" in families


def test_a_port_that_is_taken_is_no_reason_not_to_train() -> None:
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        serve_metrics(Metrics("pets", "0123456789"), taken.getsockname()[1])


def free_port() -> int:
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
        return port
