import re

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.images import PRODUCT_IMAGES, ImageSource


@pytest.mark.parametrize("source", PRODUCT_IMAGES, ids=lambda source: source.name)
def test_a_build_sees_what_its_containerfile_copies_and_nothing_else(source: ImageSource) -> None:
    text = (REPOSITORY / source.containerfile).read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    assert {path for paths in copied for path in paths.split()} == set(source.paths)


@pytest.mark.parametrize("source", PRODUCT_IMAGES, ids=lambda source: source.name)
def test_another_base_makes_another_image(source: ImageSource) -> None:
    assert source.key("one") != source.key("another")
