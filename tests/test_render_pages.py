"""Markdown and web pages show what was found, and no text of a submission becomes an element of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reference.lab.check import checks_of
from reports.course import page as course_page
from reports.course.entry import Entry, Failure
from reports.verdicts import html, markdown
from tests import browser
from tests.judgements import BATCH_WIDE, HOSTILE, SUMMED, Tags, failing, hostile, judged, rendered, told_of_failing

pytestmark = pytest.mark.outside


def test_markdown_is_tables_and_details() -> None:
    """The Markdown has a table row for each class, and details for each wrong method and for the output."""
    page = rendered(markdown(failing()))
    assert page.count("<details>") == 3  # two methods and the output
    assert page.count("<tr>") == 7
    assert "❌ FAIL" in page


def test_markdown_survives_hostile_text() -> None:
    """Hostile text adds no element to the Markdown."""
    tags = Tags.of(rendered(markdown(hostile())))
    ours = {"h2", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "pre", "ul", "li"}
    assert set(tags.opened) <= ours
    assert tags.unbalanced == []
    assert "&#x1b;" not in markdown(hostile())


@pytest.mark.parametrize("limit", [2**20, 20_000])
def test_markdown_keeps_to_its_limit(limit: int) -> None:
    """The Markdown never exceeds its limit: whole sections are left out, and a line says how many."""
    main = judged(BATCH_WIDE).findings[0]
    long = replace(main, status="failed", expected="ü" * 2000, actual="<é" * 5000, repro="ö\n" * 5000)
    many = tuple(replace(long, check=f"c{n}.m", subject=f"Class.m{n}", mistake=f"m{n}") for n in range(300))
    text = markdown(replace(judged(BATCH_WIDE), findings=many, output="€" * 2**16, notes=("ä" * 1000,) * 20), limit)
    assert len(text.encode("utf-8")) <= limit
    assert "left out" in text
    assert Tags.of(rendered(text)).unbalanced == []


def test_page_needs_nothing_but_itself() -> None:
    """The page is balanced, has each id once, has no script, loads nothing, and has a policy that forbids to."""
    page = told_of_failing("html")
    tags = Tags.of(page)
    assert tags.unbalanced == []
    assert len(tags.ids) == len(set(tags.ids))
    assert not {"script", "img", "image", "link", "iframe", "object"} & set(tags.opened)
    links = [value for name, value in tags.attributes if name in {"href", "src", "xlink:href"}]
    assert links
    assert all(value.startswith("#") and value[1:] in tags.ids for value in links)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert "default-src 'none'" in page


def test_page_has_pictures_with_words() -> None:
    """The page shows wrong entries in a heat map, and errors against logits if some sizes are right and some wrong."""
    labels = [value for name, value in Tags.of(told_of_failing("html")).attributes if name == "aria-label"]
    assert any(re.fullmatch(r"Heat map of dW as it came, \d x \d: (\d+) of \1 entries are wrong\.", x) for x in labels)
    assert any(re.match(r"Of \d+ cases with logits up to 1e\+300 in size, \d+ have a wrong", x) for x in labels)


def test_page_survives_hostile_text() -> None:
    """Text of a submission is text on the page, including its tags."""
    tags = Tags.of(html(hostile()))
    assert tags.unbalanced == []
    assert "script" not in tags.opened
    assert "<script>alert(1)</script>" in tags.text


def test_page_opens_in_a_browser(tmp_path: Path) -> None:
    """Chromium finds the elements that we wrote, and none that comes from the submission."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium")
    page = tmp_path / "page.html"
    page.write_text(html(replace(judged(BATCH_WIDE, SUMMED), output="".join(HOSTILE[:2]))), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=1000"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [chromium, *flags, profile, "--dump-dom", page.as_uri()], capture_output=True, timeout=600, check=True
    )
    dom = done.stdout.decode("utf-8")
    assert dom.count("<svg") == html(judged(BATCH_WIDE, SUMMED)).count("<svg") >= 3
    assert "<title>FAIL: submission</title>" in dom
    assert "<script" not in dom
    assert "&lt;script&gt;alert(1)" in dom


def page_on_a_course() -> str:
    """The page on a course in which names, mistakes and reasons are long."""
    checks = [each.id for each in checks_of("*", 3)][:40]
    words = ("axis-of-the-sum-is-wrong", "not-averaged", "jacobian-diagonal-only")
    failed = tuple(Failure(check, "LinearLayer.grad", words[n % 3]) for n, check in enumerate(checks))
    counts = {"passed": 200, "failed": 40, "skipped": 3, "error": 0}
    name = "Lovelace-Byron_Augusta_Ada_10001_assignsubmission_file_"
    entries = [Entry(f"{name}{n}", "fail", counts, failed[n:]) for n in range(5)]
    entries.append(Entry("a.rar", "not judged", problem=f"{name * 3}.rar cannot be opened"))
    return course_page.page(entries, {each.name: "a.html" for each in entries})


@pytest.mark.skipif(browser.chromium() is None, reason="Chromium is not installed")
@pytest.mark.parametrize("make", [page_on_a_course, lambda: told_of_failing("html")], ids=["course", "submission"])
def test_nothing_is_cut_on_a_screen_of_any_width(make: Callable[[], str], tmp_path: Path) -> None:
    """From a telephone to a desktop nothing sticks out of a page, and what can be scrolled has a sign that it can."""
    path = tmp_path / "page.html"
    path.write_text(make(), encoding="utf-8")
    shown = browser.laid_out(path, (340, 390, 768, 1280), tmp_path)
    assert len(shown) == 4
    for each in shown:
        assert each["page"] <= each["width"], each["width"]
        assert (each["out"], each["cut"], each["unmarked"]) == ([], [], []), each["width"]


def test_every_table_has_a_frame_that_the_keyboard_can_scroll() -> None:
    """On the page of a course and on that of a submission each table stands in a frame with a name and the focus."""
    frame = re.compile(r'<div class="scroll" tabindex="0" role="region" aria-label="[^"]+"><table>')
    for page, tables in ((page_on_a_course(), 3), (told_of_failing("html"), 1)):
        assert page.count("<table") == len(frame.findall(page)) == tables
