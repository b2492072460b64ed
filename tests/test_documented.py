"""Every public name has its page in the reference."""

import inspect
import re
from pathlib import Path

import pytest

import gan_isi
from gan_isi import audit, baselines, datasets, descriptors, distances, metrics, plotting, texture

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
MODULES = (gan_isi, audit, baselines, datasets, descriptors, distances, metrics, plotting, texture)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module):
    text = PAGE.read_text(encoding="utf-8")
    listed = {name.rsplit(".")[-1] for name in re.findall(r"^   ([\w.]+)$", text, re.MULTILINE)}
    constants = {name.rsplit(".")[-1] for name in re.findall(r"`(gan_isi\.[\w.]+)`", text)}
    names = {
        name
        for name in module.__all__
        if not inspect.ismodule(getattr(module, name)) and not name.startswith("__")
    }
    assert names <= listed | constants


def test_the_reference_lists_nothing_that_is_not_there():
    text = PAGE.read_text(encoding="utf-8")
    for name in re.findall(r"^   ([\w.]+)$", text, re.MULTILINE):
        found = gan_isi
        for part in name.split("."):
            if not hasattr(found, part):
                __import__(f"{found.__name__}.{part}")
            found = getattr(found, part)
        assert found.__doc__
