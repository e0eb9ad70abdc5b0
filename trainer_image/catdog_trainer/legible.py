"""Makes text of any kind, such as a file's name, fit to be shown."""

from collections.abc import Callable


def legible(text: str, can_show: Callable[[str], bool] = str.isprintable) -> str:
    r"""Return `text` with what can't be shown as Python escapes it: \n, or where a font lacks it \u732b."""
    return "".join(
        character
        if character.isprintable() and can_show(character)
        else character.encode("unicode_escape").decode()
        for character in text
    )


def shortened(text: str, length: int) -> str:
    """Return `text` with its middle left out where it has more than `length` characters."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"
