"""Wherever in the life of a resource the operator is killed, the end is the same.

A step is each write of the operator's, as an undisturbed life had them. Which and how many they are is
nowhere written down: each is tried for a kill, before it reaches the API server and after.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.e2e.faults.kills import End, Kill, Undisturbed, live_with, path_of
from tests.e2e.faults.proxy import Moment

SAMPLE = 2
EARLY = 0.8  # of a life's writes, in which the kills of a sample are drawn: the next life may have fewer
TRAIN_EVERY = 8
SEED = os.environ.get("CATDOG_KILL_SEED") or str(random.SystemRandom().randrange(10_000))


def test_the_proxy_sees_each_write_that_the_api_server_saw(undisturbed: Undisturbed) -> None:
    audited = [(path_of(entry), entry.code) for entry in undisturbed.audited]
    assert audited == [(write.path, write.code) for write in undisturbed.writes]


def test_the_end_is_the_same_wherever_the_operator_is_killed(
    bare_cluster: Instance, undisturbed: Undisturbed, tmp_path: Path, figures: list[str]
) -> None:
    early = [kill for kill in all_kills(undisturbed) if kill.n <= EARLY * len(undisturbed.writes)]
    kills = random.Random(SEED).sample(early, SAMPLE)  # noqa: S311 - nothing is secret
    figures.append(f"kills: CATDOG_KILL_SEED={SEED}: {', '.join(map(str, kills))}")
    figures.append(f"kills: a life has {len(undisturbed.writes)} writes")
    ends = asyncio.run(live_with(bare_cluster, undisturbed, kills, tmp_path))
    if earlier := earlier_kills(ends):
        figures.append(f"kills: lives that were over before are struck at {', '.join(map(str, earlier))}")
        ends += asyncio.run(live_with(bare_cluster, undisturbed, earlier, tmp_path))
    check(ends)


@pytest.mark.soak
def test_the_end_is_the_same_at_every_write(
    bare_cluster: Instance, undisturbed: Undisturbed, tmp_path: Path, figures: list[str]
) -> None:
    kills = all_kills(undisturbed)
    ends = asyncio.run(live_with(bare_cluster, undisturbed, kills, tmp_path, train_every=TRAIN_EVERY))
    figures.append(f"kills: {sum(end.struck for end in ends)} of {len(ends)} struck, all with the same end")
    check(ends)


def all_kills(undisturbed: Undisturbed) -> list[Kill]:
    numbers = range(1, len(undisturbed.writes) + 1)
    return [Kill(n, moment) for n in numbers for moment in (Moment.BEFORE, Moment.AFTER)]


def earlier_kills(ends: list[End]) -> list[Kill]:
    """Return kills for lives that had no such write: the slower the training, the more statuses it writes.

    The undisturbed life trained, and the others found its versions.
    """
    spared = [end for end in ends if not end.struck]
    known = {end.kill for end in ends}
    return sorted({Kill(int(EARLY * len(end.writes)), end.kill.moment) for end in spared} - known, key=str)


def check(ends: list[End]) -> None:
    """Fail where an end was not as it should be, or a kill did not strike though the life had that write."""
    wrong = [end for end in ends if end.complaint]
    assert not wrong, "\n\n".join(map(str, wrong))
    # How many writes a life has depends on when things happen; only one that was too short has no n-th.
    spared = [end for end in ends if not end.struck]
    assert all(len(end.writes) < end.kill.n for end in spared), "\n\n".join(map(str, spared))
    assert len(spared) < len(ends)
