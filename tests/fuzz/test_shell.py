"""Hostile situations of the shell: each ends right or is refused in words, and loses no file."""

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import joblib
import pytest
from PIL import Image

from gan_isi._runtime.output import from_cell

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.skipif(sys.platform != "linux", reason="signals, links and limits of Linux"),
]

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def judge(tally, area, shell, code, *, right, refused=False, said=""):
    """Count a run: `right` has to hold where it says that it is done."""
    if code is None or "traceback" in shell.complaint:
        outcome = "crashed"
    elif shell.complaint or (code == 0 and (refused is True or not right())):
        outcome = "wrong"
    elif code == 0:
        outcome = "right"
    else:
        outcome = "refused in words" if refused else "wrong"
    tally(area, outcome, f"{shell.complaint or 'as if right'}; code {code}; {said}")


def numbers(path):
    return "settings" in json.loads(path.read_text(encoding="utf-8"))


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


NAMES = ["=1+1.png", "+a.png", "-b.png", "@c.png", "\td.png", "\re.png", "'f.png", "'=g.png",
         "h\x1b[31m.png", "i\nj.png", "k\x7f.png", "l,m.png", 'n"o.png', "p\\x1b.png", "é.png",
         "日本.png", "q\u202er.png", "s t.png", "$x$.png", "<b>.png", "\x9bz.png", "u\u2028v.png",
         "--help.png", "%s{0}.png", "w" * 240 + ".png"]  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, b"\xe9.png", b"a\xff\xfeb.png"])
def test_names_of_images(shell, tally, name):
    name = os.fsdecode(name)
    os.rename(shell.root / "unknown" / "u00.png", shell.root / "unknown" / name)
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    judge(
        tally, "names", shell, code, said=err,
        right=lambda: name in [from_cell(row["file"]) for row in rows_of(shell.root / "s.csv")]
        and not any(row["file"].startswith(("=", "+", "-", "@", "\t", "\r"))
                    for row in rows_of(shell.root / "s.csv")),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["\x1b[2Jno.csv", "=o.csv", "a\nb.csv", "é.csv", b"\xe9.csv", "$a$.csv"]
)
def test_names_of_outputs(shell, tally, name):
    name = os.fsdecode(name)
    code, _, err = shell.run(*shell.predict, "--output", f"./{name}")
    right = lambda: len(rows_of(shell.root / name)) == 6  # noqa: E731
    judge(tally, "names", shell, code, right=right, said=err)


def _to_input(root):
    return "used/u00.png"


def _link_to_input(root):
    (root / "out.csv").symlink_to("used/u00.png")
    return "out.csv"


def _hard_link_to_input(root):
    os.link(root / "used" / "u00.png", root / "out.csv")
    return "out.csv"


def _linked_folder(root):
    (root / "alias").symlink_to("used")
    return "alias/u00.png"


def _dotted(root):
    return "other/../used/u01.png"


def _no_folder(root):
    return "nowhere/out.csv"


def _a_folder(root):
    (root / "out.csv").mkdir()
    return "out.csv"


def _loop(root):
    (root / "out.csv").symlink_to("out.csv")
    return "out.csv"


def _too_long(root):
    return "x" * 300 + ".csv"


def _below_a_file(root):
    (root / "file").write_text("")
    return "file/out.csv"


def _pipe(root):
    os.mkfifo(root / "out.csv")
    return "out.csv"


def _empty(root):
    return ""


def _dangling_to_nowhere(root):
    (root / "out.csv").symlink_to("nowhere/out.csv")
    return "out.csv"


@pytest.mark.parametrize(
    "place",
    [_to_input, _link_to_input, _hard_link_to_input, _linked_folder, _dotted, _no_folder,
     _a_folder, _loop, _too_long, _below_a_file, _pipe, _empty, _dangling_to_nowhere],
)  # fmt: skip
@pytest.mark.parametrize("command", ["predict", "audit"])
def test_places_that_are_refused_before_the_work(shell, tally, place, command):
    option = "--output" if command == "predict" else "--json"
    where = place(shell.root)
    began = time.monotonic()
    code, _, err = shell.run(*getattr(shell, command), option, where)
    judge(tally, "links", shell, code, right=lambda: False, refused=True, said=err)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("how", ["same", "link", "hard link", "dots"])
def test_two_outputs_in_one_file(shell, tally, how):
    (shell.root / "a").write_text("old")
    if how == "link":
        (shell.root / "b").symlink_to("a")
    elif how == "hard link":
        os.link(shell.root / "a", shell.root / "b")
    second = {"same": "a", "dots": "used/../a"}.get(how, "b")
    code, _, err = shell.run(*shell.audit, "--json", "a", "--report", second)
    judge(tally, "links", shell, code, right=lambda: False, refused=True, said=err)
    assert (shell.root / "a").read_text() == "old"


