import io
import json

from rich.console import Console

from catdog_client.outcome import Outcome, as_json, as_table

PROBABILITIES = {"cat": 0.974, "dog": 0.026}
UNKNOWN = Outcome("horse.jpg", "1", "unknown", PROBABILITIES, version=3, partition=0, offset=7)


def shown(outcome: Outcome) -> str:
    text = io.StringIO()
    Console(file=text, width=100).print(as_table([outcome], answered=True))
    return text.getvalue()


def test_an_unknown_picture_is_shown_without_the_probability_of_a_cat() -> None:
    text = shown(UNKNOWN)
    assert "unknown" in text
    assert "0.974" not in text


def test_a_cat_is_shown_with_its_probability() -> None:
    cat = Outcome("tom.jpg", "2", "cat", PROBABILITIES, version=3, partition=0, offset=8)
    assert "0.974" in shown(cat)


def test_programs_are_told_the_probabilities_of_an_unknown_picture_too() -> None:
    told = json.loads(as_json(UNKNOWN))
    assert (told["label"], told["probabilities"]) == ("unknown", PROBABILITIES)
