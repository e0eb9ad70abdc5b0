"""Whatever comes instead of a picture is refused with its reason, and neither crashes nor slows a worker."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest

from catdog_common.artifact import Resampling
from catdog_common.images import MAX_PIXELS, UnreadableImageError, UnreadableReason, decode_image
from tests.poison import jpeg_of_scans, mutated, originals, poison

POISON = poison()
SIZE = 64
MUTANTS, SEED = 1000, 6

# A mutated header may promise any size up to the limit: it may take as much longer as that is larger.
LONGEST = MAX_PIXELS / (640 * 480)
MEMORY = 8 * MAX_PIXELS  # as images.py says of the largest


@pytest.mark.parametrize("resampling", Resampling)
@pytest.mark.parametrize("name", POISON)
@pytest.mark.filterwarnings("ignore")  # as images.py has it, and pytest has not
def test_each_of_the_set_is_decoded_or_refused_with_its_reason(name: str, resampling: Resampling) -> None:
    data, reason = POISON[name]
    if reason is None:
        square = decode_image(data, SIZE, resampling)
        assert square.shape == (SIZE, SIZE, 3)
        return
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data, SIZE, resampling)
    assert caught.value.reason == reason, str(caught.value)


def test_every_reason_is_in_the_set() -> None:
    assert {each.reason for each in POISON.values()} == {None, *UnreadableReason}


def test_the_mutated_are_always_the_same_and_none_is_as_it_was() -> None:
    pictures = list(mutated(50, SEED))
    assert pictures == list(mutated(50, SEED)) != list(mutated(50, SEED + 1))
    assert not {data for _, data in pictures} & set(originals().values())


def test_a_jpeg_of_as_many_scans_as_encoders_make_is_decoded_however_many_a_small_one_has() -> None:
    for size, scans in (((2_000, 2_000), 16), ((50, 50), 2_000)):
        assert decode_image(jpeg_of_scans(size, scans), SIZE, Resampling.HAMMING).shape == (SIZE, SIZE, 3)


def test_a_jpeg_of_too_many_scans_is_refused_before_any_of_them_is_decoded() -> None:
    data = jpeg_of_scans((8_000, 8_000), 100)
    begin = time.thread_time()
    with pytest.raises(UnreadableImageError, match="scans of 8000 × 8000 pixels are more than 16"):
        decode_image(data, SIZE, Resampling.HAMMING)
    assert time.thread_time() - begin < 1  # each scan of these takes some 80 ms


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """Decode all in another process; it has to end well, and may not say anything besides its figures."""
    command = [sys.executable, "-m", "tests.unit.common.decode_all", str(MUTANTS), str(SEED)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, f"it ended with {ended.returncode}:\n{ended.stderr}"
    assert ended.stderr == ""  # a warning, say
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_a_process_survives_a_thousand_mutated_pictures(figures: dict[str, Any]) -> None:
    outcomes = figures["mutated"]["outcomes"]
    assert sum(outcomes.values()) == MUTANTS
    assert min(outcomes["decoded"], outcomes["Damaged"], outcomes["NotAnImage"]) > MUTANTS / 20
    assert figures["good"]["outcomes"].keys() == {"decoded"}


def test_what_is_damaged_takes_no_longer_than_what_is_whole(figures: dict[str, Any]) -> None:
    good, damaged = figures["good"], figures["mutated"]
    assert damaged["mean"] < 1.5 * good["mean"]
    assert damaged["longest"] < LONGEST * good["mean"]
    assert figures["poison"]["longest"] < LONGEST * good["mean"]


def test_no_more_memory_is_needed_than_for_the_largest_image(figures: dict[str, Any]) -> None:
    assert figures["memory"] - figures["good"]["memory"] < MEMORY
