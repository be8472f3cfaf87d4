"""Write docs/benchmarks.md: the prose of page.md with the figures of results/*.json.

``${NAME.text}`` in the prose stands for a text that the function ``NAME`` of ``page_quality``, ``page_questions`` or
``page_speed`` makes of ``results/NAME.json``. A section without its JSON is left out. The standard library is all that
is needed.
"""

import json
import re
from pathlib import Path
from string import Template

import page_quality
import page_questions
import page_speed
from page_text import rows

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
QUALITY = (
    "two_moons", "mnist_0_8", "ten_classes", "long_run_mnist", "images", "lipschitz_mlp", "audit", "attacked_images",
    "fuzz", "tightness", "question", "trained_question", "column_selection", "raw_units", "certified_radius",
    "transport", "grid_search",
)  # fmt: skip
QUESTIONS = (
    "tightness_by_norm", "accuracy_by_norm", "published_tables", "attacked_questions", "fixed_columns", "monotone",
    "conformal",
)  # fmt: skip
SPEED = (
    "fit_against_deel_lip", "step", "convolution", "growth", "fresh_process", "backends", "out_of_core", "search",
    "serving", "serving_memory",
)  # fmt: skip
MAKERS = {
    **{name: getattr(page_quality, name) for name in QUALITY},
    **{name: getattr(page_questions, name) for name in QUESTIONS},
    **{name: getattr(page_speed, name) for name in SPEED},
    "import": page_speed.import_,
    "retraction_tensorflow": page_speed.retraction,
    "retraction_jax": page_speed.retraction,
    "gpu_tensorflow": page_speed.gpu,
    "gpu_jax": page_speed.gpu,
}


class Prose(Template):
    """Text with placeholders such as ``${search.rows}``."""

    braceidpattern = r"[a-z0-9_]+\.[a-z0-9_]+"


def read_results(folder=HERE / "results"):
    """The JSON of every benchmark, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def provenance(results):
    """Rows of a table: date, commit, machine and versions of each file of figures."""
    lines = []
    for name, result in results.items():
        machine, versions = result["machine"], dict(result["versions"])
        of = ", ".join(f"{package} {number}" for package, number in versions.items() if package != "sklip")
        device = result["figures"].get("device")
        where = f"{machine['processor']}, {machine['cores']} cores" + (f", {device}" if device else "")
        lines.append([f"`{name}.json`", result["date"], result["commit"], where, of])
    return rows(lines)


def make_page(results, prose):
    """The page: the prose with its placeholders filled.

    Parameters
    ----------
    results : dict of str to dict
        The JSON of each benchmark, by name.
    prose : str
        Sections begin with ``## ``; one that asks for a benchmark without results is left out.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        For a placeholder whose benchmark has results, but no such text.
    """
    texts = {"all.provenance": provenance(results)}
    for name in MAKERS.keys() & results.keys():
        texts |= {f"{name}.{key}": value for key, value in MAKERS[name](results[name]["figures"]).items()}
    sections = re.split(r"(?m)^(?=## )", prose)
    available = {"all", *results}
    return "".join(section.substitute(texts) for section in map(Prose, sections) if benchmarks_of(section) <= available)


def benchmarks_of(section):
    """Names of the benchmarks that the placeholders of a text ask for."""
    return {identifier.partition(".")[0] for identifier in section.get_identifiers()}


def main():
    results, prose = read_results(), (HERE / "page.md").read_text()
    PAGE.write_text(make_page(results, prose))
    missing = sorted(benchmarks_of(Prose(prose)) - {"all", *results})
    print(f"Written to {PAGE}" + (f", without sections that want results of {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    main()
