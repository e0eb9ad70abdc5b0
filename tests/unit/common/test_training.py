import json

import msgspec
import pytest

from catdog_common.training import TERMINATION_MESSAGE_BYTES, Comparison, TrainingResult, VersionSummary

OLD_SUMMARY = (
    '{"version":3,"hash":"0123456789","accuracy":0.97,"photos":940,"trainedAt":"2026-01-02T03:04:05Z"}'
)
OLD_RESULT = (
    '{"version":3,"hash":"0123456789","alreadyPresent":false,"accuracy":0.97,"photos":940,'
    '"trainingPhotos":4000,"unreadablePhotos":0,"datasetDigest":"sha256:00","digest":"sha256:11",'
    f'"trainedAt":"2026-01-02T03:04:05Z","versions":[{OLD_SUMMARY}]}}'
)


class OldSummary(msgspec.Struct, rename="camel"):
    """A reader from before versions were compared."""

    version: int
    trained_at: str


class OldResult(msgspec.Struct, rename="camel"):
    """As above."""

    version: int
    versions: tuple[OldSummary, ...]


def longest_result() -> TrainingResult:
    """Return twenty versions with the longest numbers that there could be."""
    comparison = Comparison(99998, 1234567, 1234566, 1234565)
    summaries = tuple(
        VersionSummary(99999 - number, "0123456789", 0.987654, 1234567, "2026-01-02T03:04:05Z", comparison)
        for number in range(20)
    )
    return TrainingResult(
        version=99999,
        hash="0123456789",
        already_present=False,
        accuracy=0.987654,
        photos=1234567,
        training_photos=1234567,
        unreadable_photos=1234567,
        dataset_digest=f"sha256:{'0' * 64}",
        digest=f"sha256:{'1' * 64}",
        trained_at="2026-01-02T03:04:05Z",
        versions=summaries,
        comparison=comparison,
    )


def test_the_longest_result_fits_into_a_termination_message() -> None:
    assert len(msgspec.json.encode(longest_result())) <= TERMINATION_MESSAGE_BYTES


def test_a_comparison_is_told_as_four_counts() -> None:
    message = json.loads(msgspec.json.encode(longest_result()))
    assert message["comparison"] == [99998, 1234567, 1234566, 1234565]
    assert message["versions"][19]["comparison"] == [99998, 1234567, 1234566, 1234565]


def test_a_message_without_comparisons_is_read_as_before() -> None:
    result = msgspec.json.decode(OLD_RESULT, type=TrainingResult)
    assert (result.comparison, result.versions[0].comparison) == (None, None)
    assert msgspec.json.encode(result).decode() == OLD_RESULT


def test_a_reader_that_knows_no_comparisons_reads_a_message_with_them() -> None:
    result = msgspec.json.decode(msgspec.json.encode(longest_result()), type=OldResult)
    assert (result.version, len(result.versions)) == (99999, 20)


@pytest.mark.parametrize("comparison", ["[1,2,3]", '{"champion":1}', '[1,2,3,"4"]'])
def test_a_comparison_that_is_none_is_refused(comparison: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{OLD_RESULT[:-1]},"comparison":{comparison}}}', type=TrainingResult)
