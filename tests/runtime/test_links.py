"""The HTML view of an estimator links to the reference, where the package has an address."""

import pytest

import gan_isi
from gan_isi import GaborDescriptor, make_pipeline
from gan_isi._runtime import links
from gan_isi.baselines import NearestGenerated
from gan_isi.descriptors import CLASSICAL_FAMILIES


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setattr(links, "reference_address", lambda: "https://example.org/gan-isi")


@pytest.mark.parametrize(
    ("estimator", "page"),
    [
        (GaborDescriptor(), "gan_isi.GaborDescriptor"),
        (NearestGenerated(), "gan_isi.baselines.NearestGenerated"),
    ],
    ids=["top", "rule"],
)
def test_the_view_links_to_the_page_of_the_reference(address, estimator, page):
    assert f"https://example.org/gan-isi/api/{page}.html" in estimator._repr_html_()


def test_every_part_of_an_attack_links(address):
    view = make_pipeline("recommended", families=CLASSICAL_FAMILIES)._repr_html_()
    for name in ("SourceIdentificationPipeline", "GaborDescriptor", "SummaryClassifier"):
        assert name in gan_isi.__all__
        assert f"/api/gan_isi.{name}.html" in view


def test_without_an_address_there_is_no_link_to_nowhere(monkeypatch):
    monkeypatch.setattr(links, "reference_address", lambda: "")
    assert "/api/gan_isi." not in make_pipeline("recommended")._repr_html_()


def test_the_address_is_that_of_the_installed_package(monkeypatch):
    class Metadata:
        def get_all(self, name):
            assert name == "Project-URL"
            return ["Source, https://example.org/src", "Documentation, https://example.org/docs/"]

    monkeypatch.setattr(links.metadata, "metadata", lambda name: Metadata())
    assert links.reference_address.__wrapped__() == "https://example.org/docs"