def test_a_patients_table_is_no_output(shell, tally):
    names = [path for folder in ("used", "other") for path in (shell.root / folder).iterdir()]
    text = "file,patient\n" + "".join(f"{p.parent.name}/{p.name},{p}\n" for p in names)
    (shell.root / "p.csv").write_text(text)
    code, _, err = shell.run(*shell.predict, "--patients", "p.csv", "--output", "p.csv")
    judge(tally, "links", shell, code, right=lambda: False, refused=True, said=err)
    assert (shell.root / "p.csv").read_text() == text


def test_a_link_stays_a_link(shell, tally):
    (shell.root / "kept").mkdir()
    (shell.root / "out.csv").symlink_to("kept/real.csv")
    code, _, err = shell.run(*shell.predict, "--output", "out.csv")
    judge(
        tally, "links", shell, code, said=err,
        right=lambda: (shell.root / "out.csv").is_symlink()
        and len(rows_of(shell.root / "kept" / "real.csv")) == 6,
    )  # fmt: skip


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_outputs_and_caches_are_for_their_owner(shell, tally, umask):
    code, _, err = shell.run(
        *shell.predict, "--output", "s.csv", "--save", "a", "--cache", "c", umask=umask
    )
    made = [
        shell.root / "s.csv",
        shell.root / "a",
        shell.root / "c",
        *(shell.root / "c").rglob("*"),
    ]
    right = lambda: len(made) > 10 and not any(p.stat().st_mode & 0o077 for p in made)  # noqa: E731
    judge(tally, "permissions", shell, code, right=right, said=err)


def test_a_file_that_is_replaced_keeps_its_permissions(shell, tally):
    (shell.root / "s.csv").write_text("old")
    (shell.root / "s.csv").chmod(0o640)
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    right = lambda: (shell.root / "s.csv").stat().st_mode & 0o777 == 0o640  # noqa: E731
    judge(tally, "permissions", shell, code, right=right, said=err)


@pytest.mark.skipif(not shutil.which("setpriv"), reason="root may do anything without setpriv")
@pytest.mark.parametrize("what", ["output", "cache", "kept", "image", "folder"])
def test_what_may_not_be_touched(shell, tally, what):
    (shell.root / "closed").mkdir()
    arguments = ["--output", "closed/s.csv"] if what == "output" else ["--output", "s.csv"]
    if what in ("cache", "kept"):
        arguments += ["--cache", "closed"]
        (shell.root / "closed" / "gan_isi").mkdir(mode=0 if what == "kept" else 0o700)
    if what == "image":
        (shell.root / "used" / "u00.png").rename(shell.root / "other" / "z.png")
    (shell.root / "closed").chmod(0o555)
    before = shell.digests
    shell.digests = dict
    if what == "image":
        (shell.root / "other" / "z.png").chmod(0)
    if what == "folder":
        (shell.root / "used").chmod(0)
    code, _, err = shell.run(*shell.predict, *arguments, unprivileged=ROOT)
    shell.digests = before
    fine = what in ("cache", "kept")
    right = lambda: fine and (what == "cache" or "Nothing more is kept" in err)  # noqa: E731
    judge(tally, "permissions", shell, code, right=right, refused=not fine, said=err)


OUTPUTS = {"--json": "a.json", "--report": "a.html", "--known-csv": "k.csv"}


@pytest.mark.parametrize("limit", [0, 100, 2000, 20_000])
def test_a_disk_that_fills_up_keeps_what_was_there(shell, tally, limit):
    for name in OUTPUTS.values():
        (shell.root / name).write_text("old")

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    options = [part for pair in OUTPUTS.items() for part in pair]
    code, out, err = shell.run(
        *shell.audit, *options, env={"NUMBA_DISABLE_JIT": "1"}, preexec_fn=full
    )
    judge(tally, "disks", shell, code, right=lambda: False, refused=True, said=err)
    for name in OUTPUTS.values():
        whole = (shell.root / name).read_text()
        assert whole == "old" or len(whole) < limit
    assert "nearest" in out, "the text is an answer, too"


@pytest.mark.parametrize("limit", [0, 100, 700])
def test_a_cache_on_a_full_disk_changes_no_answer(shell, tally, limit):
    shell.run(*shell.predict, "--output", "want.csv")

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, _, err = shell.run(*shell.predict, "--output", "s.csv", "--cache", "c", preexec_fn=full)
    got = shell.root / "s.csv"
    if limit < 700:  # too little for the answer, too
        judge(tally, "disks", shell, code, right=lambda: False, refused=True, said=err)
    else:
        same = lambda: got.read_bytes() == (shell.root / "want.csv").read_bytes()  # noqa: E731
        judge(tally, "disks", shell, code, right=same, said=err)


