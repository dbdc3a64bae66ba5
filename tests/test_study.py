"""The report: the document shows what there is, says where its numbers come from, and can be found one's way in."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bp
from reports import cli
from reports.io.exit_codes import FAILED, OK, TOOL
from reports.io.progress import Display
from reports.study import build as build_module
from reports.study import draw, sketches
from reports.study import plan as plans
from reports.study.build import build
from reports.study.cache import Cache
from reports.study.gather import gather
from reports.study.part import Part, PartResult
from reports.study.results import Study, Title
from reports.study.runs import history_of, net_of
from tests import browser
from tests.study import BLANK, SMALL, leave_figures_blank, noise_for_mnist, silent_display
from tests.study_numbers import CONSTANTS, DERIVED, numbers_of, numbers_that_stay, spellings

pytestmark = pytest.mark.outside


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Study, Path]]:
    """A small study with its document, made once for all tests that look at it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        noise_for_mnist(monkeypatch)
        folder = tmp_path_factory.mktemp("study")
        parts = plans.parts(SMALL, None)
        made_study = gather(parts, Cache(folder / "cache"), silent_display(), title=Title("Ada Lovelace", "SML2022"))
        build(made_study, folder / "report")
        yield made_study, folder


def test_every_part_is_made(study: tuple[Study, Path]) -> None:
    """No part fails; runs have their networks and histories, the sweep all combinations."""
    made_study, _ = study
    assert made_study.failed == {}
    numbers = made_study.numbers()
    assert set(numbers["runs"]) == {
        "xor", "xor-long", "spirals-0.2", "spirals-1", "spirals-5", "mnist", "mnist-unstable"
    }  # fmt: skip
    assert len(numbers["instability"]["cells"]) == 24
    run = made_study.results["spirals-1"]
    assert history_of(run.record).epochs == 1000
    X, T, _, _ = bp.load_spirals()
    net = net_of(run)
    assert net.evaluate(X, T).mean() == pytest.approx(run.record["history"]["loss_train"][-1], rel=1e-12)
    snapshot = net_of(run, "100")
    assert snapshot.evaluate(X, T).mean() == pytest.approx(run.record["history"]["loss_train"][100], rel=1e-12)


def test_dead_units_are_those_that_are_off(study: tuple[Study, Path]) -> None:
    """There is a share of dead units for each epoch; with alpha = 5 all die, with alpha = 1 none."""
    made_study, _ = study
    five, one = (made_study.results[name].record for name in ("spirals-5", "spirals-1"))
    assert len(five["dead_share"]) == len(five["history"]["loss_train"])
    assert five["dead_share"][five["all_dead_epoch"]] == 1
    assert five["dead_share"][five["all_dead_epoch"] - 1] < 1
    assert (one["dead_share"][-1], one["all_dead_epoch"]) == (0, None)


def test_the_examiner_fails_what_is_wrong_and_nothing_else(study: tuple[Study, Path]) -> None:
    """Of the sample of known mistakes each is caught by our examiner, and no checker fails a right class."""
    made_study, _ = study
    known = made_study.numbers()["known-mistakes"]
    for counts in (hand["all"] for hand in known["hands"].values()):
        assert counts["ours"] == counts["mistakes"] > 0
    assert {known["right"][name] for name in known["checkers"]} == {0}


def test_every_figure_is_drawn(study: tuple[Study, Path]) -> None:
    """Each figure has a file in the folder and, under the same name, a place in results.json."""
    _, folder = study
    names = {path.stem for path in (folder / "report" / "figures").glob("*.svg")}
    assert names == set(json.loads((folder / "report" / "results.json").read_text())["figures"])
    assert names == {
        "xor", "xor-regions", "spirals", "regions", "dead", "samples", "mnist", "amplitude", "confusion", "mistakes",
        "instability", "digits", "steps",
    }  # fmt: skip


def test_a_figure_needs_no_other_parts_than_those_that_are_named(study: tuple[Study, Path]) -> None:
    """Each figure can be drawn from the parts that it is said to need, and not if one of them is missing."""
    made_study, _ = study
    for name in sketches.NEEDS:
        shown = {part: made_study.results[part] for part in sketches.needed(name, list(made_study.results))}
        assert list(draw.figures_of(Study(shown), [name])) == [name]
        for part in shown if len(shown) < 6 else ():
            without = {other: result for other, result in shown.items() if other != part}
            assert not draw.figures_of(Study(without, {part: "failed"}), [name])


