"""What every file keeps to: its size, its opening comment, its words; and what each folder tells."""
import re

import pytest
from tree import LINE, REPO, files, name, sources

TEXTS = [path for path in files() if path.suffix in (".c", ".h", ".py", ".sh", ".md", ".yaml", ".yml", ".cmake", ".sql", ".txt",
                                                      ".json", ".toml", ".service", "")
         and "corpus" not in path.parts and "data" not in path.parts and path.name not in ("LICENSE",)]
CODE = [path for path in TEXTS if path.suffix in (".c", ".h", ".py", ".sh", ".cmake")]


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_file_has_more_than_500_lines(path):
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.parametrize("path", [path for path in files() if path.read_bytes().startswith(b"#!")], ids=name)
def test_what_names_its_interpreter_can_be_run(path):
    assert path.stat().st_mode & 0o111


@pytest.mark.parametrize("path", CODE, ids=name)
def test_no_line_ends_in_blanks(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert line == line.rstrip(), f"line {number} ends in blanks"


@pytest.mark.parametrize("path", [path for path in files(".c", ".h") if "corpus" not in path.parts], ids=name)
def test_a_source_file_opens_with_why_it_exists(path):
    lines = path.read_text().splitlines()
    first = next(line for line in lines if not line.startswith("// needs:"))
    assert first.startswith(("/*", "//")), f"begins with: {first}"


@pytest.mark.parametrize("folder", [*LINE, "tests", "deploy"])
def test_a_folder_tells_its_design(folder):
    text = (REPO / folder / "README.md").read_text()
    assert text.startswith("# ") and len(text.splitlines()) >= 5


@pytest.mark.parametrize("folder", [*LINE, "tests", "deploy"])
def test_what_a_readme_names_is_there(folder):
    readme = REPO / folder / "README.md"
    for word in set(re.findall(r"`((?:[a-z_]+/)+[a-z_.0-9]+\.[a-z]+)`", readme.read_text())):
        assert (REPO / word).exists() or (readme.parent / word).exists(), word


@pytest.mark.parametrize("path", sorted((REPO / "tests/unit").glob("test_*.c")), ids=name)
def test_a_unit_test_mirrors_a_file(path):
    needs = re.match(r"// needs: ([a-z]+)", path.read_text())
    assert needs and needs[1] in LINE, "its first line names no library"
    mirrored = path.stem[len("test_"):]
    assert any((REPO / folder / f"{mirrored}.{ending}").exists() for folder in LINE for ending in ("c", "h")), mirrored


@pytest.mark.parametrize("path", sorted((REPO / "tests/unit").glob("test_*.c")), ids=name)
def test_every_unit_test_is_run(path):
    text = path.read_text()
    defined = set(re.findall(r"^static void (\w+)\(void \*\*state\)", text, re.M))
    listed = {word for word in defined if len(re.findall(rf"\b{word}\b", text)) > 1}
    assert defined and defined == listed, f"never run: {defined - listed}"
    assert "cmocka_run_group_tests" in text


# What the project speaks of is itself. The words are put together here so that this list does not hold them.
UNFINISHED = [re.compile(pattern) for pattern in (r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bXX" r"X\b")]
FOREIGN = [re.compile(pattern, re.I) for pattern in (
    r"/wor" r"k/(?:shared|main)", r"\bcha" r"tgpt\b", r"\bcla" r"ude\b",
    r"\banth" r"ropic\b", r"\bl" r"lm\b", r"\bsub-?ag" r"ents?\b", r"\bas an a" r"i\b", r"\bthe bri" r"ef\b", r"issues\.t" r"xt",
    r"/tm" r"p/bri" r"ef", r"/tm" r"p/build", r"pyp" r"i\.org", r"registry\.np" r"mjs", r"deb\.deb" r"ian\.org")]


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_no_word_of_a_workplace_or_of_unfinished_work_is_in_the_tree(path):
    text = path.read_text(errors="replace")
    for pattern in FOREIGN + UNFINISHED:
        found = pattern.search(text)
        assert not found, f"{found.group(0)!r} in line {text[:found.start()].count(chr(10)) + 1}"


@pytest.mark.parametrize("path", [path for path in files() if path.name == "run" or path.suffix == ".sh"], ids=name)
def test_a_script_says_how_it_is_run(path):
    assert path.read_text().startswith("#!/")


def test_every_source_folder_is_on_the_line():
    folders = {path.relative_to(REPO).parts[0] for path in files(".c", ".h")}
    assert folders <= {*LINE, "tests"}, folders


def test_every_error_word_is_used():
    table = re.findall(r"X\((\w+), \d+,", (REPO / "schema/err.h").read_text())
    text = "\n".join(path.read_text() for path in sources() if path.name not in ("err.h", "err.c"))
    unused = [word for word in table if not re.search(rf"\bERR_{word}\b", text)]
    assert not unused, unused
