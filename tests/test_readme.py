"""The README's first screen is true."""

import re

import numpy as np
import pytest

import sklip
from tests.processes import ROOT, run_script


def blocks():
    """The first Python block and the output that is said to follow."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", text, re.DOTALL).groups()


def figures(output):
    """Labels, radii, accuracy and Lipschitz bound that the block prints."""
    labels, radii, rest = re.fullmatch(r"\[([\d ]+)\] \[([\d. ]+)\]\n(.*)", output.strip()).groups()
    return [np.array([float(number) for number in part.split()]) for part in (labels, radii, rest)]


@pytest.mark.slow
def test_the_first_example_prints_what_the_readme_says():
    code, promised = blocks()
    labels, radii, (accuracy, bound) = figures(run_script(code))
    said_labels, said_radii, (said_accuracy, _) = figures(promised)
    assert labels.tolist() == said_labels.tolist()
    # Float32 training differs in the last bits between processors, and they add up.
    np.testing.assert_allclose(radii, said_radii, atol=0.05)
    assert accuracy == pytest.approx(said_accuracy, abs=0.01)
    assert 1.0 <= bound <= 1 + 1e-9


@pytest.mark.slow
def test_the_pipeline_example_prints_what_the_readme_says():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (first, _), (second, promised) = re.findall(r"```python\n(.*?)```\s*```text\n(.*?)```", text, re.DOTALL)
    printed = run_script(first + "\nprint('---')\n" + second).split("---\n")[1]
    radii, said = (
        np.array([float(number) for number in re.match(r"\[(.*?)\]", output)[1].split()])
        for output in (printed, promised)
    )
    np.testing.assert_allclose(radii, said, rtol=0.2)  # float32 training differs between processors
    assert "AuditResult: all 569 certificates held against" in printed
    figures = r"accuracy ([\d.]+)\n.*mean ([\d.]+),"
    found, claimed = (list(map(float, re.search(figures, output).groups())) for output in (printed, promised))
    np.testing.assert_allclose(found, claimed, atol=0.03)


def test_the_first_example_is_six_lines_and_claims_no_more_than_it_prints():
    code, promised = blocks()
    assert len([line for line in code.splitlines() if line]) == 6
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    claimed = re.search(r"The first row may move by ([\d.]+),", text)[1]
    assert float(claimed) < figures(promised)[1][0]


def test_its_links_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_it_fits_two_screens_and_shows_a_picture():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 110
    assert re.search(r"!\[.+\]\(docs/displays_\w+\.png\)", text)


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == sklip.__version__


@pytest.mark.slow
def test_the_page_on_tuning_runs_from_top_to_bottom():
    text = (ROOT / "docs" / "probabilities_and_tuning.md").read_text(encoding="utf-8")
    printed = run_script("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)))
    assert "cross_entropy_per_class" in printed and "lipschitzmlp__margin_offset" in printed
