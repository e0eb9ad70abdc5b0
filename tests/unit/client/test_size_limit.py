from catdog_client.size_limit import SizeLimit, find_limit


def test_an_image_of_the_limit_is_not_too_large() -> None:
    assert SizeLimit(1024, "topic pets-images").excess(1024) is None


def test_one_byte_over_is_refused_with_both_numbers_and_who_says_so() -> None:
    excess = SizeLimit(1024, "topic pets-images").excess(1025)
    assert excess == "has 1025 bytes, more than the 1024 that topic pets-images allows; make it smaller"


async def test_what_the_person_says_needs_no_question() -> None:
    limit = await find_limit({"bootstrap_servers": "nowhere.invalid:9092"}, "pets-images", told=5)
    assert limit == SizeLimit(5, "--max-image-bytes")
