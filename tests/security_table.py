"""Whether each test that docs/SECURITY.md and docs/RELIABILITY.md name is there. Usage: security_table.py SOURCE_DIRECTORY"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
places = {"faults": "tests/faults", "disk faults": "tests/faults/disk", "process faults": "tests/faults/process", "integration": "tests/integration", "fuzz": "tests/fuzz", "sim": "tests/sim"}


def tests_of(prefix):
    directory = root / places.get(prefix, f"tests/unit/{prefix}")
    names = set()
    for source in directory.rglob("*.cpp"):
        names.update(re.findall(r'TEST_CASE(?:_METHOD)?\((?:\w+, )?"((?:[^"\\]|\\.)*)"', source.read_text()))
    return names


missing = 0
named = 0
for page in ("SECURITY.md", "RELIABILITY.md"):
    for prefix, name in re.findall(r"`((?:disk |process )?[a-z]+): ([^`]+)`", (root / "docs" / page).read_text()):
        named += 1
        if name not in tests_of(prefix):
            print(f"docs/{page} names a test that is not there: {prefix}: {name}")
            missing += 1
if named < 40:
    print(f"only {named} tests were found on the pages: is this still reading them?")
    missing += 1
sys.exit(1 if missing else 0)
