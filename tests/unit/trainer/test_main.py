"""The trainer as a process, without TensorFlow: what needs none must not load it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from catdog_common.training import EXIT_DATA
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.data.addresses import OFFSETS_FILE
from catdog_trainer.trunk import trunk_path
from tests.unit.trainer.builders import put
from tests.unit.trainer.test_directory import EXPECTED
from tests.unit.trainer.test_inventory import put_version

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    for claim in ("data", "models"):
        (tmp_path / claim).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}/trainer_image:{ROOT}/common",
        "CATDOG_MODEL_NAME": "pets",
        "CATDOG_TRAINING_HASH": "aaaaaaaaaa",
        "CATDOG_STORAGE_DIR": str(tmp_path / "models"),
        "CATDOG_DATASET": "directory",
        "CATDOG_DATASET_DIR": str(tmp_path / "data" / "pets"),
        "CATDOG_DATASET_ROOT": str(tmp_path / "data"),
        "CATDOG_ARCHITECTURE": "efficientnet-lite0",
        "CATDOG_EPOCHS": "20",
        "CATDOG_BATCH_SIZE": "32",
        "CATDOG_LEARNING_RATE": "0.001",
        "CATDOG_SEED": "42",
        "CATDOG_TERMINATION_LOG": str(tmp_path / "termination-log"),
    }


def run(environment: dict[str, str], *within: str) -> subprocess.CompletedProcess[str]:
    command = [*within, sys.executable, "-m", "catdog_trainer"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_version_that_is_there_is_the_answer_and_nothing_is_trained(
    environment: dict[str, str], tmp_path: Path
) -> None:
    put_version(tmp_path / "models", 3, "aaaaaaaaaa")
    assert run(environment).returncode == 0
    message = json.loads((tmp_path / "termination-log").read_text())
    assert (message["version"], message["alreadyPresent"]) == (3, True)
    assert sorted(path.name for path in (tmp_path / "models" / "pets").iterdir()) == ["versions"]


def test_what_a_trainer_left_that_was_killed_as_its_version_was_published_goes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    put_version(tmp_path / "models", 3, "aaaaaaaaaa")
    work = tmp_path / "models" / "pets" / "work"
    put(work / "aaaaaaaaaa" / "offsets.json", b"[]")
    put(work / "aaaaaaaaaa" / "version-former-pod" / "trunk.tflite", b"half of it")
    assert run(environment).returncode == 0
    assert list(work.iterdir()) == []


def test_it_may_have_open_as_many_files_as_its_container_allows(environment: dict[str, str]) -> None:
    """Features are mapped from files that stay open."""
    script = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (99, 999))
import catdog_trainer.__main__
catdog_trainer.__main__.main()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert ran.stdout.splitlines()[-1] == "999 999"


def test_data_at_fault_are_named_in_the_termination_message_and_by_the_exit_code(
    environment: dict[str, str], tmp_path: Path
) -> None:
    assert run(environment).returncode == EXIT_DATA
    assert json.loads((tmp_path / "termination-log").read_text()) == {
        "reason": "DataNotFound",
        "message": f"the claim's folder pets/ does not exist: it should hold {EXPECTED}",
    }


@pytest.mark.parametrize("is_reached", [True, False])
def test_which_records_are_trained_on_is_fixed_anew_for_what_was_mended_in_them_alone(
    environment: dict[str, str], tmp_path: Path, *, is_reached: bool
) -> None:
    """A broker that is away for a moment would else have a network begin with others, after hours."""
    fixed = put(tmp_path / "models" / "pets" / "work" / "aaaaaaaaaa" / OFFSETS_FILE, b"[]")
    if not is_reached:
        environment |= {
            "CATDOG_DATASET": "kafka",
            "CATDOG_KAFKA_TOPIC": "photos",
            "CATDOG_KAFKA_MAX_IMAGES": "100",
            "CATDOG_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        }
    assert run(environment).returncode == EXIT_DATA
    reason = json.loads((tmp_path / "termination-log").read_text())["reason"]
    assert reason == ("DataNotFound" if is_reached else "EndpointUnreachable")
    assert fixed.exists() != is_reached


def test_a_claim_full_of_files_that_are_no_images_is_told_before_anything_is_made(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for label in ("cat", "dog"):
        for number in range(20):
            put(tmp_path / "data" / "pets" / label / f"{number:02}.jpg", f"{label} {number}".encode())
    assert run(environment).returncode == EXIT_DATA
    assert json.loads((tmp_path / "termination-log").read_text())["reason"] == "NoReadablePhotos"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_crash_leaves_its_traceback_in_the_log_and_no_message(
    environment: dict[str, str], tmp_path: Path
) -> None:
    del environment["CATDOG_SEED"]
    crashed = run(environment)
    assert crashed.returncode == 1
    assert "Traceback" in crashed.stderr
    assert "the environment has no CATDOG_SEED" in crashed.stderr
    assert not (tmp_path / "termination-log").exists()


def test_a_full_claim_is_told_before_any_photo_is_read(environment: dict[str, str], tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=1m tmpfs {environment["CATDOG_STORAGE_DIR"]} && exec "$@"'
    own_mounts = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    ran = run(environment, *own_mounts)
    assert ran.returncode == EXIT_DATA, ran.stderr
    message = json.loads((tmp_path / "termination-log").read_text())
    assert message["reason"] == "ClaimFull"
    assert "of 1 MiB, 1 MiB are free, and a new version may take 64 MiB" in message["message"]
    assert '"Loading"' not in ran.stdout


def test_a_claim_that_takes_no_more_files_is_not_told_to_lack_mebibytes(
    environment: dict[str, str], tmp_path: Path
) -> None:
    claim = environment["CATDOG_STORAGE_DIR"]
    mount = f'mount -t tmpfs -o size=200m,nr_inodes=1 tmpfs {claim} && exec "$@"'
    ran = run(environment, "unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    assert ran.returncode == EXIT_DATA, ran.stderr
    message = json.loads((tmp_path / "termination-log").read_text())
    assert message["reason"] == "ClaimFull"
    assert "of 200 MiB, 200 MiB are free, but it takes no more files, or a quota is" in message["message"]


def test_a_full_claim_gives_up_what_an_edit_ended(environment: dict[str, str], tmp_path: Path) -> None:
    claim, listing = environment["CATDOG_STORAGE_DIR"], tmp_path / "listing"
    work = f"{claim}/pets/work"
    before = f"mount -t tmpfs -o size=1m tmpfs {claim} && mkdir -p {work}/aaaaaaaaaa {work}/bbbbbbbbbb"
    steps = f'{before} && {{ "$@"; code=$?; ls {work} > {listing}; exit $code; }}'
    ran = run(environment, "unshare", "--map-root-user", "--mount", "sh", "-c", steps, "sh")
    assert ran.returncode == EXIT_DATA, ran.stderr
    assert listing.read_text() == "aaaaaaaaaa\n"


def test_a_trunk_that_nobody_needs_makes_room_before_a_claim_is_called_full(
    environment: dict[str, str], tmp_path: Path
) -> None:
    claim, listing = Path(environment["CATDOG_STORAGE_DIR"]), tmp_path / "listing"
    unused, present = (
        trunk_path(claim, "pets", ARCHITECTURES[name])
        for name in ("efficientnet-lite2", "efficientnet-lite0")
    )
    before = f"mount -t tmpfs -o size=90m tmpfs {claim} && mkdir -p {unused.parent} {present.parent}"
    fill = f"head -c 40M /dev/zero > {unused} && head -c 10K /dev/zero > {present}"
    steps = (
        f'{before} && {fill} && {{ "$@"; code=$?; find {claim} -name "*.tflite" > {listing}; exit $code; }}'
    )
    ran = run(environment, "unshare", "--map-root-user", "--mount", "sh", "-c", steps, "sh")
    assert ran.returncode == EXIT_DATA, ran.stderr
    assert json.loads((tmp_path / "termination-log").read_text())["reason"] == "DataNotFound"
    assert listing.read_text() == f"{present}\n"


def test_every_line_of_the_log_is_json_and_progress_stands_under_its_key(environment: dict[str, str]) -> None:
    lines = [json.loads(line) for line in run(environment).stdout.splitlines()]
    assert [line["progress"]["stage"] for line in lines if "progress" in line] == ["Starting", "Loading"]


def test_sigterm_ends_it_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "nobody reads this")  # opening it waits for ever
    environment["CATDOG_TERMINATION_LOG"] = str(tmp_path / "nobody reads this")
    command = [sys.executable, "-m", "catdog_trainer"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "data at fault" in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM


def test_versions_are_removed_as_told_and_reported_as_they_then_are(
    environment: dict[str, str], tmp_path: Path
) -> None:
    for version, training_hash in ((1, "bbbbbbbbbb"), (2, "aaaaaaaaaa"), (3, "cccccccccc")):
        put_version(tmp_path / "models", version, training_hash)
    ran = run(environment | {"CATDOG_PRUNE_VERSIONS": "1,2"})
    assert ran.returncode == 0
    message = json.loads((tmp_path / "termination-log").read_text())
    assert (message["version"], [each["version"] for each in message["versions"]]) == (2, [3, 2])
    assert '"version": 2, "event": "version kept that was to be removed"' in ran.stdout