def test_standard_output_on_a_full_disk_is_said(shell, tally):
    with open("/dev/full", "wb") as full:
        code, _, err = shell.run(*shell.audit, "--json", "a.json", stdout=full)
    judge(tally, "disks", shell, code, right=lambda: False, refused=True, said=err)
    assert numbers(shell.root / "a.json")


@pytest.mark.parametrize("which", ["stdout", "stderr", "both"])
@pytest.mark.parametrize("how", ["closed", "nobody reads"])
def test_closed_streams(shell, tally, which, how):
    numbers_of = {"stdout": [1], "stderr": [2], "both": [1, 2]}[which]
    shell.hears = which == "stdout"
    options = {}
    if how == "closed":
        options["preexec_fn"] = lambda: [os.close(number) for number in numbers_of]
    else:
        read, write = os.pipe()
        os.close(read)
        options |= {
            name: write for name in ("stdout", "stderr") if name == which or which == "both"
        }
    code, _, err = shell.run(*shell.audit, "--json", "a.json", "--report", "a.html", **options)
    judge(tally, "pipes", shell, code, right=lambda: numbers(shell.root / "a.json"), said=err)
    assert "</html>" in (shell.root / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["/dev/stdout", "/dev/fd/1", "/dev/null", "/dev/stderr"])
