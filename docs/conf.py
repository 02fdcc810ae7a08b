"""Settings of Sphinx, which builds the pages of the documentation.

    python -m sphinx -W --keep-going -c docs . build/site

The source folder is the repository, so that links between pages, configs and results
are the same in the site as in the repository.
"""

from pygments.lexers.shell import BashLexer
from sphinx.application import Sphinx

import cv_tf

project = "cv_tf"
author = "The cv_tf authors"
release = version = cv_tf.__version__
html_title = f"cv_tf {version}"

extensions = ["myst_parser", "sphinx_copybutton", "docs.generated"]
root_doc = "docs/index"
include_patterns = ["docs/**", "benchmarks/results/**", "*.md"]
include_patterns += ["benchmarks/variants/README.md"]
exclude_patterns = [
    "README.md",
    ".*",
    "build",
    "colab",
    "configs",
    "cv_tf",
    "dist",
    "runs",
    "tests",
    "*.egg-info",
]

myst_heading_anchors = 3
smartquotes_action = "q"  # Two dashes begin a flag.

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["redirect"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1f6f5c",
        "color-brand-content": "#1f6f5c",
    },
    "dark_css_variables": {
        "color-brand-primary": "#6fcfb4",
        "color-brand-content": "#6fcfb4",
    },
}


def setup(app: Sphinx) -> None:
    """Adds what Pygments has no name for."""
    app.add_lexer("crontab", BashLexer)
