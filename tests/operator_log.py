"""What the operator's log says of things that are not well: all but what it only has to try again."""

import json
import re
from typing import Any

# A connection that broke, or an API server that was not up or too busy. A refusal (403) is none of these,
# though kopf (1.45) tries such a request again too, in the same words.
_AWAY = (
    r"(Client\w*Error|Server\w*Error|ConnectionTimeoutError|\w*Timeout\w*|ConnectionResetError"
    r"|APIServerError|APITooManyRequestsError)\("
)
_KOPF_TRIES_AGAIN = re.compile(rf"Request attempt #\d+(/\d+)? failed; will retry: \S+ \S+ -> {_AWAY}")
_RENEWED = re.compile(r"Request attempt #\d+(/\d+)? failed; (TCP|SSL) closed; will re-authenticate: ")
# The operator's own words for a model, for all models, and for the kinds that there are.
_OWN = {"the API server did not answer", "resync failed", "the API server did not tell its kinds"}
_OWN_ERROR = re.compile(rf"[A-Z]+ /\S+: {_AWAY}")


def complaints(log: str) -> list[dict[str, Any]]:
    """Return the lines of an operator's log that are warnings or worse, but for what it tried again.

    Raises:
        ValueError: it is no log, or an empty one.
    """
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    if not lines:
        raise ValueError("the log is empty")
    return [line for line in lines if line["severity"] not in ("debug", "info") and not _is_passing(line)]


def _is_passing(line: dict[str, Any]) -> bool:
    message = line["message"]
    if "exc_info" in line:
        return False
    if message in _OWN:
        return _OWN_ERROR.match(line["error"]) is not None
    return any(each.match(message) for each in (_KOPF_TRIES_AGAIN, _RENEWED))
