import subprocess
import sys
from pathlib import Path
from threading import Event

from tests.benchmarks.anonymous import anonymous_megabytes, watched

HOLDS_AND_LETS_GO = """
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
mapped[::mmap.PAGESIZE]
held = b"1" * 50_000_000
print(flush=True)
input()
del held
print(flush=True)
input()
"""


def test_the_most_is_seen_though_it_is_given_back_and_what_a_file_backs_is_not_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(bytes(100_000_000))
    argv = [sys.executable, "-c", HOLDS_AND_LETS_GO, str(tmp_path / "file")]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert process.stdin
    assert process.stdout
    with process, watched(process.pid) as seen:
        process.stdout.readline()
        looks = iter(range(3000))
        while seen.peak_megabytes < 50 and next(looks, None) is not None:
            Event().wait(0.01)
        process.stdin.write(b"\n")
        process.stdout.readline()
        assert anonymous_megabytes(process.pid) < 50
        process.stdin.write(b"\n")
    assert 50 <= seen.peak_megabytes < 100


def test_of_a_process_that_has_ended_nothing_is_left() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert anonymous_megabytes(process.pid) == 0
