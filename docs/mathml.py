"""Formulas as MathML, which browsers draw themselves: no script, no font and no network.

docutils, which Sphinx stands on, translates LaTeX; this hands it over.
"""

import re
from html import escape

from docutils.nodes import SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

#: A function's name and what it is of, where no bracket stands between them: "cos t".
APPLIED = re.compile(r"(<mo>&ApplyFunction;</mo>)(?!\s*<mrow>)")

logger = logging.getLogger(__name__)


def translate(node, as_block):
    """Return a formula as MathML; one that docutils does not know as it is, with a warning."""
    try:
        formula = tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("%s In: %s", error, node.astext(), location=node)
        return f"<code>{escape(node.astext())}</code>"
    return APPLIED.sub(r'\1<mspace width="0.17em"></mspace>', formula)


def inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(translate(node, as_block=False))
    raise SkipNode


def block(translator, node):
    """Write a formula of its own, which scrolls where it is wider than the page."""
    translator.body.append(f'<div class="math">{translate(node, as_block=True)}</div>\n')
    raise SkipNode


def setup(app):
    """Register the translation under the name that `html_math_renderer` takes."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
