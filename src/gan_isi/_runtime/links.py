"""Links from an estimator's HTML view to its page of the reference."""

from functools import cache
from importlib import metadata
from typing import Any


@cache
def reference_address() -> str:
    """Return the address of the documentation that the installed package names, or ""."""
    try:
        urls = metadata.metadata("gan_isi").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "").rstrip("/")


class DocLinkMixin:
    """Mixin by which scikit-learn's HTML view of an estimator links to our reference."""

    _doc_link_module = "gan_isi"

    @property
    def _doc_link_template(self) -> str:
        address = reference_address()
        return f"{address}/api/gan_isi.{{place}}.html" if address else ""

    def _doc_link_url_param_generator(self) -> dict[str, Any]:
        import gan_isi

        name = type(self).__name__
        return {"place": name if name in gan_isi.__all__ else f"baselines.{name}"}
