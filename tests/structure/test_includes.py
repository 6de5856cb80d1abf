"""The include line and the few files that know an outside library (DESIGN.md, "Folders")."""
import re

import pytest
from tree import LINE, REPO, files, name, sources

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)

# An outside header and the files that may name it.
LIBRARIES = {
    "libwebsockets.h": r"api/.*",
    "sqlite3.h": r"jobs/view.*",
    "librdkafka/rdkafka.h": r"jobs/eventlog_kafka.*",
    "curl/curl.h": r"cli/.*",
    "ev.h": r"api/.*",
    "openssl/crypto.h": r"schema/access_key\.c",
    "openssl/evp.h": r"schema/access_key\.c",
    "tesseract/capi.h": r"jobs/(handler_ocr|image|image_handlers)\.[ch]",
    "leptonica/allheaders.h": r"jobs/(handler_.*|image|image_handlers)\.[ch]",
    "zbar.h": r"jobs/(handler_barcode|image|image_handlers)\.[ch]",
}


@pytest.mark.parametrize("path", sources(), ids=name)
def test_a_file_includes_only_its_own_folder_and_those_left_of_it(path):
    mine = LINE.index(path.relative_to(REPO).parts[0])
    for quote, header in INCLUDE.findall(path.read_text()):
        if quote == '"':
            folder = header.split("/")[0]
            assert folder in LINE, f'"{header}" does not start at the root'
            assert LINE.index(folder) <= mine, f'"{header}" is right of {LINE[mine]}/'
            assert (REPO / header).is_file() or "embed" in header, f'"{header}" is not there'


@pytest.mark.parametrize("path", sources(), ids=name)
def test_an_outside_library_is_named_only_where_it_belongs(path):
    for _, header in INCLUDE.findall(path.read_text()):
        if header in LIBRARIES:
            assert re.fullmatch(LIBRARIES[header], name(path)), f"{header} belongs in {LIBRARIES[header]}"


@pytest.mark.parametrize("path", [path for path in sources() if path.name.endswith("_priv.h")], ids=name)
def test_a_private_header_is_included_by_its_own_folder_alone(path):
    users = [user for user in sources() if f'"{name(path)}"' in user.read_text()]
    assert users and all(user.parent == path.parent for user in users), [name(user) for user in users]


def test_handler_h_needs_nothing_of_ours():
    for quote, header in INCLUDE.findall((REPO / "jobs/handler.h").read_text()):
        assert quote == "<", f'"{header}"'


@pytest.mark.parametrize("path", files(".h"), ids=name)
def test_a_header_is_guarded(path):
    text = path.read_text()
    guard = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
    assert guard and guard[1] == guard[2], "no guard"
