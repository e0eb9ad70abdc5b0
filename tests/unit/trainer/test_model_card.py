import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from catdog_common.artifact import (
    Calibration,
    ChampionComparison,
    Int8Cost,
    Metrics,
    ModelMetadata,
    Scale,
    TrunkDescription,
    UnknownRule,
)
from catdog_trainer.legible import legible, shortened
from catdog_trainer.markdown import code, table
from catdog_trainer.model_card import model_card
from tests.unit.trainer.builders import metadata

MARKDOWN = MarkdownIt("commonmark").enable("table")
CONFUSION = {"cat": {"cat": 90, "dog": 10}, "dog": {"cat": 5, "dog": 195}}


def measured(**provenance: object) -> ModelMetadata:
    """Return the metadata of a version with numbers that one can follow."""
    plain = metadata(version=3)
    return msgspec.structs.replace(
        plain,
        metrics=Metrics(300, 285, 0.95, 0.1234, CONFUSION),
        provenance=msgspec.structs.replace(plain.provenance, **provenance),
    )


def tables(markdown: str) -> list[list[list[str]]]:
    """Return the tables of a document: rows of cells, as one reads them."""
    found: list[list[list[str]]] = []
    tokens = MARKDOWN.parse(markdown)
    for number, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            children = tokens[number + 1].children or []
            found[-1][-1].append("".join(child.content for child in children))
    return found


def items(markdown: str) -> list[str]:
    """Return the text of each item of the document's lists."""
    tokens = MARKDOWN.parse(markdown)
    starts = [number for number, token in enumerate(tokens) if token.type == "list_item_open"]
    return ["".join(child.content for child in tokens[n + 2].children or []) for n in starts]


@pytest.mark.parametrize(
    ("only_int8", "p_value", "says"),
    [
        (3, 0.25, "0.25, not less than 0.01: int8 serves"),
        (0, 0.0039, "0.0039, less than 0.01: float32 serves"),
    ],
)
def test_what_int8_costs_is_told_with_both_answers_and_the_test(
    only_int8: int, p_value: float, says: str
) -> None:
    cost = Int8Cost(200, 400, 380 + only_int8, 388, only_int8, 8, p_value, 0.01)
    trunk = TrunkDescription("sha256:abc", "float32", 1280)
    card = model_card(msgspec.structs.replace(measured(), int8_cost=cost, trunk=trunk))
    settings, costs = tables(card)[1], tables(card)[4]
    assert ["network", "in float32, 1280 features, sha256:abc"] in settings
    assert costs[1:] == [
        ["int8", str(380 + only_int8), f"{(380 + only_int8) / 4:.1f} %", str(only_int8)],
        ["float32", "388", "97.0 %", "8"],
    ]
    assert f"p is {says}" in card
    assert "the same 200 training photos" in card
    assert "the same 400 validation photos" in card


def test_a_card_of_a_version_from_before_int8_was_measured_says_nothing_of_it() -> None:
    assert "int8" not in model_card(measured())


def test_tables_have_the_numbers_of_the_metadata() -> None:
    photos, settings, metrics, confusion, files = tables(model_card(measured()))
    assert photos == [["photos", "cat", "dog"], ["training", "10", "11"], ["validation", "2", "3"]]
    assert ["architecture", "efficientnet-lite0"] in settings
    assert ["learning rate", "0.001"] in settings
    assert ["image size", "16 × 16 pixels, resampled by hamming"] in settings
    assert "fine-tuned" not in [row[0] for row in settings]
    assert [row[:2] for row in metrics[1:]] == [
        ["accuracy", "95.0 % (285 of 300)"],
        ["log-loss", "0.1234 nats"],
        ["recall of cats", "90.0 %"],
        ["precision of cats", "94.7 %"],
        ["recall of dogs", "97.5 %"],
        ["precision of dogs", "95.1 %"],
    ]
    assert "91.9 to 96.9 %" in metrics[1][2]
    assert confusion == [["", "cat", "dog"], ["cat", "90", "10"], ["dog", "5", "195"]]
    assert ["training.png", "the same as curves"] in files


def test_the_card_says_of_which_version_it_is_and_where_its_photos_came_from() -> None:
    card = model_card(measured())
    assert card.startswith("# pets, version 3\n")
    for said in ("the claim's folder data/", "sha256:" + "0" * 64, "2026-01-02T03:04:05Z", "0123456789"):
        assert said in card


