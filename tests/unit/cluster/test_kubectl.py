from itertools import islice
from pathlib import Path

import pytest

from tests.cluster.cache import Cache
from tests.cluster.commands import CommandError
from tests.cluster.state import Instance, Record
from tests.e2e.models import watched

# Says what stands in the next of the files 1, 2 and so on, and fails if that is an error; at last it waits.
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
for word in 1 2 3; do
  if [ -e $word ]; then
    text="$(cat $word)"
    rm $word
    case "$text" in *rror*) echo "$text" >&2; exit 1;; *) echo "$text"; exit 0;; esac
  fi
done
exec sleep 60
"""


def instance_whose_kubectl_says(directory: Path, *texts: str) -> Instance:
    instance = Instance("fake", Cache(directory))
    instance.write_record(Record(0))
    instance.kubectl_path.parent.mkdir()
    instance.kubectl_path.write_text(KUBECTL)
    instance.kubectl_path.chmod(0o755)
    for number, text in enumerate(texts, start=1):
        (instance.kubectl_path.parent / str(number)).write_text(text)
    return instance


def test_kubectl_is_run_again_while_nobody_answers_it(tmp_path: Path) -> None:
    said = "Error from server: etcdserver: leader changed"
    assert instance_whose_kubectl_says(tmp_path, said, "pod/a").kubectl("get", "pods") == "pod/a\n"


def test_what_kubectl_is_refused_is_told_at_once(tmp_path: Path) -> None:
    instance = instance_whose_kubectl_says(tmp_path, "Error from server (NotFound): no such pod", "pod/a")
    with pytest.raises(CommandError, match="NotFound"):
        instance.kubectl("get", "pods")
    assert instance.kubectl("get", "pods") == "pod/a\n"


def test_a_watch_that_ends_is_begun_anew(tmp_path: Path) -> None:
    with watched(instance_whose_kubectl_says(tmp_path, "one", "two"), "pods", timeout=240) as lines:
        assert [*islice(lines, 2)] == ["one\n", "two\n"]


def test_a_watch_ends_when_its_time_is_over(tmp_path: Path) -> None:
    with watched(instance_whose_kubectl_says(tmp_path), "pods", timeout=0.1) as lines:
        assert [*lines] == []
