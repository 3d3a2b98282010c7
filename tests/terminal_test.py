"""The program on terminals: 40, 80 and 200 columns, with and without colours, UTF-8 and cursor movement. Usage: terminal_test.py GANTRY [FILE]
With FILE, what the terminals showed is written there as text."""
import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import sys
import tempfile
import termios
import time
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, finish, program, run, serve  # noqa: E402

gantry = program(sys.argv[1])
WIDTHS = (40, 80, 200)


class Screen:
    """As much of a terminal as the program uses."""

    def __init__(self, width, height=24):
        self.width, self.height = width, height
        self.rows, self.row, self.column = [[]], 0, 0
        self.wrapped = 0
        self.cursor = True
        self.colours = set()
        self.unknown = set()

    def feed(self, text):
        at = 0
        while at < len(text):
            escape = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])").match(text, at)
            if escape:
                self.control(*escape.groups())
                at = escape.end()
                continue
            self.put(text[at])
            at += 1

    def control(self, private, number, what):
        if what == "A":
            self.row = max(0, self.row - int(number or 1))
        elif what == "K":
            del self.rows[self.row][self.column:]
        elif what == "J":
            del self.rows[self.row][self.column:]
            del self.rows[self.row + 1:]
        elif what == "m":
            self.colours.add(number)
        elif private and number == "25":
            self.cursor = what == "h"
        else:
            self.unknown.add(private + number + what)

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self.down()
        elif character == "\x1b" or ord(character) < 0x20:
            self.unknown.add(character)
        else:
            wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if self.column + wide > self.width:
                self.wrapped += 1
                self.down()
                self.column = 0
            line = self.rows[self.row]
            line.extend(" " * (self.column - len(line)))
            line[self.column:self.column + wide] = [character] + [""] * (wide - 1)
            self.column += wide

    def down(self):
        self.row += 1
        while len(self.rows) <= self.row:
            self.rows.append([])

    def lines(self):
        return ["".join(row).rstrip() for row in self.rows]


