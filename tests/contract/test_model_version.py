"""The reference of a version has the files and the fields that the trainer writes, and no others."""

import msgspec

from catdog_common.artifact import MODEL_CARD_FILE, Int8Cost, Provenance, Resampling
from catdog_trainer.model_card import FILES
from tests.cluster.cache import REPOSITORY
from tests.reference import table_rows

PAGE = REPOSITORY / "docs" / "reference" / "model-version.md"


def test_the_reference_has_every_file_of_a_version() -> None:
    assert [file.strip("`") for file, _ in table_rows(PAGE, "Files")] == [MODEL_CARD_FILE, *FILES]


def test_the_reference_has_every_way_to_resize_photos() -> None:
    rows = table_rows(PAGE, "How photos are resized")
    assert [resampling.strip("`") for resampling, *_ in rows] == list(Resampling)


def test_the_reference_has_every_field_on_photos_that_are_not_used() -> None:
    rows = table_rows(PAGE, "Photos that are not used")
    documented = {field.strip("`") for _, *fields in rows for field in fields}
    used = {"source", "digest", "photos", "offsets"}
    assert documented == {field.encode_name for field in msgspec.structs.fields(Provenance)} - used


def test_the_reference_has_every_field_on_what_int8_costs() -> None:
    rows = table_rows(PAGE, "int8 or float32")
    documented = {field.strip("` ") for fields, _ in rows for field in fields.split(",")}
    assert documented == {field.encode_name for field in msgspec.structs.fields(Int8Cost)}
