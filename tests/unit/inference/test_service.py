import asyncio
from collections import Counter
from pathlib import Path
from time import monotonic

import msgspec
import pytest
import structlog.testing
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, MessageSizeTooLargeError, TopicAuthorizationFailedError

from catdog_common.messages import (
    CARRIED_BYTES,
    ERROR_CLASS_HEADER,
    ERROR_MESSAGE_HEADER,
    Answer,
    parse_answer,
)
from catdog_inference import publisher
from catdog_inference.service import IN_FLIGHT_BATCHES, IN_FLIGHT_BYTES
from tests.tiny_version import GREEN_IS_UNKNOWN, picture
from tests.unit.inference.conftest import Serving
from tests.unit.inference.fake_broker import (
    Acknowledged,
    Committed,
    FakeBroker,
    Joined,
    Left,
    Record,
    Refused,
    Taken,
)

ANSWERS, DEAD_LETTERS = "pets-predictions", "pets-dead-letters"


def answers(broker: FakeBroker) -> list[Answer]:
    return [parse_answer(record.value or b"") for record in broker.topic(ANSWERS)]


def headers(record: Record) -> dict[str, bytes]:
    return dict(record.headers)


def acknowledged_before_each_commit(broker: FakeBroker) -> bool:
    """Say whether at each commit every record below the offset had its answer or dead letter."""
    settled: set[tuple[int, int]] = set()
    for entry in broker.journal:
        if isinstance(entry, Acknowledged):
            settled.add(_origin(entry.record))
        elif isinstance(entry, Committed):
            below = {(p, offset) for p, end in entry.offsets.items() for offset in range(end)}
            if not below <= settled:
                return False
    return True


def _origin(record: Record) -> tuple[int, int]:
    if record.topic == ANSWERS:
        source = parse_answer(record.value or b"").source
        return source.partition, source.offset
    named = headers(record)
    return int(named["__connect.errors.partition"]), int(named["__connect.errors.offset"])


async def test_pictures_are_answered_and_then_committed(serving: Serving) -> None:
    broker = FakeBroker()
    for number in range(20):
        broker.put(picture("red" if number % 2 else "blue"), partition=number % 2, key=b"%d" % number)
    async with serving(broker) as worker:
        await broker.all_committed()
    assert {answer.id: answer.label for answer in answers(broker)} == {
        str(number): "cat" if number % 2 else "dog" for number in range(20)
    }
    assert len(answers(broker)) == 20
    assert acknowledged_before_each_commit(broker)
    assert worker.sample("catdog_answers_total", label="cat") == 10


