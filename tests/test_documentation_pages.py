"""The pages of the site: their code runs and prints what they say, and the reference names all that is public."""

import functools
import importlib
import inspect
import json
import pkgutil
import re

import numpy as np
import pytest

import sklip
from sklip.estimators._lipschitz_classifier import LipschitzClassifier
from tests.processes import ROOT

DOCS = ROOT / "docs"
PAGES = [
    *(DOCS / f"{name}.md" for name in ("getting_started", "migrating_from_deel_lip", "models_that_travel")),
    *sorted(path for path in (DOCS / "guide").glob("*.md") if path.stem != "index"),
]
NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e-?\d+)?")


def assert_prints(printed, promised):
    """The same words, and numbers as near as float32 training on another processor leaves them."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", promised).split()
    found, said = (np.array([float(number) for number in NUMBER.findall(text)]) for text in (printed, promised))
    np.testing.assert_allclose(found, said, rtol=0.2, atol=0.1)


def fit_briefly(monkeypatch):
    """Let classifiers train small networks for two epochs in NumPy: enough for pages that promise no number."""
    fit, small = LipschitzClassifier.fit, {"epochs": 2, "hidden_layer_sizes": (16, 8), "backend": "numpy"}
    brief = functools.wraps(fit)(lambda self, *rows, **weights: fit(self.set_params(**small), *rows, **weights))
    monkeypatch.setattr(LipschitzClassifier, "fit", brief)


def run_briefly(name, monkeypatch):
    """Run a page from top to bottom; return its text."""
    fit_briefly(monkeypatch)
    text = (DOCS / name).read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {"__name__": "__page__"})
    return text


@pytest.mark.slow
def test_the_page_on_tuning_runs_and_prints_terms_by_class_and_parameters(monkeypatch, capsys):
    run_briefly("probabilities_and_tuning.md", monkeypatch)
    printed = capsys.readouterr().out
    assert "cross_entropy_per_class" in printed and "lipschitzmlp__margin_offset" in printed


@pytest.mark.slow
def test_the_page_on_displays_runs_and_draws_its_pictures(tmp_path, monkeypatch, pyplot):
    monkeypatch.chdir(tmp_path)
    text = run_briefly("displays.md", monkeypatch)
    pictures = set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text))
    assert len(pictures) == 5
    assert {picture.name for picture in tmp_path.glob("*.png")} == pictures
    assert all(5_000 < (DOCS / picture).stat().st_size < 80_000 for picture in pictures)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch, capsys, pyplot):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of processes that a page starts
    text, names = page.read_text(encoding="utf-8"), {"__name__": "__page__"}
    if "```text" not in text:
        fit_briefly(monkeypatch)
    for code, promised in re.findall(r"```python\n(.*?)```(?:\s*```text\n(.*?)```)?", text, re.DOTALL):
        capsys.readouterr()
        exec(compile(code, page.name, "exec"), names)
        if promised:
            assert_prints(capsys.readouterr().out, promised)


def test_the_first_page_begins_as_the_readme_whose_code_is_tested():
    first = re.compile(r"```python\n.*?```\s*```text\n.*?```", re.DOTALL)
    page, readme = (path.read_text(encoding="utf-8") for path in (DOCS / "index.md", ROOT / "README.md"))
    assert first.search(page)[0] == first.search(readme)[0]


def test_the_page_on_certificates_has_the_figures_of_the_questions():
    figures = json.loads((ROOT / "benchmarks" / "results" / "question.json").read_text(encoding="utf-8"))["figures"]
    means = {name: round(mean["median"], 2) for name, mean in figures["LipschitzMLP"]["means"].items()}
    page = (DOCS / "guide" / "reading_a_certificate.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| (0\.\d\d) \|", page, re.MULTILINE))
    assert {question: float(value) for question, value in rows.items()} == {
        "the classifier's own space": means["classifier's space"],
        "standard deviations, categories held fixed": means["standard deviations, categories fixed"],
        "tolerances of a user, categories held fixed": means["tolerances, categories fixed"],
        "raw units": means["raw units"],
    }
    of_fixed = rows["standard deviations, categories held fixed"]
    assert f"held fixed, it is {of_fixed} or less" in (ROOT / "README.md").read_text()


def test_the_page_on_what_can_change_has_the_figures_of_the_columns():
    sets = json.loads((ROOT / "benchmarks" / "results" / "column_selection.json").read_text(encoding="utf-8"))
    page = (DOCS / "guide" / "what_can_change.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| (breast cancer|30 columns).*\| `(\w+).*?\(([\w ]+)\) \| ([\d. |]+) \|$", page, re.MULTILINE)
    assert len(said) == 8
    for data, model, chosen, figures in said:
        means = sets["figures"]["sets"]["breast cancer" if data == "breast cancer" else "6 of 30"]["means"]
        mean = means[f"{model}, default" if chosen == "default margin" else f"{model}, by {chosen}"]
        assert figures == f"{mean['columns']:.1f} | {mean['accuracy']:.3f} | {mean['certified']:.3f}"
    best = sets["figures"]["sets"]["6 of 30"]["means"]["HKRClassifier, by certified accuracy"]
    assert f"uses {best['columns']:.1f} columns, of which {best['found']:.1f} inform" in page.replace("\n  ", " ")


def public_modules():
    """Modules of sklip that say what of them is public."""
    names = [module.name for module in pkgutil.walk_packages(sklip.__path__, "sklip.")]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    modules = [sklip, *map(importlib.import_module, public)]
    return [module for module in modules if hasattr(module, "__all__")]


def referenced():
    """What the pages of the reference list, by name."""
    names = []
    for page in sorted((DOCS / "api").glob("*.rst")):
        names += re.findall(r"^   (sklip\.[\w.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return names


def value_of(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_the_reference_names_everything_that_is_public_once():
    listed = referenced()
    assert len(listed) == len(set(listed)) > 90
    shown = [value_of(name) for name in listed]
    missing = [
        f"{module.__name__}.{name}"
        for module in public_modules()
        for name in module.__all__
        if name != "__version__" and not any(value is getattr(module, name) for value in shown)
    ]
    assert missing == []  # a name that is missing belongs in a page of docs/api


@pytest.mark.parametrize("name", referenced())
def test_everything_in_the_reference_shows_an_example(name):
    value = value_of(name)
    if callable(value):
        assert "Examples\n--------\n>>> " in inspect.getdoc(value)


def test_every_page_is_in_a_table_of_contents():
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in [*DOCS.glob("*.md"), *DOCS.glob("guide/*.md")]
    }
    reached = {"index"}
    for page in sorted(pages):
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        for block in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
            entries = [
                re.sub(r".*<(.*)>", r"\1", line) for line in block.splitlines() if line and not line.startswith(":")
            ]
            folder = (DOCS / page).parent
            reached |= {(folder / entry).resolve().relative_to(DOCS.resolve()).as_posix() for entry in entries}
    assert pages - reached == set()


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), *DOCS.glob("guide/*.md")]), ids=lambda page: page.stem)
def test_links_to_files_lead_somewhere_on_a_code_host_too(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
