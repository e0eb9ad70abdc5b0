"""The pages for people, and which test follows which of their commands."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.cluster.cache import REPOSITORY
from tests.howto import RUN_BY, SHOWN, read_blocks


class Section(NamedTuple):
    """A heading of a page, named as in the repository."""

    page: str
    heading: str


# Sections whose commands no test runs, and why.
NOT_RUN = {
    Section(
        "README.md", "Take it down"
    ): "the tests' own cluster and cache would go; `make test` ends by the first",
    Section("README.md", "Install it on a cluster that you have"): "pushes to a registry that is yours",
    Section("docs/how-to/install.md", "The images"): "pushes to a registry that is yours",
    Section(
        "docs/how-to/install.md", "What is in the images, and who made them"
    ): "there is no release yet whose signatures could be verified",
    Section("docs/how-to/openshift.md", "Install"): "OLM is not at hand, as the page says",
    Section("docs/how-to/openshift.md", "Upgrade and remove"): "OLM is not at hand, as the page says",
    Section("docs/tutorial.md", "A cluster"): "the tests' cluster is up by then, by what `make up` calls",
}


def pages() -> list[Path]:
    """Return the pages for users, which have commands to follow."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def all_pages() -> list[Path]:
    """Return every page, those for contributors too."""
    return [*pages(), REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "CHANGELOG.md"]


def sections_with_commands(root: Path = REPOSITORY, files: list[Path] | None = None) -> set[Section]:
    """Return the sections that have commands or manifests.

    Raises:
        ValueError: a block does not say of what language it is, or is of one that nobody knows.
    """
    found = set()
    for page in pages() if files is None else files:
        name = str(page.relative_to(root))
        for block in read_blocks(page.read_text()):
            if block.language in RUN_BY:
                found.add(Section(name, block.section))
            elif block.language not in SHOWN:
                known = ", ".join([*RUN_BY, *sorted(SHOWN)])
                raise ValueError(
                    f"{name}, {block.section}: a block of {block.language!r}; name one of {known}"
                )
    return found


def followed_sections(sections: set[Section], tests: Path = REPOSITORY / "tests") -> set[Section]:
    """Return the sections that a test or a fixture follows: its module calls `run_section`, and names both.

    A page is named by the file's name, or by a pattern of paths such as docs/runbooks/*.md.
    """
    files = (*tests.rglob("test_*.py"), *tests.rglob("conftest.py"))
    modules = [words for file in files if (words := _words_of(file)) is not None]
    return {
        each
        for each in sections
        if any(each.heading in words and _is_named(each.page, words) for words in modules)
    }


def _is_named(page: str, words: set[str]) -> bool:
    return Path(page).name in words or any(fnmatch(page, word) for word in words if "/*" in word)


def _words_of(file: Path) -> set[str] | None:
    """Return the strings in a module that follows pages; None for any other."""
    text = file.read_text()
    if "run_section" not in text:
        return None
    constants = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return {node.value for node in constants if isinstance(node.value, str)}


def links(page: Path) -> Iterator[str]:
    """Yield where the links of a page lead to."""
    for token in _inline(page):
        if token.type in ("link_open", "image"):
            yield str(token.attrGet("href") or token.attrGet("src"))


def inline_code(page: Path) -> Iterator[str]:
    """Yield what stands between backticks in a page's text and tables."""
    yield from (token.content for token in _inline(page) if token.type == "code_inline")


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    tokens, seen, found = _parse(page), Counter[str](), set[str]()
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            plain = "".join(each.content for each in tokens[number + 1].children or ())
            slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def broken_links(page: Path) -> list[str]:
    """Return the links of a page to files or headings that are not there."""
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def _parse(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def _inline(page: Path) -> Iterator[Token]:
    for token in _parse(page):
        yield from token.children or ()
