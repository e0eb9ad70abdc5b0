import pytest
from structlog.testing import capture_logs

from catdog_common.complaints import ONLY_BAD_IMAGES, OVER
from catdog_inference.bad_run import CALL_AGAIN_SECONDS, CALL_SECONDS, TOO_MANY_IN_A_ROW, BadRun
from catdog_inference.health import Health
from catdog_inference.waiting import RETELL_SECONDS
from tests.tiny_version import picture
from tests.unit.inference.conftest import Serving
from tests.unit.inference.fake_broker import FakeBroker
from tests.unit.inference.test_health import Clock

HUNDRED = (
    "100 records in a row of topic pets-images can't be decoded (Damaged 50, NotAnImage 50), "
    "and lie in topic pets-dead-letters"
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(clock: Clock) -> BadRun:
    return BadRun("pets-images", "pets-dead-letters", clock)


def reject(run: BadRun, count: int) -> None:
    for number in range(count):
        run.rejected("Damaged" if number % 2 else "NotAnImage")


def test_some_bad_images_and_a_good_one_in_between_are_nothing_to_tell(run: BadRun) -> None:
    with capture_logs() as logs:
        for _ in range(5):
            reject(run, TOO_MANY_IN_A_ROW - 1)
            run.answered()
    assert logs == []
    assert run.call is None


def test_too_many_in_a_row_are_told_with_their_reasons_until_one_is_answered(run: BadRun) -> None:
    with capture_logs() as logs:
        reject(run, TOO_MANY_IN_A_ROW)
        run.answered()
        run.answered()
    assert [(each["event"], each.get("error", each.get("trouble"))) for each in logs] == [
        (ONLY_BAD_IMAGES, HUNDRED),
        (OVER, ONLY_BAD_IMAGES),
    ]


def test_only_twice_as_many_are_news_and_what_is_known_is_told_once_a_minute(
    run: BadRun, clock: Clock
) -> None:
    with capture_logs() as logs:
        reject(run, 2 * TOO_MANY_IN_A_ROW - 1)
        assert len(logs) == 1
        clock.now += RETELL_SECONDS
        reject(run, 1)
        clock.now += RETELL_SECONDS
        reject(run, 1)
        reject(run, 99)
    assert [each["error"].partition(" ")[0] for each in logs] == ["100", "200", "200"]


def test_a_worker_calls_for_a_moment_and_again_after_some_time(run: BadRun, clock: Clock) -> None:
    health = Health(clock)
    health.model_loaded = health.joined = health.settled = True
    health.call = lambda: run.call
    reject(run, TOO_MANY_IN_A_ROW)
    assert health.unready_because == f"{ONLY_BAD_IMAGES}: {HUNDRED}"
    assert health.alive
    clock.now += CALL_SECONDS
    assert health.unready_because is None
    clock.now += CALL_AGAIN_SECONDS - CALL_SECONDS
    assert health.unready_because == f"{ONLY_BAD_IMAGES}: {HUNDRED}"
    run.answered()
    assert health.unready_because is None


async def test_a_worker_goes_on_through_nothing_but_bad_images_and_says_so(serving: Serving) -> None:
    broker = FakeBroker()
    for number in range(150):
        broker.put(b"no image", partition=number % 2)
    async with serving(broker) as worker:
        worker.health.model_loaded = True
        await broker.all_committed()
        assert worker.health.unready_because is not None
        assert "100 records in a row of topic pets-images can't be decoded (NotAnImage 100)" in (
            worker.health.unready_because
        )
        broker.put(picture("red"))
        await broker.all_committed()
        assert worker.health.unready_because is None
    assert len(broker.topic("pets-dead-letters")) == worker.sample(
        "catdog_dead_letters_total", reason="NotAnImage"
    )
    assert len(broker.topic("pets-predictions")) == 1
