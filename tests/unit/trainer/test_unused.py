"""What no version and no training needs any more goes off the claim."""

from pathlib import Path

import msgspec
import pytest

from catdog_common.artifact import MODEL_FILE, TRUNK_FILE, TrunkDescription, file_digest, read_metadata
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.feature_store import COMPARED, folder_of
from catdog_trainer.trunk import float32_path, trunk_path
from catdog_trainer.unused import clear_unused
from tests.unit.trainer.builders import put
from tests.unit.trainer.test_inventory import put_version

LITE0, LITE2 = ARCHITECTURES["efficientnet-lite0"], ARCHITECTURES["efficientnet-lite2"]


def put_trunk(storage: Path, name: str) -> Path:
    """Put a trunk on the claim, in both precisions, and what is known by it."""
    trunk = put(trunk_path(storage, "pets", ARCHITECTURES[name]), f"{name} in int8".encode())
    put(float32_path(trunk), f"{name} in float32".encode())
    for kept in (trunk, float32_path(trunk)):
        put(features_of(storage, kept) / "some.npy", b"features")
        put(features_of(storage, kept) / "upper-left" / "some.npy", b"features of a view")
    put(features_of(storage, float32_path(trunk), COMPARED) / "some.npy", b"features")
    return trunk


def features_of(storage: Path, trunk: Path, within: str = "") -> Path:
    return storage / "pets" / "features" / within / folder_of(file_digest(trunk))


def serve_by(storage: Path, version: int, trunk: Path) -> None:
    """Put a version on the claim that serves by a trunk."""
    directory = put_version(storage, version, "aaaaaaaaaa")
    described = TrunkDescription(file_digest(trunk), "int8", 3)
    content = msgspec.structs.replace(read_metadata(directory), trunk=described)
    put(directory / MODEL_FILE, msgspec.json.encode(content))


def test_a_trunk_that_no_version_serves_by_goes_with_what_is_known_by_it(tmp_path: Path) -> None:
    lite0, lite2 = put_trunk(tmp_path, "efficientnet-lite0"), put_trunk(tmp_path, "efficientnet-lite2")
    gone = [features_of(tmp_path, each) for each in (lite0, float32_path(lite0), float32_path(lite2))]
    gone.append(features_of(tmp_path, float32_path(lite0), COMPARED))
    serve_by(tmp_path, 3, lite2)
    clear_unused(tmp_path, "pets", LITE2)
    assert not lite0.parent.exists()
    assert not any(each.exists() for each in gone)
    assert lite2.exists()
    assert (features_of(tmp_path, lite2) / "upper-left" / "some.npy").exists()
    assert (features_of(tmp_path, float32_path(lite2), COMPARED) / "some.npy").exists()


def test_what_a_kept_version_serves_by_stays_though_the_settings_name_another_network(tmp_path: Path) -> None:
    lite0, lite2 = put_trunk(tmp_path, "efficientnet-lite0"), put_trunk(tmp_path, "efficientnet-lite2")
    serve_by(tmp_path, 1, float32_path(lite0))
    serve_by(tmp_path, 2, lite2)
    clear_unused(tmp_path, "pets", LITE2)
    assert lite0.exists()
    for trunk in (lite0, float32_path(lite0), lite2):
        assert (features_of(tmp_path, trunk) / "some.npy").exists()
    assert not features_of(tmp_path, float32_path(lite2)).exists(), "no version serves by it"
    for trunk in (lite0, lite2):
        assert features_of(tmp_path, float32_path(trunk), COMPARED).exists()


def test_features_of_a_trunk_that_was_replaced_go(tmp_path: Path) -> None:
    trunk = put_trunk(tmp_path, "efficientnet-lite0")
    former = [features_of(tmp_path, trunk), features_of(tmp_path, float32_path(trunk), COMPARED)]
    trunk.write_bytes(b"made anew")
    float32_path(trunk).write_bytes(b"made anew in float32")
    clear_unused(tmp_path, "pets", LITE0)
    assert trunk.exists()
    assert not any(each.exists() for each in former)


@pytest.mark.parametrize("damage", ["", "no metadata"])
def test_a_version_of_an_older_form_or_a_damaged_one_is_no_obstacle(tmp_path: Path, damage: str) -> None:
    """That of an older form does not say by which trunk it serves: its own file does."""
    trunk = put_trunk(tmp_path, "efficientnet-lite0")
    directory = put_version(tmp_path, 1, "aaaaaaaaaa")
    put(directory / TRUNK_FILE, trunk.read_bytes())
    if damage:
        put(directory / MODEL_FILE, damage.encode())
    clear_unused(tmp_path, "pets", LITE2)
    assert trunk.exists() is not bool(damage)


def test_on_an_empty_claim_there_is_nothing_to_clear(tmp_path: Path) -> None:
    clear_unused(tmp_path, "pets", LITE0)
    assert list(tmp_path.iterdir()) == []
