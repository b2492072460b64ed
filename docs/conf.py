"""How the documentation is built; ``make docs``."""

import os
import re
import sys
import warnings
from pathlib import Path

import gan_isi

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "figures")]  # the order of the gallery, formulas, the example

project = "gan_isi"
author = "The gan_isi developers"
copyright = author
version = release = gan_isi.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
html_math_renderer = "mathml"  # sphinx.ext.mathjax would load a script from a network
exclude_patterns = ["_build", "auto_examples/**/*.ipynb", "auto_examples/**/*.py", "figures/*.py"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"
default_role = "literal"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say it in words
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# The checks that scikit-image runs, and those of parameters and returns.
numpydoc_validation_checks = {
    "GL01", "GL02", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10",
    "PR01", "PR02", "PR03", "PR04", "PR05", "PR06",
    "RT01", "RT03", "RT04", "SS01", "SS02", "SS03", "SS04", "YD01",
}  # fmt: skip
numpydoc_validation_exclude = {
    r"\.__",
    # Made by scikit-learn and Python.
    r"\.get_metadata_routing$", r"\.set_\w+_request$", r"\.named_steps$",
    r"ImageFiles\.(count|index)$",
    # Results, which the library makes: their attributes are documented.
    r"^gan_isi\.audit\.[A-Z]",
}  # fmt: skip

# A link into this library that leads nowhere is an error.
nitpicky = True
nitpick_ignore = [
    ("py:obj", "classes_"),  # a property that scikit-learn's pipeline has
    # These need PyTorch, which this is built without.
    ("py:obj", "gan_isi.texture.networks"),
    ("py:obj", "gan_isi.texture.resnet"),
]

# Other projects' objects are looked up where there is a network.
nitpick_ignore_regex = [("py:.*", r"(numpy|scipy|skimage|sklearn|torch|torchvision)\..*")]
if os.environ.get("GAN_ISI_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "numpy": ("https://numpy.org/doc/stable", None),
        "python": ("https://docs.python.org/3", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

html_theme = "pydata_sphinx_theme"
html_title = "gan_isi"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "logo": {"text": "gan_isi"},
}
html_sidebars = {page: [] for page in ("about", "start", "faq", "paper", "comparison", "glossary")}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "_gallery_order.ReadingOrder",
    "abort_on_example_error": True,
    "backreferences_dir": None,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 3600,
    "plot_gallery": True,
    "matplotlib_animations": False,
}

warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")


def skip_what_is_inherited(app, what, name, member, skip, options):
    """Leave out what classes inherit from scikit-learn and Python, where it is documented."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    own = str(getattr(function, "__module__", "")).startswith("gan_isi")
    return None if own and callable(function) else True


def mend_lines(app, what, name, obj, options, lines):
    """Change what reStructuredText or a missing page would make of plain docstrings."""
    for number, line in enumerate(lines):
        # An author's initial begins no list.
        line = re.sub(r"^([A-Z])\. ", r"\\\1. ", line)
        # The labels of other projects' pages.
        lines[number] = re.sub(r":ref:`([^<`]+?) *<[^`]+>`", r"\1", line)


def write_example(app):
    """Put the report of an audit, which the pages link to, beside them."""
    if app.builder.format == "html":
        import example

        path = Path(app.outdir, "example_report.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        example.write(path)
        path.chmod(0o644)  # a report is for its owner only, and this one for everybody


def setup(app):
    """Connect the functions above; numpydoc comes before them."""
    app.connect("builder-inited", write_example)
    app.connect("autodoc-skip-member", skip_what_is_inherited)
    app.connect("autodoc-process-docstring", mend_lines, priority=900)
