"""The SBOMs name what the locks install in images."""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator

from release.images import DEFAULT_BASE
from release.sbom import LOCKS, MACHINES, PYTHON, pick_installed, write_sboms
from tests.cluster.cache import REPOSITORY
from tests.cluster.images import PRODUCT_IMAGES

REQUIREMENTS = REPOSITORY / "requirements"
# For Windows, for Python 3.12, and for the other machine.
OTHERS = {("colorama", "0.4.6"), ("contourpy", "1.4.0"), ("numpy", "2.5.5")}
ELSEWHERE = {  # what locks name and an image does not install
    "amd64": {*OTHERS, ("tensorflow", "2.21.0")},
    "arm64": {*OTHERS, ("tensorflow-cpu", "2.21.0")},
}


@pytest.fixture(scope="module")
def sboms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sbom")
    write_sboms(directory)
    return directory


@pytest.mark.parametrize("architecture", MACHINES)
@pytest.mark.parametrize(("image", "lock"), LOCKS.items())
def test_an_sbom_lists_each_package_that_is_installed_with_its_version_and_hashes(
    sboms: Path, image: str, lock: str, architecture: str
) -> None:
    sbom = json.loads((sboms / f"{image}-{architecture}.cdx.json").read_text())
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, re.MULTILINE)
    installed = {each for each in locked if each not in ELSEWHERE[architecture]}
    assert {(each["name"], each["version"]) for each in sbom["components"]} == installed
    assert len({name for name, _ in installed}) == len(installed)
    for each in sbom["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        references = each["externalReferences"]
        digests = {each["content"] for ref in references for each in ref.get("hashes", [])}
        assert digests, each["name"]
        assert all(f"sha256:{digest}" in text for digest in digests)


def test_what_is_for_another_machine_or_python_is_not_installed() -> None:
    lock = "".join(
        f"{requirement} \\\n    --hash=sha256:{number}\n    # via\n    #   {requirement}\n"
        for number, requirement in enumerate(
            [
                "always==1",
                "arm==1 ; platform_machine == 'aarch64'",
                "intel[fast]==2 ; platform_machine != 'aarch64'",
                "windows==1 ; sys_platform == 'win32' or os_name == 'nt'",
                "old==1 ; python_full_version < '3.12'",
                "new==2 ; python_full_version >= '3.12'",
            ]
        )
    )
    picked = pick_installed(lock, "amd64")
    assert re.findall(r"^(\S+) \\\n    --hash=sha256:(\d)\n", picked, re.MULTILINE) == [
        ("always==1", "0"),
        ("intel[fast]==2", "2"),
        ("old==1", "4"),
    ]
    assert re.findall(r"^\w+==", pick_installed(lock, "arm64"), re.MULTILINE) == [
        "always==",
        "arm==",
        "old==",
    ]


def test_the_python_of_the_sboms_is_that_of_the_images() -> None:
    assert f"python:{PYTHON}-" in DEFAULT_BASE
    for source in PRODUCT_IMAGES:
        assert f"ARG BASE={DEFAULT_BASE}\n" in (REPOSITORY / source.containerfile).read_text()


def test_an_sbom_is_valid_for_cyclonedx(sboms: Path) -> None:
    text = (sboms / "catdog-operator-arm64.cdx.json").read_text()
    validator = make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"type": "library"', '"type": "book"')) is not None


def test_each_image_has_one() -> None:
    assert LOCKS.keys() == {source.name for source in PRODUCT_IMAGES}
    for source in PRODUCT_IMAGES:
        assert f"requirements/{LOCKS[source.name]}.txt" in source.paths
