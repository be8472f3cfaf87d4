"""Where the distribution named sklip, another project's, is installed beside this package, one sentence says so."""

import re
import shutil
import sys
import tomllib
import warnings
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import sklip
from sklip._other_distribution import AUTHOR, warn_of_another_distribution
from sklip.exceptions import ConflictingDistributionWarning
from tests.processes import ROOT, run_command, run_script

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOREIGN = "Metadata-Version: 2.4\nName: sklip\nVersion: 0.7.0\nAuthor-email: Your Name <your@email.com>\n"
OLD = f"Metadata-Version: 2.4\nName: sklip\nVersion: 0.1.0\nAuthor: {AUTHOR}\n"


def install(folder, text, name="sklip-0.7.0.dist-info"):
    """Put the metadata of a distribution in a folder; without a text there is none in it."""
    (folder / name).mkdir(parents=True)
    if text is not None:
        (folder / name / "METADATA").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def said(monkeypatch, *path):
    """The messages of a check that finds these folders alone on sys.path."""
    monkeypatch.setattr("sys.path", [str(folder) for folder in path])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_another_distribution()
    assert all(warning.category is ConflictingDistributionWarning for warning in caught)
    return [str(warning.message) for warning in caught]


def test_another_folder_on_the_path_has_it(tmp_path, monkeypatch):
    (message,) = said(monkeypatch, install(tmp_path, FOREIGN))
    assert message == (
        f"The distribution 'sklip' 0.7.0 in {tmp_path} belongs to another project and has the same import name as "
        f"scikit-lipschitz, which is in {Path(sklip.__file__).parent}: the order of sys.path decides which of them a "
        "program imports. Run 'pip uninstall sklip'."
    )


def test_the_folder_of_this_package_has_it(tmp_path, monkeypatch):
    site = install(tmp_path, FOREIGN)
    (site / "sklip").symlink_to(Path(sklip.__file__).parent)
    (message,) = said(monkeypatch, site)
    assert message == (
        f"The distribution 'sklip' 0.7.0 in {tmp_path} belongs to another project and has files in the folder of "
        f"scikit-lipschitz, {Path(sklip.__file__).parent}. An upgrade replaces them, and a removal deletes them. Run "
        "'pip uninstall sklip', and then install scikit-lipschitz again as you did before, with --force-reinstall."
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (OLD, "sklip-0.1.0.dist-info"),  # of this project, from before it was renamed
        (FOREIGN.replace("sklip", "sklip-extra"), "sklip_extra-0.7.0.dist-info"),
        (f"Name: scikit-lipschitz\nVersion: 0.1.0\nAuthor: {AUTHOR}\n", "scikit_lipschitz-0.1.0.dist-info"),
        (None, "sklip-0.7.0.dist-info"),  # what an interrupted uninstall leaves
        (b"Name: sk\xfflip", "sklip-0.7.0.dist-info"),  # cannot be read: no reason to stop an import
    ],
)
def test_no_word_about_others(text, name, tmp_path, monkeypatch):
    assert said(monkeypatch, install(tmp_path, text, name)) == []


def test_a_finder_that_fails_does_not_stop_the_import(monkeypatch):
    def fail(**_):
        raise RuntimeError("no such index")

    monkeypatch.setattr(metadata, "distributions", fail)
    assert said(monkeypatch) == []


def test_workers_say_nothing_as_their_parent_has(tmp_path, monkeypatch):
    monkeypatch.setattr("multiprocessing.current_process", lambda: type("Process", (), {"name": "LokyProcess-1"}))
    assert said(monkeypatch, install(tmp_path, FOREIGN)) == []


def test_old_installations_are_told_by_what_the_project_writes_into_its_metadata():
    assert PYPROJECT["project"]["authors"] == [{"name": AUTHOR}]


IMPORT = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    import sklip{}
print([warning.filename for warning in caught if "another project" in str(warning.message)])
"""


def test_an_import_warns_once_at_the_line_of_the_user(tmp_path):
    install(tmp_path, FOREIGN)
    script = "import sys\nsys.path.append({!r})\n{}".format(str(tmp_path), IMPORT.format(""))
    assert run_script(script).strip() == "['<string>']"


def test_an_import_warns_where_the_others_init_has_replaced_ours(tmp_path):
    shutil.copytree(Path(sklip.__file__).parent, tmp_path / "sklip", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sklip" / "__init__.py").write_text("copy = print\n")
    install(tmp_path, FOREIGN)
    assert run_script(IMPORT.format(".estimators"), root=tmp_path).strip() == "['<string>']"


# The name of the distribution ----------------------------------------------------------------

FOLDERS = ("sklip", "docs", "examples", "benchmarks", "tests")
SUFFIXES = {".py", ".md", ".rst", ".toml", ".txt", ".cff", ".sh", ".html"}
TEXTS = [
    path
    for path in [*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    if path.suffix in SUFFIXES or path.name in {"Dockerfile", "Makefile"}
    if path != Path(__file__).resolve()
]
FROM_AN_INDEX = re.compile(
    r"""\b(?:pip|uv|conda|mamba|poetry|pdm)\b[^\n`]*?\ (?:install|add)\b[^\n`#]*?[ '"]sklip(?![\w/-])"""
)


@pytest.mark.parametrize(
    "text",
    [
        "pip install sklip",
        "pip install 'sklip[plot]'.",
        "pip install --no-deps sklip  # x",
        "uv add sklip>=0.1",
        "conda install sklip",
    ],
)
def test_the_pattern_finds_what_nobody_may_be_told(text):
    assert FROM_AN_INDEX.search(text)


@pytest.mark.parametrize(
    "text", ["pip install 'scikit-lipschitz[plot]'", "pip install ./sklip/", "pip uninstall sklip"]
)
def test_the_pattern_leaves_the_rest(text):
    assert not FROM_AN_INDEX.search(text)


def test_no_page_and_no_message_says_to_install_sklip_from_an_index():
    assert len(TEXTS) > 200
    found = [(path.name, hit[0]) for path in TEXTS for hit in FROM_AN_INDEX.finditer(path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_distribution_and_its_extras_have_the_new_name():
    project = PYPROJECT["project"]
    assert project["name"] == "scikit-lipschitz"
    own = [line for lines in project["optional-dependencies"].values() for line in lines if "lip" in line]
    assert own and all(line.startswith("scikit-lipschitz[") for line in own)


@pytest.mark.slow
def test_the_wheel_is_named_so_and_holds_the_package(tmp_path):
    run_command([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT])
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"scikit_lipschitz-{sklip.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert "sklip/__init__.py" in names and "sklip/py.typed" in names
    text = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert "\nName: scikit-lipschitz\n" in text and f"\nAuthor: {AUTHOR}\n" in text
    assert not re.search(r"^Requires-Dist: (?:sklip|scikit-lipschitz)", text, re.MULTILINE)
