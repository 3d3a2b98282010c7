"""What stands for cmake, ctest, cpack, sudo, docker and gh where tests/docs_commands.py runs commands that would compile for minutes, that need root
or a daemon, or that would publish something: that comes into the directory RELEASED. It knows what the real ones would refuse (presets, options, targets and files that are not there) and puts the program that
is tested where the real ones would put theirs. Usage: build_stand_in.py GANTRY NAME ARGUMENT..."""
import argparse
import json
import os
import pathlib
import re
import shutil
import sys

program, name, words = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
released = pathlib.Path(os.environ.get("RELEASED", "."))


def refuse(what):
    sys.exit(f"{name}: {what}")


def need(path, what="no such file"):
    if not pathlib.Path(path).exists():
        refuse(f"{what}: {path}")
    return pathlib.Path(path)


def preset(kind, wanted, place="."):
    presets = json.loads((need(pathlib.Path(place) / "CMakePresets.json")).read_text())
    if wanted not in {one["name"] for one in presets[kind] if not one.get("hidden")}:
        refuse(f"no such preset: {wanted}")
    return wanted


def recipes():
    """All that the build says."""
    root = pathlib.Path(__file__).parent.parent
    files = [root / "CMakeLists.txt", *(file for part in ("cmake", "engine", "apps", "tests", "bench", "examples") for file in (root / part).rglob("CMakeLists.txt")),
             *(root / "cmake").glob("*.cmake")]
    return "\n".join(file.read_text() for file in files)


def put(where):
    where.parent.mkdir(parents=True, exist_ok=True)
    where.unlink(missing_ok=True)
    where.symlink_to(program)


def configure(options, definitions):
    source = pathlib.Path(options.source)
    build = pathlib.Path(options.binary or source / "build" / preset("configurePresets", options.preset, source))
    said = recipes()
    for definition in definitions:
        variable = definition.split("=")[0].split(":")[0]
        if not variable.startswith("CMAKE_") and not re.search(rf"\b{variable}\b", said):
            refuse(f"no such option: {variable}")
    build.mkdir(parents=True, exist_ok=True)
    for file in ("build.ninja", "CMakeCache.txt", "CPackConfig.cmake"):
        (build / file).touch()


def build(options):
    at = pathlib.Path(options.build or pathlib.Path("build") / preset("buildPresets", options.preset))
    need(at / "build.ninja", "not configured")
    said = recipes()
    modules = {f"unit_{directory.name}" for directory in (pathlib.Path(__file__).parent / "unit").iterdir()}
    for target in options.target or []:
        if target not in modules and not re.search(rf"add_(executable|library|custom_target)\({target}\b", said):
            refuse(f"no such target: {target}")
    put(at / "apps" / "gantry" / "gantry")
    put(at / "portable" / "gantry-portable")
    # The test programs are those of the real build; where that left them out, as quickstart.sh does, nothing is tested.
    for module in modules:
        made, real = at / "tests" / module, program.parent.parent.parent / "tests" / module
        made.parent.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
        if real.exists():
            made.symlink_to(real)
        else:
            made.write_text("#!/bin/sh\n")
            made.chmod(0o755)


def cmake():
    if "-P" in words:
        os.execv("/usr/bin/cmake", ["/usr/bin/cmake", *words])
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    parser.add_argument("--preset")
    parser.add_argument("-S", dest="source", default=".")
    parser.add_argument("-B", dest="binary")
    parser.add_argument("--build", nargs="?", const="")
    parser.add_argument("--install")
    parser.add_argument("--prefix")
    parser.add_argument("--component")
    parser.add_argument("--target", nargs="+")
    options = parser.parse_args([word for word in words if not word.startswith("-D")])
    if options.install:
        made = need(pathlib.Path(options.install) / "apps" / "gantry" / "gantry", "not built")
        if options.component and not re.search(rf"\bCOMPONENT {options.component}\b", recipes()):
            refuse(f"no such component: {options.component}")
        # Without a prefix it would be the machine's own place: the build tree has a stand-in of it.
        place = pathlib.Path(options.prefix or pathlib.Path(options.install) / "usr-local") / "bin"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(made, place)
    elif options.build is not None:
        build(options)
    else:
        configure(options, [word[2:] for word in words if word.startswith("-D")])


def ctest():
    at = pathlib.Path("build") / preset("testPresets", words[words.index("--preset") + 1])
    need(at / "build.ninja", "not configured")


def cpack():
    need(words[words.index("--config") + 1], "not configured")
    place = pathlib.Path(words[words.index("-B") + 1])
    place.mkdir(parents=True, exist_ok=True)
    version = re.search(r"^project\(gantry VERSION (\d+\.\d+)([0-9.]*)", need("CMakeLists.txt").read_text(), re.M)
    for package in ("gantry", f"libgantry{version[1]}", "libgantry-dev"):
        (place / f"{package}_{version[1]}{version[2]}-1_amd64.deb").write_text(package)


def sudo():
    if words[:2] != ["apt", "install"]:
        os.execvp(words[0], words)
    for file in words[2:]:
        need(file)


def docker():
    if words[0] == "build":
        recipe = need(words[words.index("-f") + 1]).read_text()
        for line in re.findall(r"^COPY (?!--from)(.*)$", recipe, re.M):
            for file in line.split()[:-1]:
                need(pathlib.Path(words[-1]) / file)
        if "--target" in words and not re.search(rf"^FROM .* AS {words[words.index('--target') + 1]}$", recipe, re.M):
            refuse(f"the Dockerfile has no stage {words[words.index('--target') + 1]}")
        with open(".images", "a") as built:
            built.writelines(f"{words[at + 1]}\n" for at, word in enumerate(words) if word == "-t")
        return
    if words[0] == "push":
        built = need(".images").read_text().splitlines()
        pushed = [image for image in built if words[-1] == (image.rpartition(":")[0] if words[1] == "--all-tags" else image)]
        if not pushed:
            refuse(f"no such image: {words[-1]}")
        released.mkdir(parents=True, exist_ok=True)
        with open(released / "images", "a") as images:
            images.writelines(f"{image}\n" for image in pushed)
        return
    if words[0] == "login":
        sys.stdin.read()
        return
    # run: what stands behind the image's name, in the directory that is mounted. The image is one that was built here, or pushed.
    value_of = ("-v", "-w", "--user", "-e")
    at = next(at for at, word in enumerate(words) if words[at - 1] not in value_of and re.fullmatch(r"([\w./]+/)?gantry(:\S+)?", word))
    image = words[at].lower()
    place = released / "images" if "/" in image else pathlib.Path(".images")
    if not {image, f"{image}:latest"} & set(need(place).read_text().splitlines()):
        refuse(f"no such image: {image}")
    os.execv(program, ["gantry", *words[at + 1:]])


def gh():
    if words[:2] != ["release", "create"]:
        refuse(f"not known here: {words}")
    for file in (word for word in words if word.startswith("build/")):
        shutil.copy(need(file), released)


{"cmake": cmake, "ctest": ctest, "cpack": cpack, "sudo": sudo, "docker": docker, "gh": gh}[name]()
