"""The SBOMs name what the locks install."""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator

from release.sbom import LOCKS, write_sboms
from tests.cluster.images import PRODUCT_IMAGES

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


@pytest.fixture(scope="module")
def sboms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sbom")
    write_sboms(directory)
    return directory


@pytest.mark.parametrize(("image", "lock"), LOCKS.items())
def test_an_sbom_lists_each_locked_package_with_its_version_and_hashes(
    sboms: Path, image: str, lock: str
) -> None:
    sbom = json.loads((sboms / f"{image}.cdx.json").read_text())
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE))
    assert {(each["name"], each["version"]) for each in sbom["components"]} == locked
    for each in sbom["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        references = each["externalReferences"]
        digests = {each["content"] for ref in references for each in ref.get("hashes", [])}
        assert digests, each["name"]
        assert all(f"sha256:{digest}" in text for digest in digests)


def test_an_sbom_is_valid_for_cyclonedx(sboms: Path) -> None:
    text = (sboms / "catdog-operator.cdx.json").read_text()
    validator = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"type": "library"', '"type": "book"')) is not None


def test_each_image_has_one() -> None:
    assert LOCKS.keys() == {source.name for source in PRODUCT_IMAGES}
    for source in PRODUCT_IMAGES:
        assert f"requirements/{LOCKS[source.name]}.txt" in source.paths
