"""Whether a program is hardened: position independent, its relocations read-only before it starts, no executable stack, stacks guarded,
fortified calls. Usage: hardening.py PROGRAM [LIBRARY_PLACE]
LIBRARY_PLACE: the one place in which it may search libraries first, as it stands in the program; without it none"""
import re
import subprocess
import sys


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], check=True, capture_output=True, text=True).stdout


program = sys.argv[1]
allowed_places = sys.argv[2:3]
header = readelf("-h", program)
segments = readelf("-l", program).splitlines()
dynamic = readelf("-d", program)
symbols = readelf("--dyn-syms", program)
places = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic)
stack = [line for line in segments if "GNU_STACK" in line]

checks = {
    "position independent": "Type:" in header and "DYN" in header and "PIE" in dynamic,
    "relocations read-only (RELRO)": any("GNU_RELRO" in line for line in segments),
    "all symbols bound at the start (BIND_NOW)": "NOW" in dynamic,
    "no executable stack": bool(stack) and "RWE" not in stack[0],
    "guarded stacks": "__stack_chk_fail" in symbols,
    "fortified calls": "_chk@" in symbols.replace("__stack_chk_fail@", ""),
    f"places to search libraries in (RPATH) are {allowed_places}, not {places}": places == allowed_places,
}
missing = [what for what, held in checks.items() if not held]
for what in missing:
    print(f"{program}: not so: {what}")
sys.exit(1 if missing else 0)
