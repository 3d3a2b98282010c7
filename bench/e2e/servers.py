"""The servers behind the benchmarks, all on loopback: docker-registry, plain and with TLS, nginx, and the relay that plays the network; and
the daemon that ctr needs."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port, process, what):
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"{what} does not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{what} does not listen")


def registry_config(storage, port):
    return {"version": "0.1", "log": {"accesslog": {"disabled": True}, "level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(storage), "maxthreads": 200}, "cache": {"blobdescriptor": "inmemory"}},
            "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"}}


class EmptyRegistry:
    """A docker-registry with nothing in it, for one run that fills it; its storage goes with it."""

    def __init__(self, directory):
        self.directory, self.port = pathlib.Path(directory), free_port()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.directory.mkdir(parents=True)
        path = self.directory / "registry.yml"
        path.write_text(json.dumps(registry_config(self.directory / "storage", self.port)))
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", str(path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.port, self.process, "docker-registry")
        return self

    def __exit__(self, *_):
        stop(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)


class Servers:
    """One storage with these in front of it: registry (plain), tls (the same behind a certificate of our CA), and nginx as
    front (asks for a token, redirects blobs) and blob host, as direct (answers all itself) and as refusing (direct, but one request in eight
    is answered by 429). Ports are in `ports`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.storage = self.directory / "storage"
        self.processes = []
        self.ports = {name: free_port() for name in ("registry", "tls", "front", "blobs", "relayed_front", "relayed_blobs", "direct", "refusing")}
        self.ca = self.directory / "certs" / "ca.crt"
        self.make_certificates()
        self.start_registry("registry", None)
        self.start_registry("tls", {"certificate": str(self.directory / "server.crt"), "key": str(self.directory / "server.key")})
        self.registries = list(self.processes)
        self.has_nginx = shutil.which("nginx") is not None or os.path.exists("/usr/sbin/nginx")
        if self.has_nginx:
            self.start_nginx()
        self.containerd = self.start_containerd()

    def make_certificates(self):
        self.ca.parent.mkdir()
        run = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, cwd=self.directory, capture_output=True)
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", self.ca, "-days", 30, "-subj", "/CN=bench CA")
        run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
        (self.directory / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        run("x509", "-req", "-in", "server.csr", "-CA", self.ca, "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.crt", "-days", 30,
            "-extfile", "extensions")

    def start_registry(self, name, tls):
        config = registry_config(self.storage, self.ports[name])
        if tls:
            config["http"]["tls"] = tls
        path = self.directory / f"{name}.yml"
        path.write_text(json.dumps(config))  # JSON is YAML
        self.start(name, ["docker-registry", "serve", path])

    def start_nginx(self):
        path = self.directory / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        guard = ('if ($http_authorization = "") { add_header WWW-Authenticate \'Bearer realm="http://$http_host/token",service="bench"\' always; '
                 "return 401; }")
        refusal = "if ($refused) { add_header Retry-After 1 always; return 429; }"
        file = "docker/registry/v2/blobs/sha256/$two/$two$rest/data"
        redirect = f'return 307 http://127.0.0.1:{self.ports["relayed_blobs"]}/{file};'
        answer = f"default_type application/octet-stream; alias {self.storage}/{file};"

        def registry(first, blob):
            """A registry behind nginx: what happens to each request first, and what to one for a blob then."""
            return f"""location ~ "^/v2/.+/blobs/sha256:(?<two>[0-9a-f][0-9a-f])(?<rest>[0-9a-f]+)$" {{
      {first}
      {blob}
    }}
    location /v2/ {{
      {first}
      proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    }}"""

        path.write_text(f"""
{user} daemon off; worker_processes 2; pid {self.directory}/nginx.pid; error_log {self.directory}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  client_body_temp_path {self.directory}/nginx-body; proxy_temp_path {self.directory}/nginx-proxy; fastcgi_temp_path {self.directory}/nginx-f;
  uwsgi_temp_path {self.directory}/nginx-u; scgi_temp_path {self.directory}/nginx-s;
  upstream registry {{ server 127.0.0.1:{self.ports["registry"]}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{self.ports["front"]};
    location = /token {{ default_type application/json; return 200 '{{"token":"bench","expires_in":300}}'; }}
    {registry(guard, redirect)}
  }}
  split_clients $request_id $refused {{ 12.5% 1; * 0; }}
  server {{
    listen 127.0.0.1:{self.ports["direct"]};
    {registry("", answer)}
  }}
  server {{
    listen 127.0.0.1:{self.ports["refusing"]};
    {registry(refusal, answer)}
  }}
  server {{ listen 127.0.0.1:{self.ports["blobs"]}; root {self.storage}; default_type application/octet-stream; }}
}}
""")
        self.start("front", [shutil.which("nginx") or "/usr/sbin/nginx", "-e", self.directory / "nginx.log", "-c", path])

    def start_containerd(self):
        """A containerd that knows nothing and keeps namespaces apart; its socket, or None where it cannot run."""
        if os.geteuid() != 0 or not (shutil.which("containerd") and shutil.which("ctr")):
            return None
        place = self.directory / "containerd"
        place.mkdir()
        address = place / "containerd.sock"
        (place / "config.toml").write_text(f"""version = 2
root = "{place}/root"
state = "{place}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{address}"
[ttrpc]
address = "{address}.ttrpc"
[plugins."io.containerd.metadata.v1.bolt"]
content_sharing_policy = "isolated"
""")
        log = open(place / "log", "ab")
        process = subprocess.Popen(["containerd", "--config", place / "config.toml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        for _ in range(200):
            with socket.socket(socket.AF_UNIX) as probe:
                if process.poll() is None and probe.connect_ex(str(address)) == 0:
                    return address
            if process.poll() is not None:
                break
            time.sleep(0.05)
        print("containerd does not start: ctr is left out", file=sys.stderr)
        return None

    def start(self, name, command):
        log = open(self.directory / f"{name}.log", "ab")
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        wait_for_port(self.ports[name], process, f"{command[0]} (log: {self.directory}/{name}.log)")

    def stop(self):
        for process in self.processes:
            stop(process)


class Relay:
    """The shaped way to one server for one run: `with Relay(...) as relay`, afterwards its counters."""

    def __init__(self, program, servers, to, arguments, port=0):
        routes = [("relayed_front", "front"), ("relayed_blobs", "blobs")] if to == "front" else [(None, to)]
        self.command = [str(program)]
        for listen, target in routes:
            self.command += ["--listen", str(servers.ports[listen] if listen else port), "--to", str(servers.ports[target])]
        self.command += [str(word) for word in arguments]
        self.counters = {}

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        found = re.match(r"listening (\d+)", first)
        if not found:
            raise RuntimeError(f"the relay does not start: {' '.join(self.command)}")
        self.port = int(found[1])
        return self

    def now(self):
        """The counters while it runs."""
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        text, _ = self.process.communicate(timeout=20)
        self.counters = json.loads(text.strip().splitlines()[-1])
