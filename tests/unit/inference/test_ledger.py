from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from catdog_inference.ledger import Ledger, Place

FIRST, SECOND = TopicPartition("images", 0), TopicPartition("images", 1)


def ledger_with(count: int, size: int = 10) -> Ledger:
    ledger = Ledger()
    for offset in range(5, 5 + count):
        ledger.take(Place(FIRST, offset), size)
    return ledger


def test_a_partition_is_committed_up_to_its_first_record_that_is_not_done_with() -> None:
    ledger = ledger_with(3)
    ledger.finish([Place(FIRST, 6)])
    assert ledger.due() == {}
    ledger.finish([Place(FIRST, 5)])
    assert ledger.due() == {FIRST: 7}
    ledger.finish([Place(FIRST, 7)])
    assert ledger.due() == {FIRST: 8}


def test_what_is_in_flight_is_counted() -> None:
    ledger = ledger_with(3, size=100)
    assert (ledger.records, ledger.bytes) == (3, 300)
    ledger.finish([Place(FIRST, 5)])
    assert (ledger.records, ledger.bytes) == (3, 200)  # it would be answered again
    ledger.commit(ledger.due())
    assert (ledger.records, ledger.bytes) == (2, 200)
    ledger.forget()
    assert (ledger.records, ledger.bytes, ledger.due()) == (0, 0, {})


def test_it_is_idle_when_all_is_committed() -> None:
    ledger = ledger_with(1)
    ledger.take(Place(SECOND, 0), 1)
    ledger.finish([Place(FIRST, 5), Place(SECOND, 0)])
    assert not ledger.idle
    due = ledger.due()
    ledger.commit({FIRST: 6})
    assert not ledger.idle
    ledger.commit(due)
    assert ledger.idle


def test_a_commit_that_is_overtaken_leaves_the_later_one_due() -> None:
    ledger = ledger_with(2)
    ledger.finish([Place(FIRST, 5)])
    former = ledger.due()
    ledger.finish([Place(FIRST, 6)])
    ledger.commit(former)
    assert ledger.due() == {FIRST: 7}


@given(st.permutations(range(5, 15)))
def test_in_whatever_order_records_are_done_with_nothing_is_committed_before(order: list[int]) -> None:
    ledger, done = ledger_with(10), set[int]()
    for offset in order:
        ledger.finish([Place(FIRST, offset)])
        done.add(offset)
        assert set(range(5, ledger.due().get(FIRST, 5))) <= done
    assert ledger.due() == {FIRST: 15}
