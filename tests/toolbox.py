"""What the tests that run the program from outside share."""
import os
import pathlib
import socket
import subprocess
import sys
import time

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def finish():
    """Prints what did not hold and ends the process."""
    for text in dict.fromkeys(failures):
        print("failed:", text)
    sys.exit(1 if failures else 0)


def program(argument):
    return str(pathlib.Path(argument).resolve())


def run(*words, **more):
    more.setdefault("timeout", 300)
    # A person's settings are not part of a test.
    more["env"] = {"GANTRY_CONFIG": "/dev/null", **(more.get("env") or os.environ)}
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process=None):
    """Until somebody listens there, or the process that should has ended."""
    for _ in range(600):
        if process is not None and process.poll() is not None:
            return
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)


class Server:
    """A process that listens on a port of its own, for the length of a with block. {port} in its words stands for the port."""

    def __init__(self, *words, **more):
        self.port = free_port()
        self.words = [str(word).replace("{port}", str(self.port)) for word in words]
        self.more = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **more}

    def __enter__(self):
        self.process = subprocess.Popen(self.words, **self.more)
        wait_for(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(100)


def serve(gantry, environment):
    """`gantry serve` of the store that the environment names."""
    return Server(gantry, "serve", "--listen", "127.0.0.1:{port}", "-q", env={"GANTRY_CONFIG": "/dev/null", **environment})


def docker_registry(place):
    """A real registry; its data lie below \\p place."""
    registry = Server("docker-registry", "serve", place / "registry.yml")
    (place / "registry.yml").write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {place / 'registry'}\n  delete:\n    enabled: true\n"
                                        f"http:\n  addr: 127.0.0.1:{registry.port}\n")
    return registry