def on_terminal(width, words, environment, place):
    """Runs the program with standard error on a terminal. \\returns exit code, the screen, and what stood on it from time to time."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place)
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        os.execve(gantry, [gantry, *map(str, words)], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    screen, shots, raw = Screen(width), [], b""
    begun = time.monotonic()
    while time.monotonic() - begun < 200:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            got = os.read(terminal, 65536)
        except OSError:
            break
        if not got:
            break
        raw += got
        screen.feed(got.decode("utf-8", "replace").replace("\r\n", "\r\n"))
        shots.append((time.monotonic() - begun, screen.lines(), screen.wrapped))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), screen, shots, raw


def plain(environment, **more):
    kept = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "LC_ALL", "LC_CTYPE", "GITHUB_ACTIONS")}
    return {**kept, "TERM": "xterm-256color", "LANG": "C.UTF-8", "GANTRY_CONFIG": "/dev/null", **more}


def bars(shots):
    return [lines for _, lines, _ in shots if any(re.search(r"\d%", line) for line in lines)]


def check_widths(image, environment, place, record):
    for width in WIDTHS:
        code, screen, shots, raw = on_terminal(width, ["pull", image, "--store-only", "--limit-rate", "256K", "-j", "4"],
                                               plain(environment, GANTRY_CACHE_DIR=str(place / f"store{width}")), place)
        what = f"{width} columns: "
        check(code == 0, what + raw.decode("utf-8", "replace"))
        live = bars(shots)
        check(len(live) > 5, what + "bars move")
        # Live lines never reach the edge, or they could not be taken back.
        check(all(len(line) < width for lines in live for line in lines[-6:] if "%" in line), what + "bars have room")
        check(any("total" in line for lines in live for line in lines), what + "there is a total")
        check(any(re.search(r"total .*\d%.*/s.* left", line) for lines in live for line in lines), what + "the total has percentage, speed and time left")
        check("━" in raw.decode("utf-8", "replace") and "36" in screen.colours, what + "drawn in colour and with lines")
        check(screen.cursor and not screen.unknown, f"{what}the terminal is left as it was: {screen.unknown}")
        check(not any("%" in line for line in screen.lines()), f"{what}bars are gone in the end: {screen.lines()}")
        fields = max(len(re.findall(r"  ", line)) for lines in live for line in lines if "total" in line)
        record.append((width, shots, screen.lines(), fields))
    check(record[0][3] < record[2][3] or record[0][3] <= 2, "a narrow terminal shows less")


def check_manners(image, environment, place):
    def pull(name, width=80, **more):
        return on_terminal(width, ["pull", image, "--store-only", "--limit-rate", "512K"], plain(environment, GANTRY_CACHE_DIR=str(place / name), **more), place)

    _, screen, shots, raw = pull("nocolor", NO_COLOR="1")
    check(bars(shots) and not screen.colours and b"\xe2\x94" in raw, f"NO_COLOR: lines without colours: {screen.colours}")
    _, screen, shots, _ = pull("emptycolor", NO_COLOR="")
    check(screen.colours, "an empty NO_COLOR says nothing")
    _, screen, shots, raw = pull("ascii", LANG="C")
    check(bars(shots) and all(byte < 0x80 for byte in raw) and "#" in raw.decode(), "another locale than UTF-8: ASCII alone")
    _, screen, shots, raw = pull("latin", LANG="de_DE.ISO-8859-1")
    check(all(byte < 0x80 for byte in raw), "Latin 1: ASCII alone")
    for term in ("dumb", ""):
        _, screen, shots, raw = pull("dumb" + term, TERM=term)
        check(b"\x1b" not in raw and raw, f"TERM={term!r}: no escapes: {raw[:200]}")
    failed = run(gantry, "save", "no/such:1", "-o", place / "x.tar", env=plain(environment, CLICOLOR_FORCE="1"))
    check("\x1b[31m" in failed.stderr, "CLICOLOR_FORCE colours what goes into a file")
    failed = run(gantry, "save", "no/such:1", "-o", place / "x.tar", env=plain(environment, CLICOLOR_FORCE="1", NO_COLOR="1"))
    check("\x1b" not in failed.stderr and failed.stderr.startswith("gantry: "), "NO_COLOR wins over CLICOLOR_FORCE")
    failed = run(gantry, "save", "no/such:1", "-o", place / "x.tar", env=plain(environment))
    check("\x1b" not in failed.stderr, "no colours into a file")
    code, screen, _, _ = on_terminal(40, ["save", "no/such:1", "-o", str(place / "镜像" / "仓库.tar")], plain(environment), place)
    check(code != 0 and "31" in screen.colours, "an error is coloured on a terminal")
    code, screen, _, raw = on_terminal(40, ["verify", "--cache-dir", str(place / "镜像/仓库")], plain(environment), place)
    check("镜像" in raw.decode("utf-8", "replace") or code == 0, "wide characters arrive whole")


def check_help(environment, place):
    commands = re.findall(r"^    ([a-z]+)\) echo '-", run(gantry, "completion", "bash").stdout, re.M)
    check(len(commands) > 15, "commands are known")
    for width in WIDTHS:
        for words in (["help"], ["sync", "--help"], *(["help", command] for command in commands)):
            _, screen, _, raw = on_terminal(width, words, plain(environment), place)
            text = raw.decode().replace("\r", "")
            # A path of the file system is left whole.
            worst = [line for line in text.splitlines() if len(line) > width and " " in line.strip()]
            check(not worst, f"{words} at {width} columns: {worst}")
            check("--json" in text or words[-1] in ("help", "serve", "completion", "login", "logout"), f"{words} at {width} columns names its options")


def check_explanation(environment, place):
    for width in WIDTHS:
        _, _, _, raw = on_terminal(width, ["explain", "quay.io/a/b:1"], plain(environment), place)
        text = raw.decode().replace("\r", "")
        worst = [line for line in text.splitlines() if len(line) > width and " " in line.strip()]
        check("proxy" in text and not worst, f"explain at {width} columns: {worst}")


def check_messages(image, environment, place):
    """Errors, hints and summaries are broken at words, or not at all."""
    long_name = "no/such/" + "image" * 10 + ":1"
    for width in WIDTHS:
        for words in (["pull", image, "--store-only", "--progress", "none"], ["save", long_name, "-o", str(place / "x.tar")], ["pull", "--no-such-option"]):
            _, screen, _, raw = on_terminal(width, words, plain(environment, GANTRY_CACHE_DIR=str(place / f"messages{width}")), place)
            text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode().replace("\r", ""))
            # The result, a line with a digest, is for programs.
            worst = [line for line in text.splitlines() if len(line) > width and " " in line.strip() and "sha256:" not in line]
            check(re.search("^gantry:|^1 image in", text, re.M), f"{words} at {width} columns says something: {text}")
            check(not worst, f"{words} at {width} columns: {worst}")
            if words[0] == "save":
                check(long_name in text or "docker.io/" + long_name in text, f"a name stays whole at {width} columns: {text}")
    whole = run(gantry, "save", long_name, "-o", place / "x.tar", env=plain(environment, COLUMNS="40")).stderr
    check(not any(line.startswith(" ") for line in whole.splitlines()), f"lines into a file are not broken: {whole}")


def check_measurement(image, environment, place):
    code, _, shots, raw = on_terminal(80, ["bench", image, "--try", "1,auto", "--time", "1s", "--limit-rate", "256K"],
                                      plain(environment, GANTRY_CACHE_DIR=str(place / "bench")), place)
    shown = {line for _, lines, _ in shots for line in lines}
    for text in ("measuring -j 1 (1 of 2), ", "measuring -j auto (2 of 2), "):
        check(any(line.startswith(text) for line in shown), f"bench says what it measures: {text}: {raw[-400:]}")
    check(code == 0, f"bench: {raw[-400:]}")


def write(record, file):
    with open(file, "w") as out:
        for width, shots, final, _ in record:
            live = [(at, lines) for at, lines, _ in shots if any("%" in line for line in lines)]
            out.write(f"===== {width} columns\n")
            for part in (0.15, 0.5, 0.9):
                at, lines = live[int(part * (len(live) - 1))]
                out.write(f"--- after {at:.1f} s\n" + "".join(f"|{line.ljust(width)}|\n" for line in lines if line))
            out.write("--- in the end\n" + "".join(line + "\n" for line in final if line) + "\n")


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    make_layout(place / "layout", layers=4, size=150_000)
    run(gantry, "extract", place / "layout", "local.example/team/app:1.0", env=environment)
    record = []
    with serve(gantry, environment) as server:
        image = f"localhost:{server.port}/local.example/team/app:1.0"
        check_widths(image, environment, place, record)
        check_manners(image, environment, place)
        check_messages(image, environment, place)
        check_measurement(image, environment, place)
    check_help(environment, place)
    check_explanation(environment, place)
    if len(sys.argv) > 2:
        write(record, sys.argv[2])
finish()
