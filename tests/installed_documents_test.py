"""What is installed is whole: no document of a package has a link that leads nowhere, whichever other packages are there.
Usage: installed_documents_test.py SOURCE_DIR CMAKE BINARY_DIR"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import links  # noqa: E402
from toolbox import check, finish  # noqa: E402

source, cmake, build = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
PAGE = "https://github.com/OWNER/gantry"
MOVED = {"examples/images.json": "images.json", "examples/ftp_upload.sh": "tools/ftp_upload.sh"}


def check_documents(place, name, expected):
    """No dead links; addresses of the project's page name files of the sources."""
    documents = sorted(place.rglob("*.md"))
    check(len(documents) >= expected, f"{name} has {len(documents)} documents")
    outside = 0
    for document in documents:
        text = document.read_text()
        for target in links.targets(text):
            why = links.nowhere(document, target)
            check(not why, f"{name}, {document.relative_to(place)}: {target} {why}")
            linked = place in (document.parent / target.partition("#")[0]).resolve().parents
            check(":" in target or target.startswith("#") or linked, f"{name}, {document.relative_to(place)}: {target} leaves the package")
            if target.startswith((f"{PAGE}/blob/", f"{PAGE}/tree/", f"{PAGE}/raw/")):
                outside += 1
                kind, _, path = target.removeprefix(f"{PAGE}/").partition("#")[0].split("/", 2)
                there = source / path
                check(there.is_dir() if kind == "tree" else there.is_file(), f"{name}: {target} is no {kind} of the sources")
    check(outside > 0, f"{name} links nothing at the project's page")


def check_moved(place, name):
    for now, before in MOVED.items():
        file, original = place / now, source / before
        check(file.is_file() and file.read_bytes() == original.read_bytes(), f"{name} has no {now}")
        check(os.access(file, os.X_OK) == os.access(original, os.X_OK), f"{name}: {now} has another mode than {before}")
    check("](examples/images.json)" in (place / "README.md").read_text(), f"{name}: README.md links the list where it is now")
    check("](../examples/images.json)" in (place / "docs" / "CI.md").read_text(), f"{name}: CI.md links the list where it is now")


def check_code(place, name, original):
    """Nothing but links differs."""
    installed = (place / original.name).read_text().splitlines()
    for one, other in zip(original.read_text().splitlines(), installed):
        check(one == other or "](" in one, f"{name}: {original.name} has {other} where it had {one}")
    check(len(installed) == len(original.read_text().splitlines()), f"{name}: {original.name} has another length")


with tempfile.TemporaryDirectory() as directory:
    work = pathlib.Path(directory)
    environment = {key: value for key, value in os.environ.items() if key != "DESTDIR"}

    def run(*words):
        done = subprocess.run([cmake, *map(str, words)], env=environment, capture_output=True, text=True, timeout=300)
        check(done.returncode == 0, f"{words}: {done.stderr}")

    # Each package alone, as somebody may install it.
    for component, package, expected in (("app", "gantry", 20), ("dev", "libgantry-dev", 1)):
        prefix = work / component
        run("--install", build, "--prefix", prefix, "--component", component)
        (place,) = prefix.rglob(f"doc/{package}")
        check_documents(place, package, expected)
        check((place / "copyright").read_bytes() == (source / "LICENSE").read_bytes(), f"{package} has the licence")
    app, dev = (next((work / component).rglob(f"doc/{package}")) for component, package in (("app", "gantry"), ("dev", "libgantry-dev")))
    check_moved(app, "gantry")
    check_code(app, "gantry", source / "README.zh-CN.md")
    check((dev / "EMBEDDING.md").is_file(), "libgantry-dev has EMBEDDING.md")
    check_code(dev, "libgantry-dev", source / "docs" / "EMBEDDING.md")
    check("](examples/pull_callback.cpp)" in (dev / "EMBEDDING.md").read_text(), "EMBEDDING.md links the examples beside it")
    # As tools/release.sh does it.
    run(f"-DCMAKE_INSTALL_PREFIX={work / 'tarball'}", "-Dgantry_package=tarball", "-Dgantry_documents=share/doc/gantry", f"-Dgantry_source={source}",
        f"-Dgantry_page={PAGE}", "-Dgantry_version=1.2.3", "-P", source / "cmake" / "InstallDocuments.cmake")
    tarball = work / "tarball" / "share" / "doc" / "gantry"
    check_documents(tarball, "the tarball", 20)
    check_moved(tarball, "the tarball")
    check("](LICENSE)" in (tarball / "README.md").read_text() and (tarball / "LICENSE").is_file(), "the tarball has the licence")
    check(f"]({PAGE}/blob/v1.2.3/bench/RESULTS.md)" in (tarball / "README.md").read_text(), "links lead to the version that is installed")
finish()
