import pytest
from structlog.testing import capture_logs

from catdog_trainer.balance import class_weights, imbalance
from catdog_trainer.data import Dataset
from catdog_trainer.data.review import log_review
from tests.unit.trainer.builders import photo

SOURCE, LAYOUT = "the claim's folder data/", ("{label}/",)


def logged(dataset: Dataset) -> dict[str, dict[str, object]]:
    with capture_logs() as lines:
        log_review(dataset)
    return {line["event"]: dict(line) for line in lines}


def of(cats: int, dogs: int) -> Dataset:
    labels = ["cat"] * cats + ["dog"] * dogs
    return Dataset(SOURCE, LAYOUT, tuple(photo(n, label, "training") for n, label in enumerate(labels)))


def test_labels_weigh_the_same_together_and_a_photo_one_on_average() -> None:
    weights = class_weights({"cat": 30, "dog": 10})
    assert weights == {"cat": pytest.approx(2 / 3), "dog": 2.0}  # what scikit-learn's "balanced" gives
    assert 30 * weights["cat"] == pytest.approx(10 * weights["dog"])
    assert 30 * weights["cat"] + 10 * weights["dog"] == pytest.approx(40)


def test_where_labels_are_equal_a_photo_weighs_exactly_one() -> None:
    assert class_weights({"cat": 7, "dog": 7}) == {"cat": 1.0, "dog": 1.0}


def test_imbalance_is_by_how_much_the_frequent_label_leads() -> None:
    assert imbalance({"cat": 30, "dog": 10}) == imbalance({"cat": 10, "dog": 30}) == 3


def test_more_than_three_to_two_is_told_with_the_weights() -> None:
    line = logged(of(16, 10))["labels are unequal, and weighted"]
    assert line["training_photos"] == {"cat": 16, "dog": 10}
    assert line["weights"] == {"cat": 0.812, "dog": 1.3}
    assert logged(of(15, 10)) == {}


def test_what_is_left_out_is_named_a_hundred_files_of_each_kind_at_most() -> None:
    names = tuple(f"cat/{number}.jpg" for number in range(250))
    lines = logged(Dataset(SOURCE, LAYOUT, (), names, copies=names[:3], contradictory=names[3:5]))
    assert lines["files that are no photos"]["count"] == 250
    assert lines["files that are no photos"]["names"] == names[:100]
    assert lines["copies of other photos"]["names"] == names[:3]
    assert lines["the same photos under both labels"]["names"] == names[3:5]
    assert "validation photos nearly equal to training photos" not in lines
