"""Which requests are one's own."""

import pytest
from starlette.datastructures import Headers

from catdog_console.security import is_own


@pytest.mark.parametrize(
    ("method", "headers", "own"),
    [
        ("GET", {}, True),
        ("GET", {"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, False),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, False),
        ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
        ("POST", {"sec-fetch-site": "none"}, True),
        ("POST", {"sec-fetch-site": "cross-site", "origin": "http://localhost", "host": "localhost"}, False),
        ("POST", {"origin": "https://console.example:8443", "host": "console.example:8443"}, True),
        ("POST", {"origin": "http://[", "host": "localhost"}, False),
        ("POST", {"origin": "null", "host": "localhost"}, False),
        ("DELETE", {"origin": "https://other.example", "host": "console.example"}, False),
        ("POST", {"host": "localhost"}, True),
    ],
)
def test_a_request_is_own_if_it_is_from_the_same_origin_or_follows_a_link(
    method: str,
    headers: dict[str, str],
    own: bool,  # noqa: FBT001
) -> None:
    assert is_own(method, Headers(headers)) is own
