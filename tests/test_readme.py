"""The README's first screen is true."""

import re

import numpy as np
import pytest

import sklip
from tests.processes import ROOT, run_script

BLOCK = re.compile(r"```python\n(.*?)```\s*```text\n(.*?)```", re.DOTALL)


def blocks():
    """The first Python block and the output that is said to follow."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return BLOCK.search(text).groups()


def figures(output):
    """Labels, radii, accuracy and Lipschitz bound that the block prints."""
    labels, radii, rest = re.fullmatch(r"\[([\d ]+)\] \[([\d. ]+)\]\n(.*)", output.strip()).groups()
    return [np.array([float(number) for number in part.split()]) for part in (labels, radii, rest)]


@pytest.fixture(scope="module")
def printed():
    """What the two examples print, run one after the other in a fresh process."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return run_script("\nprint('---')\n".join(code for code, _ in BLOCK.findall(text))).split("---\n")


@pytest.mark.slow
def test_the_first_example_prints_what_the_readme_says(printed):
    _, promised = blocks()
    labels, radii, (accuracy, bound) = figures(printed[0])
    said_labels, said_radii, (said_accuracy, _) = figures(promised)
    assert labels.tolist() == said_labels.tolist()
    # Float32 training differs in the last bits between processors, and they add up.
    np.testing.assert_allclose(radii, said_radii, atol=0.05)
    assert accuracy == pytest.approx(said_accuracy, abs=0.01)
    assert 1.0 <= bound <= 1 + 1e-9


@pytest.mark.slow
def test_the_example_of_a_question_prints_what_the_readme_says(printed):
    _, (_, promised) = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    radii, said = (
        np.array([float(number) for number in re.match(r"\[(.*?)\]", output)[1].split()])
        for output in (printed[1], promised)
    )
    np.testing.assert_allclose(radii, said, rtol=0.2)  # float32 training differs between processors
    assert "AuditResult: all 569 certificates held against" in printed[1]
    figures = r"accuracy ([\d.]+)\n.*median ([\d.]+),"
    found, claimed = (list(map(float, re.search(figures, output).groups())) for output in (printed[1], promised))
    np.testing.assert_allclose(found, claimed, atol=0.03)


def test_the_first_example_is_six_lines_and_claims_no_more_than_it_prints():
    code, promised = blocks()
    assert len([line for line in code.splitlines() if line]) == 6
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    claimed = re.search(r"The first row may move by (\d+\.\d+)", text)[1]
    assert float(claimed) < figures(promised)[1][0]


def test_the_radius_and_the_audit_answer_the_same_question():
    _, (code, promised) = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    calls = re.findall(r"\.(certified_radius|audit)\((.*)\)", code)
    assert [name for name, _ in calls] == ["certified_radius", "audit"]
    assert not any("norm=" in arguments or "tolerances=" in arguments for _, arguments in calls)  # as trained
    assert 'norm="inf", tolerances=' in code and "norm inf)" in promised


def test_its_numbers_are_rounded_but_for_the_proven_bound():
    first, second = (promised for _, promised in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    long = re.findall(r"\d+\.\d{5,}", first + second)
    assert len(long) == 1 and float(long[0]) > 1.0


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_page_names_the_limits(page):
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split()).lower()
    assert "rows of numbers or small images of one size" in text
    assert "when_not_to_use_it.md" in text


def test_its_claim_stands_beside_what_certifies_more():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    claim = text.index("than any published Lipschitz network")
    ours, prototypes = map(
        float, re.search(r"\(([\d.]+) %; nearest prototypes reach ([\d.]+) %", text[claim:]).groups()
    )
    table = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    fits = [row.split("|")[6] for row in table.splitlines() if row.startswith("| wide margin:")]
    assert ours == pytest.approx(float(fits[0].strip(" *✗")), abs=0.05) and f"**{prototypes}**" in table


def test_its_links_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_it_fits_two_screens_and_shows_a_picture():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 110
    assert re.search(r"!\[.+\]\(docs/displays_\w+\.png\)", text)


@pytest.mark.parametrize(("file", "entry"), [("CITATION.cff", r"^version: (\S+)$"), ("CHANGELOG.md", r"^## ([\d.]+)")])
def test_the_citation_and_the_first_entry_of_the_changelog_are_of_this_version(file, entry):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(entry, text, re.MULTILINE)[1] == sklip.__version__