def test_the_command_makes_the_same_bytes_again(
    study: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a full cache `bp report` writes the same bytes again, even if the disk was full the first time."""
    _, folder = study
    shutil.copytree(folder / "cache", tmp_path / "r" / ".cache")
    small_command(monkeypatch, tmp_path, lambda part: replace(part, make=_never))
    argv = ["report", "--quick", "--out", "r", "--name", "Ada Lovelace", "--course", "SML2022"]
    with _longest_file(100_000), monkeypatch.context() as first:
        first.setattr(build_module, "NEEDS", {})  # figures would only take time
        assert cli.main(argv) == TOOL
    assert "results.json" in capsys.readouterr().err
    assert not [name for name in contents(tmp_path / "r") if not name.startswith(".cache/")]
    assert cli.main(argv) == OK
    assert [Path(line) for line in capsys.readouterr().out.split()] == [Path("r/report.html"), Path("r/report.pdf")]
    before, after = (contents(each) for each in (folder / "report", tmp_path / "r"))
    assert {"report.html", "report.pdf", "results.json", "figures/xor.svg"} <= set(before)
    assert set(before) == {name for name in after if not name.startswith(".cache")}
    assert [name for name in before if before[name] != after[name]] == []


@contextmanager
def _longest_file(most: int) -> Iterator[None]:
    """Let no file that is written in the block have more bytes; a write beyond fails, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def small_command(monkeypatch: pytest.MonkeyPatch, folder: Path, changed: Callable[[Part], Part]) -> None:
    """Let `bp report --quick` in that folder make a small study whose parts are changed by ``changed``."""
    monkeypatch.chdir(folder)
    noise_for_mnist(monkeypatch)
    from reports.commands import report as command  # noqa: PLC0415 - test_cli removes it from the loaded modules

    monkeypatch.setattr(command, "mnist_folder", lambda given, console: folder)
    monkeypatch.setattr(command, "QUICK", SMALL)
    monkeypatch.setattr(command, "parts", lambda *given: [changed(part) for part in plans.parts(*given)])


def contents(folder: Path) -> dict[str, bytes]:
    """The content of each file below the folder, by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _never(display: Display) -> PartResult:
    raise AssertionError("expected this to come from the cache")


def test_every_number_of_the_text_is_a_result(study: tuple[Study, Path]) -> None:
    """Every number in the document is in results.json, rounded or in per cent, or a constant listed here."""
    _, folder = study
    known = CONSTANTS | DERIVED | set(spellings(json.loads((folder / "report" / "results.json").read_text())))
    text = (folder / "report" / "report.html").read_text()
    assert [number for number in numbers_of(text) if number not in known] == []
    # Nearly all numbers that were typed by hand would be noticed.
    typed = [f"{value:.2f}" for value in np.random.RandomState(0).uniform(20, 90, 50)]
    assert sum(number not in known for number in numbers_of(f"<p>{' % and '.join(typed)}</p>")) > 45


def test_no_number_is_typed_by_hand(study: tuple[Study, Path], tmp_path: Path) -> None:
    """If all numbers of results.json change, so do those of the text, but for settings and the constants above."""
    _, folder = study
    shutil.copytree(folder / "report", tmp_path / "report")
    typed = numbers_that_stay(tmp_path / "report")
    assert typed == []
    source = tmp_path / "report" / "assignment3.typ"
    source.write_text(source.read_text().replace("of the test images are", "of the test images, 93.4 %, are"))
    assert numbers_that_stay(tmp_path / "report") == ["93.4"]


def test_a_gap_is_marked(study: tuple[Study, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a part has failed, the document says so and why, and its figures are left out; the rest is there."""
    leave_figures_blank(monkeypatch)
    made_study, _ = study
    without = {name: part for name, part in made_study.results.items() if name not in {"mnist", "spirals-5"}}
    build(
        replace(made_study, results=without, failed={"mnist": "MemoryError: 5 GB", "spirals-5": "bad luck"}), tmp_path
    )
    text = (tmp_path / "report.html").read_text()
    assert text.count("MemoryError: 5 GB") >= 2
    assert "bad luck" in text
    assert "XOR cannot be separated" in text
    names = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert {"xor", "instability", "digits"} <= names
    assert not {"mnist", "confusion", "spirals", "regions"} & names


def test_everything_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if all parts fail there is a document, which says so."""
    noise_for_mnist(monkeypatch)
    failed = {part.name: "nothing works" for part in plans.parts(SMALL, None)}
    documents = build(Study({}, failed), tmp_path)
    assert all(path.stat().st_size > 1000 for path in documents)
    assert "nothing works" in (tmp_path / "report.html").read_text()


def test_title_page_and_formulas(study: tuple[Study, Path]) -> None:
    """The name and the course are on the page, formulas are MathML, and every figure has a description."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    assert "Ada Lovelace · SML2022" in page
    assert "<math" in page
    assert page.count("<img") == page.count("alt=") > 10
    linked = re.findall(r'<a href="([^"#]+)"[^>]*>\s*<img', page)
    assert len(linked) == page.count("<img")
    assert all((folder / "report" / file).is_file() for file in linked)
    assert "prefers" in page or "color-scheme: light dark" in page
    pdf = (folder / "report" / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"pdfuaid:part" in pdf  # PDF/UA: Typst has found a text for every figure and formula


def test_the_command_tells_which_part_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command names each failed part with its reason, writes the document, and ends with 1."""

    def broken(display: Display) -> PartResult:
        raise MemoryError("5 GB")

    small_command(monkeypatch, tmp_path, lambda part: part if part.name == "xor" else replace(part, make=broken))
    assert cli.main(["report", "--quick", "--out", "r"]) == FAILED
    said = capsys.readouterr()
    assert "bp report: mnist failed and is missing in the report: MemoryError: 5 GB" in said.err
    assert "bp report: xor failed" not in said.err
    assert {Path(line) for line in said.out.split()} == {Path("r/report.html"), Path("r/report.pdf")}
    assert (tmp_path / "r" / "report.pdf").exists()


#: The measurement behind each cause that the small report names; `reports/study/causes.typ` has all of them.
_CAUSES = {
    "xor-lost": "runs/xor/crossings",
    "overfit": "runs/spirals-1/summary/lowest_loss_test_epoch",
    "slow": "spirals-seeds/by_rate/0.2/first_length",
    "long-steps": "runs/spirals-5/steps/promised",
    "dead": "runs/spirals-5/revived",
    "luck": "spirals-seeds/by_rate/5/all_dead",
    "weights-first": "runs/mnist/net/gradient/first",
    "weights-last": "runs/mnist/net/gradient/last",
    "logits": "runs/mnist-unstable/net/largest_logit",
    "overflow": "instability/cells",
    "rounded-away": "saturation/summary",
    "subnormal": "saturation/thresholds",
    "kept-apart": "saturation/summary",
    "steps": "steps/functions",
    "blind": "known-mistakes/hands",
}

_SOMETIMES = {
    "growth": "instability/cells",
    "overfit-mnist": "runs/mnist/summary/lowest_loss_test_epoch",
    "xor-short": "runs/xor-long/summary/epoch_of_all_train",
}


def test_every_cause_has_its_measurement(study: tuple[Study, Path]) -> None:
    """Every sentence about a cause leads to a list, which names its numbers in results.json, and these are there."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    numbers = json.loads((folder / "report" / "results.json").read_text())
    lists = dict(re.findall(r'<p id="because-([^"]+)">(.*?)</p>', page, flags=re.DOTALL))
    named = set(re.findall(r'data-because="([^"]+)"', page))
    assert named == set(lists)
    # Whether weights diverge, a few epochs on noise overfit, and XOR is learnt at last, depends on the last digits.
    assert set(_CAUSES) <= named <= {*_CAUSES, *_SOMETIMES}
    for name, line in lists.items():
        paths = re.findall(r"<code>(.*?)</code>", line)
        assert (_CAUSES | _SOMETIMES)[name] in paths
        assert all(_at(numbers, path.split("/")) not in (None, [], {}) for path in paths)


def _at(numbers: Any, keys: list[str]) -> Any:
    return _at(numbers[keys[0]], keys[1:]) if keys else numbers


def test_the_page_can_be_found_ones_way_in(study: tuple[Study, Path]) -> None:
    """The style is in the head, there are a navigation and one main part, and every heading can be linked to."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    head, body = page.split("</head>")
    assert "prefers" in head or "color-scheme: light dark" in head
    assert "<style" not in body
    assert 'name="viewport"' in head
    assert body.count("<main") == body.count("<nav") == body.count("<h1") == 1
    ids = set(re.findall(r'id="([^"]+)"', body))
    assert [target for target in re.findall(r'href="#([^"]+)"', body) if target not in ids] == []


def test_headings_are_in_order_and_the_way_to_the_text_comes_first(study: tuple[Study, Path]) -> None:
    """No heading is a level deeper than the one before allows, and the first link leads to the main part."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    outside = re.sub(r"<nav.*?</nav>", "", page, flags=re.DOTALL)
    levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", outside)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    first_link = re.search(r'<a[^>]*href="([^"]*)"', page.split("<body")[1])
    assert first_link is not None
    assert first_link.group(1) == "#main"
    assert page.index("<header") < page.index("<nav") < page.index('<main id="main"')


def test_what_is_wide_can_be_scrolled_or_shrinks(study: tuple[Study, Path]) -> None:
    """Every table and every formula on a line of its own is in a box that scrolls; no other width is fixed."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    style, body = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL).group(1), page.split("</head>")[1]
    assert re.search(r"\.scroll\s*{[^}]*overflow-x:\s*auto", style)
    assert re.search(r"figure img\s*{[^}]*max-width:\s*100%", style)
    wide = re.findall(r'(?:<div[^>]* class="scroll"[^>]*>)?\s*(?:<table|<math[^>]*display="block")', body)
    assert len(wide) > 10
    assert [each for each in wide if not each.startswith("<div")] == []
    widths = re.findall(r"(?<![-\w])(?:min-)?width:\s*([\d.]+)(px|pt|cm|mm|in)", page)
    assert [width for width, unit in widths if unit != "px" or float(width) > 320] == []


@pytest.mark.skipif(browser.chromium() is None, reason="Chromium is not installed")
def test_nothing_is_cut_on_a_screen_of_any_width(study: tuple[Study, Path], tmp_path: Path) -> None:
    """From a telephone to a desktop nothing sticks out of the page, and what is wider has a sign that it goes on."""
    _, folder = study
    shown = browser.laid_out(folder / "report" / "report.html", (340, 390, 768, 1280), tmp_path)
    assert len(shown) == 4
    for each in shown:
        assert each["page"] <= each["width"], each["width"]
        assert (each["out"], each["cut"], each["unmarked"]) == ([], [], []), each["width"]


def test_figures_and_tables_are_referred_to(study: tuple[Study, Path]) -> None:
    """The text refers to every figure and table; each row of a table has a header, and a wide table can be scrolled."""
    _, folder = study
    page = (folder / "report" / "report.html").read_text()
    shown = set(re.findall(r'<figure id="([^"]+)"', page))
    assert shown == {f"fig-{path.stem}" for path in (folder / "report" / "figures").glob("*.svg")} | {
        f"tab-{name}" for name in (
            "settings", "final", "cost", "seeds", "steps", "first", "last", "errors", "mistakes", "answers",
            "speed", "memory",
        )
    }  # fmt: skip
    assert shown <= set(re.findall(r'<a href="#([^"]+)"', page))
    assert page.count("<figure") == len(shown)
    for table in re.findall(r"<table.*?</table>", page, flags=re.DOTALL):
        _, *rows = table.split("<tr>")
        assert all(row.count('<th scope="row">') == 1 for row in rows[1:])
    assert page.count("<table") == page.count('class="scroll" tabindex="0"')


def test_without_pytorch_there_is_no_column_for_it(study: tuple[Study, Path], tmp_path: Path) -> None:
    """Where PyTorch is missing, its column is left out, which the document says once."""
    made_study, _ = study
    with_torch = made_study.results["verification"]
    messages = {name: each | {"share_torch": None} for name, each in with_torch.record["messages"].items()}
    against = ["ball arithmetic", "finite differences"]
    without = replace(with_torch, record=with_torch.record | {"messages": messages, "against": against})
    drawn = dict.fromkeys(sketches.NEEDS, BLANK)
    build(replace(made_study, results={**made_study.results, "verification": without}, drawn=drawn), tmp_path)
    page = (tmp_path / "report.html").read_text()
    table = page[page.index('id="tab-errors"') :].split("</figure>")[0]
    assert "PyTorch" not in table
    assert page.count("PyTorch is not installed") == 1
