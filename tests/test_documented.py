"""Every public name is in the reference, and says what it takes and returns."""

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

import gan_isi

PAGE = Path(__file__).parents[1] / "docs" / "api.md"

#: The shell's commands have a page of their own, docs/howto/command_line.md.
PUBLIC = [
    "gan_isi",
    *(
        f"gan_isi.{module.name}"
        for module in pkgutil.iter_modules(gan_isi.__path__)
        if not module.name.startswith("_") and module.name != "cli"
    ),
]


def find(path):
    """What a dotted name leads to, as `from package import name` finds it."""
    package, name = path.rsplit(".", 1)
    return getattr(import_module(package), name)


def listed_paths():
    """Dotted names in the page's summaries, each below the module that is named before it."""
    module, paths = "", []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.split()[-1]
        elif re.fullmatch(r"   [\w.]+", line):
            paths.append(f"{module}.{line.strip()}")
    return paths


def exported():
    """Each public name that is no module, and the package that exports it."""
    for package in PUBLIC:
        for name in import_module(package).__all__:
            what = find(f"{package}.{name}")
            if not inspect.ismodule(what) and name != "__version__":
                yield package, name, what


def missing_from(paths, constants):
    # The same thing may be exported by several packages; one place in the reference is enough.
    pages = {id(find(path)) for path in paths}
    return [
        f"{package}.{name}"
        for package, name, what in exported()
        if f"{package}.{name}" not in constants and (not callable(what) or id(what) not in pages)
    ]


def listed_constants():
    return set(re.findall(r"`(gan_isi\.[\w.]+[A-Z_]+)`", PAGE.read_text(encoding="utf-8")))


def test_every_public_name_is_in_the_reference():
    assert missing_from(listed_paths(), listed_constants()) == []


@pytest.mark.parametrize(
    "path",
    ["gan_isi.make_pipeline", "gan_isi.texture.cdf_vectors", "gan_isi.statistics.permute_labels"],
)
def test_a_name_that_the_reference_leaves_out_is_noticed(path):
    paths = [other for other in listed_paths() if other != path]
    missing = missing_from(paths, listed_constants())
    assert path in missing
    assert {name.rsplit(".")[-1] for name in missing} == {path.rsplit(".")[-1]}


def test_a_constant_that_the_reference_leaves_out_is_noticed():
    constants = listed_constants() - {"gan_isi.metrics.SCORERS"}
    assert missing_from(listed_paths(), constants) == ["gan_isi.metrics.SCORERS"]


def test_the_reference_lists_public_names_only_and_once():
    paths, public = listed_paths(), {f"{package}.{name}" for package, name, _ in exported()}
    assert len(set(paths)) == len(paths)
    assert set(paths) | listed_constants() <= public


@pytest.mark.parametrize("package", PUBLIC)
def test_what_a_package_imports_of_ours_is_exported(package):
    module = import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    if not hasattr(module, "__path__") or package == "gan_isi":  # a module also imports for itself
        return
    ours = {
        name
        for name, what in vars(module).items()
        if not name.startswith("_") and str(getattr(what, "__module__", "")).startswith("gan_isi")
    }
    assert ours <= set(module.__all__)


def pieces(what):
    """The docstrings of a public name and, of a class, of its public methods."""
    yield inspect.getdoc(what) or ""
    if inspect.isclass(what):
        own = (one for one in vars(what).values() if inspect.isfunction(one))
        yield from (inspect.getdoc(one) or "" for one in own if not one.__name__.startswith("_"))


def described(text):
    """Names and descriptions of the parameters and attributes of a docstring."""
    for section in re.findall(
        r"(?ms)^(?:Parameters|Attributes)\n-+\n(.*?)(?=^[A-Z][A-Za-z ]+\n-+\n|\Z)", text
    ):
        yield from re.findall(r"(?m)^(\S.*)\n +(.+)", section)


#: Beginnings of descriptions that do not complete "X is ...".
FRAGMENT = re.compile(
    r"(Of|As|Those|Draws|By|Such|To|Their|Its|Fitted|Unfitted|Returns|In which|With|From)\b"
    r"(?! (clones|attacks?|families|summary)\b)|0 jobs"
)


@pytest.mark.parametrize(
    "path", sorted({f"{p}.{n}" for p, n, what in exported() if callable(what)})
)
def test_descriptions_complete_a_sentence(path):
    found = [one for text in pieces(find(path)) for one in described(text)]
    assert [one for one in found if FRAGMENT.match(one[1])] == []


def test_words_that_link_to_the_glossary_are_there():
    glossary = (PAGE.parent / "glossary.md").read_text(encoding="utf-8")
    terms = set(glossary.splitlines())
    source = Path(gan_isi.__file__).parent.rglob("*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in source)
    linked = re.findall(r":term:`(?:[^`<]*<)?([^`<>]+?)>?`", text)
    assert set(linked) <= terms
    needed = {"used", "candidate", "generated", "attack", "view", "distance", "summary", "score",
              "audit", "blind attack"}  # fmt: skip
    assert needed <= set(linked)


FUNCTIONS = {id(what): f"{package}.{name}" for package, name, what in exported() if callable(what)}


@pytest.mark.parametrize("path", FUNCTIONS.values())
def test_public_names_say_what_they_take_and_return(path):
    what = find(path)
    text = inspect.getdoc(what)
    assert text
    assert text.splitlines()[0].endswith(".")
    if not inspect.isfunction(what):
        return
    sections = dict(re.findall(r"(?ms)^([A-Z][a-z]+)\n-+\n(.*?)(?=^[A-Z][a-z ]+\n-+\n|\Z)", text))
    headings = re.findall(r"(?m)^(\S.*?) : ", sections.get("Parameters", ""))
    documented = [name.lstrip("*") for heading in headings for name in heading.split(", ")]
    signature = inspect.signature(what)
    assert documented == list(signature.parameters)
    if signature.return_annotation not in (None, "None"):
        assert re.search(r"(?m)^\S", sections["Returns"])