def test_streams_as_outputs(shell, tally, target):
    code, out, err = shell.run(*shell.predict, "--output", target)
    said = err if target == "/dev/stderr" else out
    right = lambda: target == "/dev/null" or "file,score,used" in said  # noqa: E731
    judge(tally, "pipes", shell, code, right=right, said=err)
    assert os.path.exists("/dev/null")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize(
    "env",
    [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
     {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1:strict"},
     {"LC_ALL": "no_SUCH.locale"}, {"LANG": "", "LC_ALL": ""}, {"MPLBACKEND": "nonsense"},
     {"MPLBACKEND": "module://nowhere"}, {"MPLBACKEND": "qtagg", "DISPLAY": ""},
     {"MPLCONFIGDIR": "/proc/nowhere"}, {"HOME": "/nonexistent"}, {"TERM": "dumb"},
     {"COLUMNS": "1"}, {"TZ": "No/Where"}, {"PYTHONWARNINGS": "always"},
     {"JOBLIB_TEMP_FOLDER": "/nonexistent"}, {"TMPDIR": "/nonexistent"}],
)  # fmt: skip
def test_environments(shell, tally, env):
    os.rename(shell.root / "used" / "u00.png", shell.root / "used" / "é日.png")
    code, _, err = shell.run(
        *shell.audit, "--json", "a.json", "--report", "a.html", "--known-csv", "k.csv", env=env
    )
    right = lambda: (  # noqa: E731
        numbers(shell.root / "a.json")
        and "</html>" in (shell.root / "a.html").read_text(encoding="utf-8")
        and "é日.png" in {row["file"] for row in rows_of(shell.root / "k.csv")}
    )
    judge(tally, "locales", shell, code, right=right, said=err)


def children(pid):
    """All processes that descend from one."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += [int(entry), *children(int(entry))]
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("delay", [0.3, 7.0])
def test_signals_leave_no_process_and_no_file(shell, tally, number, jobs, delay):
    (shell.root / "a.json").write_text("old")
    process = shell.start(
        *shell.audit, "--permutations", "100000", "--jobs", str(jobs), "--json", "a.json",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(delay)
    family = children(process.pid)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        tally("signals", "crashed", "it goes on")
    for _ in range(50):
        if not (left := [pid for pid in family if alive(pid)]):
            break
        time.sleep(0.1)
    early = delay < 1  # while the interpreter starts it may not hear yet
    ends = (128 + number, -number) if early else (128 + number,)
    good = not left and process.returncode in ends and (early or b"Traceback" not in err)
    good &= (shell.root / "a.json").read_text() == "old"
    good &= not list(shell.root.rglob(".gan-isi-*"))
    tally("signals", "right" if good else "wrong", (left, process.returncode, err))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_audit_goes_on_to_the_same_numbers(shell, tally, jobs):
    shell.audit[shell.audit.index("3")] = "40"
    shell.run(*shell.audit, "--json", "want.json")
    process = shell.start(*shell.audit, "--cache", "c", "--jobs", str(jobs), start_new_session=True)
    while process.poll() is None and len(list((shell.root / "c").rglob("??/*"))) < 45:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    code, _, err = shell.run(*shell.audit, "--cache", "c", "--json", "a.json")

    def numbers(name):  # the provenance has a date
        return json.loads((shell.root / name).read_text()) | {"provenance": None}

    same = lambda: numbers("a.json") == numbers("want.json")  # noqa: E731
    judge(tally, "cache", shell, code, right=same, said=err)


class Planted:
    def __reduce__(self):
        return os.system, ("touch planted",)


def _pickles(entries):
    for entry in entries:
        joblib.dump(Planted(), entry)


def _empties(entries):
    for entry in entries:
        entry.write_bytes(b"")


def _cuts(entries):
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-7])


def _exchanges(entries):
    contents = [entry.read_bytes() for entry in entries]
    for entry, content in zip(entries, contents[1:] + contents[:1], strict=True):
        entry.write_bytes(content)


def _noise(entries):
    for i, entry in enumerate(entries):
        content = bytearray(entry.read_bytes())
        content[i % len(content)] ^= 255
        entry.write_bytes(content)


def _folders(entries):
    for entry in entries:
        entry.unlink()
        entry.mkdir()


def _pipes(entries):
    for entry in entries:
        entry.unlink()
        os.mkfifo(entry)


def _loops(entries):
    for entry in entries:
        entry.unlink()
        entry.symlink_to(entry.name)


@pytest.mark.parametrize(
    "damage", [_pickles, _empties, _cuts, _exchanges, _noise, _folders, _pipes, _loops]
)
def test_damaged_caches(shell, tally, damage):
    shell.run(*shell.predict, "--output", "want.csv", "--cache", "c")
    damage(sorted((shell.root / "c").rglob("gan_isi/??/*")))
    code, _, err = shell.run(*shell.predict, "--output", "s.csv", "--cache", "c")
    want = (shell.root / "want.csv").read_bytes()
    same = lambda: (shell.root / "s.csv").read_bytes() == want  # noqa: E731
    judge(tally, "cache", shell, code, right=same, said=err)
    assert not (shell.root / "planted").exists()


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ([], False), (["--prune", "0"], False), (["--prune", "1kB"], False),
        (["--limit", "1MB"], False), (["--limit", "none"], False), (["--prune", "-1"], True),
        (["--prune", "much"], True), (["--limit", "nan"], True), (["--prune", "none"], True),
        (["--limit", "1e9"], True), (["--prune", "99999999TB"], False),
    ],
)  # fmt: skip
def test_looking_at_a_cache(shell, tally, arguments, refused):
    shell.run(*shell.predict, "--output", "want.csv", "--cache", "c")
    code, out, err = shell.run("cache", "c", *arguments)
    judge(tally, "cache", shell, code, right=lambda: "entries" in out, refused=refused, said=err)


@pytest.mark.parametrize(
    "arguments",
    [["--seed", "x"], ["--folds", "1"], ["--folds", "1000"], ["--jobs", "0"],
     ["--permutations", "-1"], ["--attack", "\x1b[31m"], ["--intensity-range", "1", "0"],
     ["--intensity-range", "nan", "nan"],
     ["--patients", "nowhere"], ["--patients", "used"], ["--cache", "used/u00.png"],
     ["--cache", "/proc/nowhere/c"], ["--no-such\x1b"], ["\x1b[31m"],
     ["--candidates", "nowhere\x07"],
     ["--used", "\x1b]0;x\x07"], ["--json"], ["--candidates-csv", "c.csv"]],
)  # fmt: skip
def test_options(shell, tally, arguments):
    code, _, err = shell.run(*shell.audit, *arguments)
    fine = arguments[0] == "--cache" and "/proc" in arguments[1]  # no place to keep anything
    judge(tally, "options", shell, code, right=lambda: fine, refused=not fine, said=err)


def test_an_empty_folder(shell, tally):
    for path in (shell.root / "unknown").iterdir():
        path.unlink()
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    judge(tally, "options", shell, code, right=lambda: False, refused=True, said=err)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"not an image", b"\0" * 4096])
def test_images_that_are_none(shell, tally, content):
    (shell.root / "used" / "u00\x1b.png").write_bytes(content)
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    judge(tally, "options", shell, code, right=lambda: False, refused=True, said=err)


def test_an_image_that_vanishes(shell, tally):
    (shell.root / "used" / "u99.png").symlink_to("nowhere.png")
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    judge(
        tally,
        "options",
        shell,
        code,
        right=lambda: True,
        refused="may fail" if code else False,
        said=err,
    )


def test_a_large_image_among_small_ones(shell, tally):
    Image.new("L", (3000, 2000), 99).save(shell.root / "unknown" / "large.png")
    code, _, err = shell.run(*shell.predict, "--output", "s.csv")
    judge(
        tally,
        "options",
        shell,
        code,
        right=lambda: len(rows_of(shell.root / "s.csv")) == 7,
        said=err,
    )