def test_what_was_not_used_is_counted_and_named_twenty_files_of_each_kind() -> None:
    many = tuple(f"cat/{number}.jpg" for number in range(100))
    card = model_card(
        measured(
            unreadable=("a`b.jpg", "猫|\n.png"), unreadable_photos=2, near_copies=130, near_copy_names=many
        )
    )
    unreadable, copies, contradictory, near_copies = items(card)[:4]
    assert unreadable == "2 unreadable: a`b.jpg, 猫|\\n.png"
    assert copies == "0 byte for byte another photo of the same label"
    assert contradictory == "0 under both labels"
    assert near_copies.endswith("cat/18.jpg, cat/19.jpg and 110 more")


def test_more_than_three_to_two_is_told_with_the_weights() -> None:
    validation = {"cat": 2, "dog": 2}
    unequal = model_card(measured(photos={"training": {"cat": 30, "dog": 10}, "validation": validation}))
    assert "One label has 3.0 times as many training photos" in unequal
    assert "weighs 0.67 for a cat and 2.00 for a dog" in unequal
    equal = model_card(measured(photos={"training": {"cat": 15, "dog": 10}, "validation": validation}))
    assert "times as many" not in equal


def test_the_version_that_served_stands_beside_it() -> None:
    card = model_card(msgspec.structs.replace(measured(), comparison=ChampionComparison(2, 200, 190, 180)))
    assert tables(card)[4] == [
        ["", "right", "accuracy"],
        ["this version", "190", "95.0 %"],
        ["version 2", "180", "90.0 %"],
    ]
    assert "On 200 validation photos, of which version 2 learnt none" in card


def test_what_can_t_be_compared_is_told() -> None:
    assert "compared with none" in model_card(measured())
    nothing = msgspec.structs.replace(measured(), comparison=ChampionComparison(2, 0, 0, 0))
    assert "Version 2 learnt from all of the photos" in model_card(nothing)


def test_a_version_that_can_say_unknown_says_how_often_it_does_so_of_pets() -> None:
    never = model_card(measured())
    assert "It never answers `unknown`" in never
    scale = Scale(0.0, 1.0)
    rule = UnknownRule(0.0, scale, scale, (), (), (), 1.0, 300)
    metrics = Metrics(300, 285, 0.95, 0.1234, CONFUSION, unknown=3)
    card = model_card(msgspec.structs.replace(measured(), unknown=rule, metrics=metrics))
    assert ["unknown", "1.0 % (3 of 300)"] in [row[:2] for row in tables(card)[2]]
    assert "It never answers" not in card
    assert "unknown" not in [row[0] for row in tables(never)[2]]


def test_the_error_of_calibration_stands_beside_what_it_was_before() -> None:
    metrics = Metrics(300, 285, 0.95, 0.1234, CONFUSION, calibration=Calibration(300, 0.031, 0.012, 0.2, 0.1))
    rows = tables(model_card(msgspec.structs.replace(measured(), metrics=metrics)))[2]
    [(_, after, says)] = [row for row in rows if row[0] == "calibration error"]
    assert after == "1.2 %"
    assert says.endswith("uncalibrated 3.1 %")


def test_a_version_that_was_not_measured_has_a_card_too() -> None:
    assert "– (0 of 0)" in model_card(metadata())


@given(st.text(alphabet=st.characters(exclude_categories=()), min_size=1, max_size=30))
def test_any_name_is_shown_as_it_is_but_for_what_can_t_be_shown(name: str) -> None:
    card = model_card(measured(unreadable=(name,), unreadable_photos=1))
    assert card.encode()
    (item, *_) = items(card)
    assert item == f"1 unreadable: {legible(name)}"
    assert len(tables(card)) == 5


@given(st.text(alphabet="a|`\\ \n", min_size=1, max_size=10))
def test_no_name_breaks_a_table(name: str) -> None:
    ((header, row),) = tables(table(("name", "photos"), [(code(name), "1")]))
    assert (header, row) == (["name", "photos"], [legible(name), "1"])


@pytest.mark.parametrize(
    ("name", "shown"),
    [("猫🐈\n.png", r"猫🐈\n.png"), ("a\u202egpj.exe", r"a\u202egpj.exe"), ("\udcff.png", r"\udcff.png")],
)
def test_what_can_t_be_shown_is_escaped(name: str, shown: str) -> None:
    assert legible(name) == shown


def test_a_font_that_lacks_a_character_has_it_escaped() -> None:
    assert legible("a猫", str.isascii) == r"a\u732b"


def test_what_turns_or_breaks_a_line_is_escaped_though_a_font_has_it() -> None:
    assert legible("a\u202eb\nc", lambda _: True) == r"a\u202eb\nc"


def test_what_is_too_long_lacks_its_middle() -> None:
    assert [shortened("abcdefgh", length) for length in (8, 7, 4, 1)] == ["abcdefgh", "abc…fgh", "ab…h", "…"]
