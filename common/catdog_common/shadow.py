"""What a shadow tells the operator, by lines of its log: how its answers compare with the champion's."""

import msgspec


class ShadowReport(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What came of comparing; one JSON object on a log line, under the key `shadow`.

    Records, their agreements and their confidences are counted of the present champion alone; a record whose
    answers name another is of the past. Confidence is the highest probability of an answer, here as a sum.
    """

    version: int  # the shadow's
    since: str  # RFC 3339, in UTC: when the counting began
    champion_version: int | None = None  # None until the first record was answered by both
    records: int = 0  # answered by both
    agreed: int = 0  # of these, with the same label
    confidence: float = 0.0
    champion_confidence: float = 0.0
    unmatched: int = 0  # answered by one of them only
    skipped: int = 0  # never taken, as the shadow was too far behind
    unreadable: int = 0  # taken, and no picture to the shadow
