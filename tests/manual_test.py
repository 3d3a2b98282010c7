"""Help, manual pages and completions of the program, as shells and man read them. Usage: manual_test.py GANTRY"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, finish, program, run  # noqa: E402

gantry = program(sys.argv[1])


def commands():
    words = run(gantry, "completion", "bash").stdout.split("_gantry_commands() { echo '")[1].split("'")[0]
    return words.split()


def check_pages(verbs):
    for verb in verbs:
        help_text = run(gantry, "help", verb)
        check(help_text.returncode == 0 and "Examples:" in help_text.stdout, f"help of {verb} has no examples")
        page = run(gantry, "help", "--man", verb)
        check(page.returncode == 0 and page.stdout.startswith(f".TH GANTRY\\-{verb.upper()} 1"), f"manual page of {verb}")
        if shutil.which("groff"):
            formatted = run("groff", "-man", "-Tutf8", "-ww", "-z", input=page.stdout)
            check(formatted.stderr == "", f"groff on {verb}: {formatted.stderr}")
    top = run(gantry, "help").stdout
    groups = [line for line in top.split("\nOptions:")[0].splitlines() if line.endswith(":")]
    check(groups == ["Pull and save:", "Into registries:", "Looking:", "Store:", "Accounts:", "Help:"], f"groups of commands: {groups}")
    check(all(f"\n  {verb} " in top or f"\n  {verb}\n" in top for verb in verbs), "help names every command")
    check("141" in top.split("Exit codes:")[1] and "141" in run(gantry, "help", "--man").stdout, "help and manual page name every exit code")
    check(top.count("\n  gantry ") == 3 and "gantry help COMMAND" in top, "help has three examples and says where there are more")
    for words in (["help", "help"], ["--help"], ["help", "--help"]):
        check(run(gantry, *words).stdout == top, f"{words} prints the help")
    surplus = run(gantry, "help", "pull", "--json")
    check(surplus.returncode == 2 and "'--json' is one word too many" in surplus.stderr, f"help takes one command: {surplus.stderr}")
    # Who reads has seen enough: not a word, and the code of a program that SIGPIPE ends.
    reading, writing = os.pipe()
    os.close(reading)
    unread = subprocess.run([gantry, "help"], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writing)
    check(unread.returncode == 141 and unread.stderr == "", f"nobody reads the help: {unread.returncode} {unread.stderr}")
    with open("/dev/full", "w") as full:
        unwritten = subprocess.run([gantry, "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    check(unwritten.returncode == 7 and "cannot be written: No space left on device" in unwritten.stderr, f"a full disk has its reason: {unwritten.stderr}")
    main_page = run(gantry, "help", "--man").stdout
    check(all(f"gantry\\-{verb}" in main_page for verb in verbs), "the program's page names every command")
    # cmake/InstallManual.cmake makes a page of every name of that kind.
    check(set(re.findall(r"gantry\\-([a-z]+)", main_page)) == set(verbs), "and nothing else that looks like one")
    for section in ("OPTIONS", "EXAMPLES", "ENVIRONMENT", "FILES", "EXIT STATUS", "SEE ALSO"):
        check(f".SH {section}\n" in main_page, f"the program's page has {section}")
    if shutil.which("groff"):
        formatted = run("groff", "-man", "-Tutf8", "-ww", "-z", input=main_page)
        check(formatted.stderr == "", f"groff on the program's page: {formatted.stderr}")
        for verb in ("list", "clean", "verify"):
            shown = run("groff", "-man", "-Tascii", "-P-c", input=run(gantry, "help", "--man", verb).stdout).stdout
            check(not re.search(r"[a-z]-\n", shown), f"the manual page of {verb} breaks words: {shown}")
            # What JSON looks like stands as in the help, line by line.
            shape = re.search(r"^With --json.*?:\n((?:  .*\n)+)", run(gantry, "help", verb).stdout, re.M)
            check(shape and len(shape[1].splitlines()) >= 4, f"help of {verb} shows JSON")
            lines = [line.strip() for line in shown.splitlines()]
            check(shape and all(line.strip() in lines for line in shape[1].splitlines()), f"the manual page of {verb} breaks lines of JSON: {shown}")


def complete(script, line, environment):
    """What bash offers behind a line, each whole."""
    script_text = f'source {script}; COMP_LINE=$LINE; COMP_POINT=${{#COMP_LINE}}; _gantry 2>/dev/null; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return [one for one in run("bash", "--norc", "-c", script_text, env={**environment, "LINE": line}).stdout.splitlines() if one]


def check_blanks_and_lists(script, directory, environment):
    """Names with blanks, what stands behind '=' and behind a comma."""
    for file in ("my file.tar", "my other.tar", "plain.tar"):
        (directory / file).touch()
    here = f"gantry push {directory}/"
    check(sorted(complete(script, here + "my", environment)) == [f"{directory}/my file.tar", f"{directory}/my other.tar"], "names with blanks are whole")
    for typed in (here + "my\\ f", f"gantry push '{directory}/my f", f'gantry push "{directory}/my f'):
        check(complete(script, typed, environment) == [f"{directory}/my file.tar"], f"names with blanks go on: {typed}")
    check(complete(script, "gantry pull --progress=p", environment) == ["plain"], "values behind = complete")
    check(complete(script, f"gantry pull --output={directory}/pl", environment) == [f"{directory}/plain.tar"], "files behind = complete")
    check(complete(script, "gantry pull --platform linux/amd64,linux/s", environment) == ["linux/amd64,linux/s390x"], "the last of a list completes")
    check(complete(script, "gantry pull --quiet=", environment) == [], "an option without a value takes none")
    check(complete(script, "gantry import --for", environment) == ["--force"], "the other name of extract has options")


def check_bash(directory):
    script = directory / "bash"
    script.write_text(run(gantry, "completion", "bash").stdout)
    environment = dict(os.environ, PATH=f"{pathlib.Path(gantry).parent}:{os.environ['PATH']}", GANTRY_CACHE_DIR=str(directory / "store"))
    check(complete(script, "gantry pu", environment) == ["pull", "push"], "commands complete")
    check("--platform" in complete(script, "gantry pull --pl", environment), "options complete")
    check(complete(script, "gantry pull --progress p", environment) == ["plain"], "values complete")
    check(complete(script, "gantry pull -j ", environment) == ["auto"], "a number of connections may be a word")
    check(complete(script, "gantry pull --load ", environment) == ["docker", "podman", "ctr"], "listed values complete")
    check(complete(script, "gantry completion z", environment) == ["zsh"], "shells complete")
    check(complete(script, "gantry help --m", environment) == ["--man"], "the option of help completes")
    check("pull" in complete(script, "gantry help --man ", environment), "and commands behind it")
    (directory / "bundle.tar").touch()
    for verb in ("digest", "inspect"):
        check(complete(script, f"gantry {verb} {directory}/bund", environment) == [f"{directory}/bundle.tar"], f"{verb} takes a file")
    for typed in ("gantry ", "gantry pull -", "gantry sync -", "gantry help "):
        offered = complete(script, typed, environment)
        check(offered and len(offered) == len(set(offered)), f"nothing is offered twice behind '{typed}': {offered}")
    check_blanks_and_lists(script, directory, environment)
    # An image in the store: made here, no network.
    layout = directory / "layout"
    make_layout(layout)
    stored = run(gantry, "extract", str(layout), "local.example/some/app:1.0", env=environment)
    check(stored.returncode == 0, f"extract: {stored.stderr}")
    check(run(gantry, "completion", "--images", env=environment).stdout == "local.example/some/app:1.0\n", "stored images are told")
    check(complete(script, "gantry save local", environment) == ["local.example/some/app:1.0"], "stored images complete")
    check(complete(script, "gantry save local.example/some/app:", environment) == ["1.0"], "what bash has is not repeated")


def check_other_shells(directory):
    for shell in ("zsh", "fish"):
        script = directory / shell
        script.write_text(run(gantry, "completion", shell).stdout)
        check("completion" in script.read_text(), f"a script for {shell}")
        if shutil.which(shell):
            parsed = run(shell, "-n", str(script))
            check(parsed.returncode == 0 and not parsed.stderr, f"{shell} reads it: {parsed.stderr}")
    if shutil.which("fish"):
        offered = run("fish", "--no-config", "-c", f"source {directory / 'fish'}; complete -C 'gantry pull --progress p'").stdout
        check(offered.split()[:1] == ["plain"], f"fish completes values: {offered}")
        manual = run("fish", "--no-config", "-c", f"source {directory / 'fish'}; complete -C 'gantry help --m'").stdout
        check(manual.split()[:1] == ["--man"], f"fish completes the option of help: {manual}")
        helped = run("fish", "--no-config", "-c", f"source {directory / 'fish'}; complete -C 'gantry help pul'; complete -C 'gantry hel'").stdout
        check([line.split("\t")[0] for line in helped.splitlines()] == ["pull", "help"], f"fish completes help and its words: {helped}")
    check(run(gantry, "completion", "tcsh").returncode == 2, "an unknown shell is a mistake")


def check_annotations():
    failed = run(gantry, "inspect", "Not A Name", env=dict(os.environ, GITHUB_ACTIONS="true"))
    check("::error title=gantry::" in failed.stderr, "errors are annotations on GitHub")
    check("::error" not in run(gantry, "inspect", "Not A Name", env={**os.environ, "GITHUB_ACTIONS": ""}).stderr, "and not elsewhere")
    check(run(gantry, "--version").stdout.splitlines()[1].startswith("Boost 1."), "the version names libraries")


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    all_commands = commands()
    check(len(all_commands) > 15, "commands are listed")
    check_pages(all_commands)
    check_bash(place)
    check_other_shells(place)
    check_annotations()
finish()
