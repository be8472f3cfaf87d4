"""How Sphinx builds the documentation site: ``make docs``."""

import logging
import os
import re
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
logging.getLogger("tensorflow").setLevel("ERROR")  # its advice on tracing is not about the pages
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # the checkout, and the helpers beside this file

from gallery_settings import QUICK, Arguments  # noqa: E402
from sklearn.experimental import enable_halving_search_cv  # noqa: E402, F401  the gallery looks its names up

import sklip  # noqa: E402

project = "sklip"
author = "The sklip developers"
copyright = author
version = release = sklip.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx-mathjax-offline",  # readers without a network see formulas, too
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
smartquotes = False  # quotes of parameters are code
toc_object_entries_show_parents = "hide"
suppress_warnings = ["config.cache"]  # the gallery's settings hold objects

# Pages are Markdown that reads well on a code host, too.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# A reference to a name of sklip's that is not in the reference is a warning; others' names are theirs.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!sklip\b).*")]

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's types have the shapes
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/(" + "|".join(re.escape(name) for name in sorted(QUICK)) + ")$",
    "reset_argv": Arguments(),
    "abort_on_example_error": True,
    "default_thumb_file": str(HERE / "certified_accuracy.png"),
    "download_all_examples": False,
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "min_reported_time": 10**6,  # the build's own times tell a reader nothing
}

html_theme = "pydata_sphinx_theme"
html_title = "sklip"
html_static_path = ["_static"]
html_css_files = ["sklip.css"]
html_show_sphinx = False
html_sidebars = {
    page: []
    for page in (
        "index",
        "getting_started",
        "benchmarks",
        "migrating_from_deel_lip",
        "changelog",
        "contributing",
        "how_sklip_is_built",
    )
}
html_theme_options = {
    "logo": {"text": "sklip"},
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "show_toc_level": 2,
}


def _skip_what_is_inherited_from_elsewhere(app, what, name, member, skip, options):
    """Leave the methods of scikit-learn, Keras and NumPy to their own references."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", None) or member
    owner = getattr(member, "__objclass__", None)  # of what is written in C
    module = getattr(function, "__module__", None) or getattr(owner, "__module__", "sklip")
    return True if not module.startswith("sklip") else None


def setup(app):
    """Connect what Sphinx asks while it reads docstrings."""
    app.connect("autodoc-skip-member", _skip_what_is_inherited_from_elsewhere)