async def test_nothing_is_committed_before_its_acknowledgement(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.acknowledge.clear()
    async with serving(broker):
        await broker.until(lambda: broker.entries(Taken))
        await asyncio.sleep(0.1)
        assert broker.entries(Committed) == []
        broker.acknowledge.set()
        await broker.all_committed()


async def test_a_batch_is_no_larger_than_allowed_and_takes_what_comes_meanwhile(serving: Serving) -> None:
    broker = FakeBroker(partitions=3)
    for number in range(50):
        broker.put(picture("red"), partition=number % 3)
    async with serving(broker, max_batch_size=8) as worker:
        await broker.all_committed()
    assert worker.sample("catdog_batch_size_count") == 7
    assert worker.sample("catdog_batch_size_sum") == 50
    assert worker.sample("catdog_batch_size_bucket", le="8.0") == 7


@pytest.mark.parametrize("unknown", [GREEN_IS_UNKNOWN])
async def test_a_picture_that_shows_no_pet_is_answered_unknown_with_probabilities_of_cat_and_dog(
    serving: Serving,
) -> None:
    broker = FakeBroker()
    for colour in ("red", "lime", "blue", "lime"):
        broker.put(picture(colour), key=colour.encode())
    broker.put(b"no image")
    async with serving(broker) as worker:
        await broker.all_committed()
    assert [answer.label for answer in answers(broker)] == ["cat", "unknown", "dog", "unknown"]
    for answer in answers(broker):
        assert answer.probabilities.keys() == {"cat", "dog"}
        assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert worker.sample("catdog_answers_total", label="unknown") == 2
    assert worker.sample("catdog_answers_total", label="cat") == 1
    assert worker.sample("catdog_confidence_count", label="unknown") == 2


async def test_answers_lie_in_the_order_of_their_records(serving: Serving) -> None:
    broker = FakeBroker()
    for number in range(30):
        broker.put(picture("red"), key=b"same", headers=(("id", b"%d" % number),))
    async with serving(broker):
        await broker.all_committed()
    assert [answer.id for answer in answers(broker)] == [str(number) for number in range(30)]


async def test_each_record_of_a_batch_gets_its_own_verdict_whichever_threads_had_it(serving: Serving) -> None:
    broker, colours = FakeBroker(), "rbxbrrxxbrbbrrxbrrrbb"  # red, blue, and x for what is no image
    for number, colour in enumerate(colours):
        value = {"r": picture("red"), "b": picture("blue"), "x": b"no image"}[colour]
        broker.put(value, headers=(("id", b"%d" % number),))
    async with serving(broker, max_batch_size=32):
        await broker.all_committed()
    said = {int(answer.id): answer.label for answer in answers(broker)}
    bad = {int(headers(letter)["id"]) for letter in broker.topic(DEAD_LETTERS)}
    meant = {"r": "cat", "b": "dog"}
    assert said == {number: meant[colour] for number, colour in enumerate(colours) if colour != "x"}
    assert bad == {number for number, colour in enumerate(colours) if colour == "x"}


async def test_what_is_no_image_goes_to_the_dead_letters_as_it_came(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.put(b"no image", key=b"\x00k", headers=(("id", b"7"), ("trace", b"\xff")))
    broker.put(picture("blue"))
    async with serving(broker) as worker:
        await broker.all_committed()
    assert [answer.label for answer in answers(broker)] == ["cat", "dog"]
    [letter] = broker.topic(DEAD_LETTERS)
    assert (letter.key, letter.value) == (b"\x00k", b"no image")
    assert tuple(letter.headers[:2]) == (("id", b"7"), ("trace", b"\xff"))
    assert headers(letter)[ERROR_CLASS_HEADER] == b"UnreadableImageError.NotAnImage"
    assert acknowledged_before_each_commit(broker)
    assert worker.sample("catdog_dead_letters_total", reason="NotAnImage") == 1


async def test_a_record_without_value_or_too_large_is_a_dead_letter(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(None, key=b"gone")
    broker.put(None)
    broker.put(picture("red") + bytes(2000))
    async with serving(broker, max_image_bytes=2000):
        await broker.all_committed()
    with_key, without, large = broker.topic(DEAD_LETTERS)
    assert (with_key.key, with_key.value) == (b"gone", None)
    assert (without.key, without.value) == (None, b"")  # aiokafka sends no record with neither
    assert headers(without)[ERROR_CLASS_HEADER] == b"UnreadableImageError.NoValue"
    assert b"more than the 2000 of maxImageBytes" in headers(large)[ERROR_MESSAGE_HEADER]


async def test_large_dead_letters_do_not_go_together_into_a_request_that_no_broker_takes(
    serving: Serving,
) -> None:
    broker = FakeBroker()
    size = 10 * 2**20
    values = [b"%d" % number + bytes(size - 1) for number in range(8)]
    for value in values:
        broker.put(value)
    async with serving(broker, max_image_bytes=size, max_batch_size=8):
        await broker.all_committed()
    assert [letter.value for letter in broker.topic(DEAD_LETTERS)] == values
    assert size < broker.most_in_flight_bytes <= publisher.IN_FLIGHT_BYTES


async def test_a_refused_answer_is_tried_again_and_nothing_is_committed_meanwhile(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.put(b"no image")
    broker.refuse_sending[ANSWERS] = TopicAuthorizationFailedError(ANSWERS)
    async with serving(broker) as worker:
        await broker.until(lambda: broker.topic(DEAD_LETTERS))
        await broker.until(lambda: len(broker.entries(Refused)) == 2)
        assert broker.entries(Committed) == []
        told = [
            str(trouble.reason_after(0)) for trouble in worker.health.troubles
        ]  # to those with no patience
        assert any(each.endswith(f"TopicAuthorizationFailedError: {ANSWERS}") for each in told), told
        broker.refuse_sending.clear()
        await broker.all_committed()
    assert len(broker.topic(DEAD_LETTERS)) == 1  # what was taken is not sent again
    assert len(answers(broker)) == 1


async def test_after_a_refused_record_a_new_producer_goes_on(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(3):
        broker.put(picture("red"))
    broker.refuse_records[ANSWERS] = TopicAuthorizationFailedError(ANSWERS)
    async with serving(broker):
        await broker.until(lambda: broker.entries(Refused))
        broker.refuse_records.clear()
        await broker.all_committed()
    assert broker.producers == 2
    assert [answer.source.offset for answer in answers(broker)] == [0, 1, 2]


async def test_a_dead_letter_too_large_for_its_topic_goes_without_its_value(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(b"x" * 500, key=b"k")
    broker.size_limit[DEAD_LETTERS] = (500, MessageSizeTooLargeError())
    async with serving(broker):
        await broker.all_committed()
    [letter] = broker.topic(DEAD_LETTERS)
    assert (letter.key, letter.value) == (b"k", None)
    assert headers(letter)["__connect.errors.offset"] == b"0"


async def test_what_is_too_large_for_its_topic_costs_the_others_nothing(serving: Serving) -> None:
    broker = FakeBroker()
    values = [b"before", b"x" * 500, b"after"]
    for value in values:
        broker.put(value)
    broker.size_limit[DEAD_LETTERS] = (400, MessageSizeTooLargeError())
    async with serving(broker):
        await broker.all_committed()
    letters = {headers(each)["__connect.errors.offset"]: each.value for each in broker.topic(DEAD_LETTERS)}
    assert letters == {b"0": b"before", b"1": None, b"2": b"after"}


async def test_what_is_too_large_does_not_wait_for_what_is_refused_for_another_reason(
    serving: Serving,
) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.put(b"x" * 500)
    broker.refuse_sending[ANSWERS] = TopicAuthorizationFailedError(ANSWERS)
    broker.size_limit[DEAD_LETTERS] = (400, MessageSizeTooLargeError())
    async with serving(broker, max_batch_delay_milliseconds=200):
        await broker.until(lambda: broker.topic(DEAD_LETTERS))
        broker.refuse_sending.clear()
        await broker.all_committed()
    assert [letter.value for letter in broker.topic(DEAD_LETTERS)] == [None]


async def test_many_that_are_too_large_do_not_wait_longer_and_longer(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(8):
        broker.put(b"x" * 500)
    broker.batch_limit[DEAD_LETTERS] = (450, MessageSizeTooLargeError())
    with structlog.testing.capture_logs() as lines:
        async with serving(broker, max_batch_delay_milliseconds=200):
            await broker.all_committed()
    assert [letter.value for letter in broker.topic(DEAD_LETTERS)] == [None] * 8
    assert not any(line["event"].startswith("answers are refused") for line in lines)


async def test_a_batch_too_large_for_its_topic_goes_record_by_record(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(3):
        broker.put(picture("red"))
    broker.batch_limit[ANSWERS] = (1000, MessageSizeTooLargeError())
    async with serving(broker, max_batch_delay_milliseconds=200):
        await broker.all_committed()
    assert [answer.source.offset for answer in answers(broker)] == [0, 1, 2]
    assert broker.producers == 2  # the first was refused all three


@pytest.mark.parametrize("value", [b"no image", None])
async def test_a_dead_letter_whose_headers_are_too_large_for_its_topic_goes_with_ours_alone(
    serving: Serving, value: bytes | None
) -> None:
    broker = FakeBroker()
    broker.put(value, key=b"k" * 500, headers=(("from", b"x" * 10_000), (ERROR_CLASS_HEADER, b"x" * 10_000)))
    broker.size_limit[DEAD_LETTERS] = (1000, MessageSizeTooLargeError())
    async with serving(broker):
        await broker.all_committed()
    [letter] = broker.topic(DEAD_LETTERS)
    assert (letter.key, letter.value) == (b"", None)
    assert headers(letter)["__connect.errors.offset"] == b"0"
    assert headers(letter)[ERROR_CLASS_HEADER].startswith(b"UnreadableImageError.")


@pytest.mark.parametrize("beside", ["key", "id"])
async def test_a_key_or_id_that_no_answer_can_carry_makes_a_dead_letter_with_its_bytes(
    serving: Serving, beside: str
) -> None:
    broker = FakeBroker()
    fits, over = b"x" * CARRIED_BYTES, b"x" * (CARRIED_BYTES + 1)
    for text in (fits, over):
        broker.put(
            picture("red"), key=text if beside == "key" else None, headers=(("id", text),) * (beside == "id")
        )
    async with serving(broker):
        await broker.all_committed()
    assert [answer.source.offset for answer in answers(broker)] == [0]
    [letter] = broker.topic(DEAD_LETTERS)
    assert letter.value == picture("red")
    assert headers(letter)[ERROR_CLASS_HEADER] == b"UnreadableImageError.TooManyBytes"
    assert (
        b"has 65537 bytes, more than the 65536 that an answer carries"
        in headers(letter)[ERROR_MESSAGE_HEADER]
    )


async def test_a_worker_that_is_stopped_answers_and_commits_what_it_took_and_leaves(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(50):
        broker.put(picture("red"))
    broker.acknowledge.clear()
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Taken))
        worker.stop.set()
        await asyncio.sleep(0.05)
        assert not worker.task.done()
        broker.acknowledge.set()
        await worker.task
    assert len(answers(broker)) == IN_FLIGHT_BATCHES * 8
    assert broker.committed == {TopicPartition("pets-images", 0): IN_FLIGHT_BATCHES * 8}
    assert broker.journal[-1] == Left()


async def test_no_more_is_taken_than_may_be_in_flight(serving: Serving) -> None:
    broker = FakeBroker()
    for number in range(100):
        broker.put(picture("red"), partition=number % 2)
    broker.acknowledge.clear()
    async with serving(broker, max_batch_size=4):
        await broker.until(lambda: broker.entries(Taken))
        await asyncio.sleep(0.2)  # in which more could be taken
        assert sum(len(taken.places) for taken in broker.entries(Taken)) == IN_FLIGHT_BATCHES * 4
        broker.acknowledge.set()
        await broker.all_committed()
    assert acknowledged_before_each_commit(broker)
    assert len(answers(broker)) == 100


@pytest.mark.parametrize("where", ["value", "key", "header"])
async def test_large_records_count_by_their_bytes(serving: Serving, where: str) -> None:
    broker = FakeBroker()
    large = bytes(IN_FLIGHT_BYTES)
    for _ in range(4):
        match where:
            case "value":
                broker.put(large)
            case "key":
                broker.put(b"no image", key=large)
            case _:
                broker.put(b"no image", headers=(("from", large),))
    broker.acknowledge.clear()
    async with serving(broker, max_image_bytes=2 * IN_FLIGHT_BYTES, max_batch_size=1):
        await broker.until(lambda: broker.entries(Taken))
        await asyncio.sleep(0.1)  # in which more could be taken
        assert [len(taken.places) for taken in broker.entries(Taken)] == [1]
        broker.acknowledge.set()
        await broker.all_committed()


async def test_what_lies_in_one_batch_is_not_taken_together_where_it_is_too_large(serving: Serving) -> None:
    broker = FakeBroker()
    size = IN_FLIGHT_BYTES // 4
    for number in range(12):
        broker.put(bytes(size), partition=number % 2)
    broker.acknowledge.clear()
    async with serving(broker, max_image_bytes=size):
        await broker.until(lambda: len(broker.entries(Taken)) == 4)
        await asyncio.sleep(0.1)  # in which more could be taken
        assert len(broker.entries(Taken)) == 4
        broker.acknowledge.set()
        await broker.all_committed()


async def test_what_is_answered_while_a_commit_is_under_way_is_committed_after_it(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(IN_FLIGHT_BATCHES * 2):
        broker.put(picture("red"))
    broker.take_commits.clear()
    async with serving(broker, max_batch_size=2):
        await broker.until(lambda: len(answers(broker)) == IN_FLIGHT_BATCHES * 2)
        assert broker.commits_waiting == 1
        await asyncio.sleep(0.5)  # in which the worker looks for room several times
        broker.take_commits.set()
        await broker.all_committed()


async def test_a_rebalance_waits_for_the_batch_in_flight(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.acknowledge.clear()
    async with serving(broker):
        await broker.until(lambda: broker.entries(Taken))
        rebalance = asyncio.create_task(broker.rebalance({1}))
        await asyncio.sleep(0.05)
        assert len(broker.entries(Joined)) == 1
        broker.acknowledge.set()
        await rebalance
    kinds = [type(entry) for entry in broker.journal]
    assert kinds == [Joined, Taken, Acknowledged, Committed, Joined, Left]


async def test_a_rebalance_does_not_wait_for_ever_and_what_is_abandoned_is_read_again(
    serving: Serving,
) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.refuse_sending[ANSWERS] = TopicAuthorizationFailedError(ANSWERS)
    async with serving(broker, revocation_seconds=0.1):
        await broker.until(lambda: broker.entries(Refused))
        await broker.rebalance({1})
        broker.refuse_sending.clear()
        broker.put(picture("blue"), partition=1)
        await broker.until(lambda: broker.topic(ANSWERS))
        assert broker.committed.get(TopicPartition("pets-images", 0)) is None
        await broker.rebalance({0, 1})
        await broker.all_committed()
    assert Counter(answer.label for answer in answers(broker)) == {"dog": 1, "cat": 1}
    assert acknowledged_before_each_commit(broker)


async def test_of_what_is_abandoned_no_batch_that_waits_its_turn_is_answered_later(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(16):  # two batches
        broker.put(picture("red"))
    broker.refuse_sending[ANSWERS] = TopicAuthorizationFailedError(ANSWERS)
    async with serving(broker, revocation_seconds=0.1, max_batch_delay_milliseconds=1000) as worker:
        await broker.until(lambda: broker.entries(Refused))
        while worker.sample("catdog_batch_size_count") < 2:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        await broker.rebalance({1})
        broker.refuse_sending.clear()
        broker.put(picture("blue"), partition=1)
        await broker.until(lambda: broker.committed.get(TopicPartition("pets-images", 1)))
    assert [answer.label for answer in answers(broker)] == ["dog"]


async def test_a_commit_that_comes_too_late_is_no_reason_to_stop(serving: Serving) -> None:
    broker = FakeBroker(refuse_commit=CommitFailedError())
    broker.put(picture("red"))
    async with serving(broker):
        await broker.until(lambda: broker.entries(Refused))
        broker.refuse_commit = None
        broker.put(picture("blue"))
        await asyncio.sleep(0.05)
        assert len(broker.entries(Taken)) == 1  # until it has partitions again it asks for no more
        await broker.rebalance({0})
        await broker.all_committed()
    assert Counter(answer.label for answer in answers(broker)) == {"cat": 2, "dog": 1}
    assert (
        len({headers(record)["ce_id"] for record in broker.topic(ANSWERS)}) == 2
    )  # a repeat is known as one


async def test_where_the_group_does_not_take_it_back_it_comes_anew_and_reads_on_from_what_is_committed(
    serving: Serving,
) -> None:
    broker = FakeBroker(refuse_commit=CommitFailedError())
    broker.put(picture("red"))
    async with serving(broker, join_seconds=0.3):
        await broker.until(lambda: broker.entries(Refused))
        broker.refuse_commit = None
        broker.put(picture("blue"))
        await broker.all_committed()
    kinds = [type(entry) for entry in broker.journal if isinstance(entry, Joined | Taken | Refused)]
    assert kinds[:5] == [Joined, Taken, Refused, Joined, Taken]
    assert Counter(answer.label for answer in answers(broker)) == {"cat": 2, "dog": 1}


async def test_a_kafka_that_is_away_is_tried_again_until_it_is_there(serving: Serving) -> None:
    broker = FakeBroker(unreachable=1)
    broker.put(picture("red"))
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Refused))
        assert not worker.health.joined
        await broker.all_committed()
        assert worker.health.joined
    assert worker.sample("catdog_connection_failures_total") == 1


async def test_a_client_that_met_a_broker_about_to_stop_is_given_up_for_another(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.leaving = 1  # the producer's, which connects first
    async with serving(broker, connect_seconds=0.05) as worker:
        await broker.all_committed()
    assert worker.sample("catdog_connection_failures_total") >= 1  # on a busy machine others take as long


async def test_a_consumer_that_comes_to_nothing_is_given_up_for_another(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    broker.leaving_consumers = 1
    async with serving(broker, join_seconds=0.05) as worker:
        await broker.all_committed()
    assert worker.sample("catdog_connection_failures_total") >= 1


async def test_who_may_join_but_not_read_joins_more_and_more_seldom(serving: Serving) -> None:
    broker = FakeBroker(refuse_fetch=TopicAuthorizationFailedError("pets-images"))
    broker.put(picture("red"))
    begun = monotonic()
    async with serving(broker):
        await broker.until(lambda: len(broker.entries(Joined)) == 4)
        assert monotonic() - begun >= 0.25 + 0.5 + 1  # the pauses, where each is twice that before
        broker.refuse_fetch = None
        await broker.all_committed()


async def test_a_worker_that_may_not_read_is_not_ready_until_it_may(serving: Serving) -> None:
    broker = FakeBroker(refuse_fetch=TopicAuthorizationFailedError("pets-images"))
    async with serving(broker, calm_seconds=0.01) as worker:
        worker.health.model_loaded = True
        await broker.until(lambda: broker.entries(Refused))
        assert worker.health.unready_because
        broker.refuse_fetch = None
        await broker.until(lambda: len(broker.entries(Joined)) == 2)
        async with asyncio.timeout(60):
            # No record need come.
            while worker.health.unready_because:  # noqa: ASYNC110 -- nothing tells of it
                await asyncio.sleep(0.01)


async def test_another_password_is_used_at_once_and_nothing_is_lost(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("old")
    broker = FakeBroker()
    broker.put(picture("red"))
    login = {"kafka_sasl_mechanism": "SCRAM-SHA-512", "kafka_user_dir": str(tmp_path)}
    async with serving(broker, **login):
        await broker.all_committed()
        (tmp_path / "password").write_text("new")
        await broker.until(lambda: len(broker.entries(Joined)) == 2)
        (tmp_path / "password").unlink()  # it is being replaced: no reason to leave the group
        broker.put(picture("blue"))
        await broker.all_committed()
    assert len(broker.entries(Joined)) == 2
    assert [answer.label for answer in answers(broker)] == ["cat", "dog"]


async def test_a_binding_that_breaks_while_kafka_is_away_is_no_end(serving: Serving, tmp_path: Path) -> None:
    broker = FakeBroker(leaving=1)
    broker.put(picture("red"))
    entries = {"bootstrap.servers": "127.0.0.1:1", "security.protocol": "PLAINTEXT"}
    for name, text in entries.items():
        (tmp_path / name).write_text(text)
    async with serving(broker, connect_seconds=0.2, kafka_binding_dir=str(tmp_path)) as worker:
        while broker.leaving:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        (tmp_path / "bootstrap.servers").write_text("nothing of the kind")
        while not (told := worker.health.troubles[0].reason_after(0)):
            assert not worker.task.done()
            await asyncio.sleep(0.01)
        assert "it should be host:port" in told
        (tmp_path / "bootstrap.servers").write_text(entries["bootstrap.servers"])
        await broker.all_committed()


async def test_a_worker_is_stopped_while_kafka_is_away(serving: Serving) -> None:
    broker = FakeBroker(unreachable=1000)
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Refused))
        worker.stop.set()
        async with asyncio.timeout(60):
            await worker.task


async def test_a_worker_without_partitions_has_joined_all_the_same(serving: Serving) -> None:
    broker = FakeBroker(partitions=0)
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Joined))
        await asyncio.sleep(0)
        assert worker.health.joined


async def test_from_the_latest_record_on_means_from_the_first_start_on(serving: Serving) -> None:
    broker = FakeBroker(start_from="latest", partitions=1)
    broker.put(picture("red"))
    async with serving(broker, kafka_start_from="latest"):
        await broker.until(lambda: broker.entries(Committed))
    broker.put(picture("blue"))  # while no worker runs
    async with serving(broker, kafka_start_from="latest"):
        await broker.all_committed()
    assert [answer.label for answer in answers(broker)] == ["dog"]


async def test_what_comes_before_the_latest_record_is_noted_is_not_committed_unanswered(
    serving: Serving,
) -> None:
    broker = FakeBroker(start_from="latest", partitions=1)
    async with serving(broker, kafka_start_from="latest"):
        await broker.until(lambda: broker.entries(Committed))
        broker.acknowledge.clear()
        rebalance = asyncio.create_task(broker.rebalance({1}))  # which is new to the group
        async with broker.changed:  # no journal, no end of the rebalance, for which the worker waits to read
            await asyncio.sleep(0.1)
            broker.put(picture("red"), partition=1)
        await broker.until(lambda: len(broker.entries(Committed)) == 2)
        assert [type(entry) for entry in broker.journal[-2:]] == [Taken, Committed]
        assert broker.entries(Committed)[-1].offsets == {1: 0}
        broker.acknowledge.set()
        await rebalance
        await broker.until(lambda: broker.entries(Committed)[-1].offsets == {1: 1})


async def test_the_answer_names_model_and_source(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red", file_format="PNG"), partition=1)
    async with serving(broker):
        await broker.all_committed()
    [record] = broker.topic(ANSWERS)
    answer = msgspec.json.decode(record.value or b"")
    assert answer["id"] == "pets-images/1/0"
    assert answer["model"] == {"name": "pets", "version": 1}
    assert answer["source"] == {"topic": "pets-images", "partition": 1, "offset": 0}
    assert headers(record)["ce_source"] == b"/kafkas/kafka/my-cluster/catdogmodels/kafka/pets"
