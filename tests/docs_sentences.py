"""Commands of other programs and of scripts that stand inside sentences of the documents, and who runs each of them. Those of gantry itself are
looked at by docs_test.py, too.

Known is a command that
- is the beginning of one in a block, which docs_commands.py runs; or
- calls a script of this repository that is there and has its options; or
- stands in one of the tables below.
docs_test.py sees to it that there is no other; docs_commands.py runs what RUN_HERE says, behind the blocks of the page."""
import os
import pathlib
import re

# First words by which a command is told from a name, a setting or a message.
PROGRAMS = {"apt", "apt-get", "aws", "az", "cmake", "cosign", "cpack", "crane", "ctest", "ctr", "curl", "docker", "dockerd", "gcloud", "gdb", "git", "gunzip", "htpasswd", "journalctl",
            "kill", "kubectl", "lintian", "logrotate", "mount", "openssl", "oras", "perf", "podman", "python3", "regctl", "sbatch", "skopeo", "ss", "ssh", "strace", "sudo", "systemctl",
            "tar", "ulimit", "umoci", "uname", "valgrind"}
SCRIPT = r"(\./|tools/|bench/|\.ci/)[\w./-]+"

# As a sentence has it, and as it is run in the place of its page: with names where it has words that stand for some.
RUN_HERE = {
    "docker load -i nginx.tar.gz": "docker load -i nginx.tar.gz",
    "skopeo copy docker-archive:nginx.tar TARGET": "skopeo copy docker-archive:nginx.tar oci:copied:1",
    "ss -ltnp": "ss -ltnp",
    "ss -tn": "ss -tn",
    "strace -fc": "strace -fc -o counts.txt gantry list",
    "tar -tf nginx.tar.gz": "tar -tf nginx.tar.gz",
    "ulimit -n": "ulimit -n",
    "ulimit -n 1024": "ulimit -n 1024",
    "ulimit -u": "ulimit -u",
    "valgrind --leak-check=full gantry pull -o image.tar IMAGE": "valgrind --leak-check=full -q gantry pull -q -o image.tar nginx:1.25",
}

# What another test runs: the file, and words of it.
ELSEWHERE = {
    "docker save": ("tests/integration/reading_test.cpp", 'docker->docker({"save"'),
    "podman save": ("tests/integration/reading_test.cpp", '"save", "-q"'),
    "dockerd --registry-mirror http://HOST:PORT": ("tests/integration/serve_mirror_test.cpp", '"--registry-mirror=http://"'),
    "skopeo sync": ("bench/e2e/special.py", 'programs.found("skopeo"), "sync"'),
    "kill -9": ("tests/integration/resume_test.cpp", "SIGKILL"),
    "ctest --test-dir build/release -R 'part of its name'": ("tests/security_table.py", "RELIABILITY.md"),
}

# What is not run, and why.
ACCOUNT, KERNEL, NAMED = "needs an account of that service", "needs a kernel that lets it count", "tells what that program does, and is nothing to type"
NOT_RUN = {
    "aws ecr get-login-password": ACCOUNT,
    "aws ecr-public get-login-password --region us-east-1": ACCOUNT,
    "az acr login --name NAME --expose-token --output tsv --query accessToken": ACCOUNT,
    "gcloud auth print-access-token": ACCOUNT,
    "docker login": NAMED,
    "docker push": NAMED,
    "podman login": NAMED,
    "skopeo --dest-shared-blob-dir": NAMED,
    "perf record -e cpu-clock": KERNEL,
    "perf record -a -e cpu-clock -o sync.perf -- gantry sync LIST --to HOST --plain-http -q -j 8 --cache-dir STORE": KERNEL,
    "perf report -i sync.perf --sort comm": KERNEL,
    "perf sched": KERNEL,
}


def spans(text):
    """What stands between backticks outside of blocks, on one line each."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.S | re.M))]


def is_command(span):
    words = span.split()
    return len(words) > 1 and bool(words[0] in PROGRAMS or re.fullmatch(SCRIPT, words[0]) or re.match(r"[A-Z_]+=\S", words[0]))


def why_unknown(span, in_blocks, source):
    """Empty where somebody runs the command, or it is told why nobody does; `in_blocks` are the commands of all blocks, `source` the repository."""
    words = span.split()
    if span in RUN_HERE or span in NOT_RUN or any(command.split()[:len(words)] == words for command in in_blocks):
        return ""
    if span in ELSEWHERE:
        name, said = ELSEWHERE[span]
        return "" if (source / name).is_file() and said in (source / name).read_text() else f"{name} does not say {said}"
    # Variables in front of a program of the repository are those that it reads.
    while words and (variable := re.match(r"([A-Z_]+)=", words[0])):
        words.pop(0)
        if not re.search(rf"\b{variable[1]}\b", "".join(file.read_text() for file in sorted((source / "tests").rglob("*.cpp")))):
            return f"no test reads {variable[1]}"
    if words and re.match(r"build/\w+/tests/\w+$", words[0]):
        name = pathlib.Path(words[0]).name
        return "" if name in (source / "tests" / "CMakeLists.txt").read_text() else f"there is no {name}"
    if words and re.fullmatch(SCRIPT, words[0]):
        script = source / words[0]
        if not os.access(script, os.X_OK):
            return f"there is no program {words[0]}"
        # bench/run.sh hands on to run.py what it does not know.
        text = script.read_text() + ((source / "bench" / "e2e" / "run.py").read_text() if words[0] == "bench/run.sh" else "")
        return next((f"{words[0]} has no {word}" for word in words[1:] if word.startswith("-") and not re.search(rf"{re.escape(word)}\b", text)), "")
    return "no test runs it; make it a block, or say in tests/docs_sentences.py who does"
