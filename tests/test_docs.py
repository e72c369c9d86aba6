"""Every page of the documentation can be reached from its index, and every link leads somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOP = [ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
# In a code block or between backquotes nothing is a link.
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """The targets in this repository, as they stand there."""
    found = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_to(page: Path, target: str) -> Path:
    path = target.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def problem(page: Path, target: str) -> str | None:
    file, anchor = leads_to(page, target), target.partition("#")[2]
    if not file.exists():
        return "no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return f"no heading {anchor}"
    return None


def test_no_link_is_dead() -> None:
    judged = {(page.name, target): problem(page, target) for page in (*TOP, *PAGES) for target in links(page)}
    assert len(judged) > 150
    assert {link: text for link, text in judged.items() if text} == {}


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, waiting = set[Path](), [ROOT / "docs" / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += [leads_to(page, target) for target in links(page)]
    assert [page.name for page in PAGES if page not in reached] == []


def test_every_picture_is_shown_somewhere() -> None:
    body = {leads_to(page, target) for page in (*TOP, *PAGES) for target in links(page)}
    assert sorted(set((ROOT / "docs" / "images").iterdir()) - body) == []
