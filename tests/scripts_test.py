"""Shell, YAML and the Dockerfile: shellcheck, yamllint, and what bash and Python make of them. Usage: scripts_test.py SOURCE_DIR"""
import pathlib
import re
import shutil
import subprocess
import sys

source = pathlib.Path(sys.argv[1]).resolve()
failures = []


def scripts():
    for pattern in ("*.sh", ".ci/*", "tools/*", "packaging/**/*", "bench/*.sh", "tests/**/*.sh"):
        for file in sorted(source.glob(pattern)):
            if file.is_file() and file.read_bytes()[:2] == b"#!" and b"sh" in file.read_bytes().split(b"\n", 1)[0]:
                yield file


def run(*words):
    done = subprocess.run([str(word) for word in words], cwd=source, capture_output=True, text=True, timeout=300)
    if done.returncode:
        failures.append(f"{' '.join(str(word) for word in words[:3])}: {done.stdout}{done.stderr}")


found = list(scripts())
if len(found) < 9:
    failures.append(f"only {len(found)} scripts were found")
for script in found:
    run("bash", "-n", script)
if shutil.which("shellcheck"):
    run("shellcheck", "-x", *found)
else:
    print("skipped: shellcheck is missing")

documents = sorted([source / "action.yml", *source.glob(".github/workflows/*.yml"), *source.glob("packaging/**/*.yaml")])
if shutil.which("yamllint"):
    rules = "{extends: default, rules: {line-length: disable, document-start: disable, truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}, braces: {max-spaces-inside: 1}}}"
    run("yamllint", "--strict", "-d", rules, *documents)
else:
    print("skipped: yamllint is missing")

# The Dockerfile: what it copies and calls is there, it ends in an image that is not root's and has no shell form.
text = (source / "packaging" / "docker" / "Dockerfile").read_text()
for word in re.findall(r"(?:tools|packaging)/[\w/.]+", text):
    if not (source / word).exists():
        failures.append(f"Dockerfile: there is no {word}")
last = text.split("FROM scratch")[-1]
for wanted in (r"^USER \d+$", r"^ENTRYPOINT \[", r"^COPY --from=build /image /$"):
    if not re.search(wanted, last, re.M):
        failures.append(f"Dockerfile: the last stage has no line {wanted}")

for failure in failures:
    print("failed:", failure)
sys.exit(1 if failures else 0)
