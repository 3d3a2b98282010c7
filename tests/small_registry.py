"""Registries of tests in Python: docker-registry on loopback, and small images put into it by plain HTTP."""
import gzip
import hashlib
import io
import json
import pathlib
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, server):
    """Until something listens on the port; raises when the server ends before."""
    for _ in range(1200):
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not listen")


class Registry:
    """docker-registry over a directory of its own; users: the text of an htpasswd file."""

    def __init__(self, place, users=None):
        place.mkdir(parents=True)
        self.port = free_port()
        auth = ""
        if users:
            (place / "htpasswd").write_text(users)
            auth = f"auth:\n  htpasswd:\n    realm: test\n    path: {place / 'htpasswd'}\n"
        (place / "registry.yml").write_text(
            f"version: 0.1\nlog: {{level: error}}\nstorage:\n  delete: {{enabled: true}}\n  filesystem:\n    rootdirectory: {place / 'data'}\n"
            f"http:\n  addr: 127.0.0.1:{self.port}\n{auth}")
        self.server = subprocess.Popen(["docker-registry", "serve", str(place / "registry.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, self.server)

    def stop(self):
        self.server.terminate()
        self.server.wait(60)

    def ask(self, method, path, data=None, kind=None, headers=None):
        address = path if path.startswith("http") else f"http://127.0.0.1:{self.port}/v2/{path}"
        request = urllib.request.Request(address, data=data, method=method, headers={**(headers or {}), **({"Content-Type": kind} if kind else {})})
        return urllib.request.urlopen(request, timeout=60)

    def has(self, repository, reference):
        try:
            self.ask("HEAD", f"{repository}/manifests/{reference}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
            return True
        except urllib.error.HTTPError as refused:
            if refused.code == 404:
                return False
            raise

    def put_blob(self, repository, data, kind):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        where = self.ask("POST", f"{repository}/blobs/uploads/", b"").headers["Location"]
        self.ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", data, "application/octet-stream")
        return {"mediaType": kind, "digest": digest, "size": len(data)}

    def put_manifest(self, repository, reference, document):
        data = json.dumps(document).encode()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.ask("PUT", f"{repository}/manifests/{reference or digest}", data, document["mediaType"])
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(data)}

    def put_image(self, repository, tags, text, platforms=("linux/amd64", "linux/arm64", "linux/arm/v7")):
        """An index with an image of one small layer for each platform; returns its descriptor."""
        children = []
        for platform in platforms:
            system, architecture, *variant = platform.split("/")
            kind = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            plain = io.BytesIO()
            with tarfile.open(fileobj=plain, mode="w") as tar:
                member = tarfile.TarInfo("etc/issue")
                content = f"{text} {platform}\n".encode()
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            layer = plain.getvalue()
            config = {**kind, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}, "config": {}}
            manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                        "config": self.put_blob(repository, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                        "layers": [self.put_blob(repository, gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")]}
            children.append({**self.put_manifest(repository, None, manifest), "platform": kind})
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
        for tag in tags:
            top = self.put_manifest(repository, tag, index)
        return top

    def put_referrer(self, repository, subject):
        """A document that refers to another, under the tag that registries without the referrers API use."""
        empty = self.put_blob(repository, b"{}", "application/vnd.oci.empty.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.sbom", "config": empty, "layers": [empty], "subject": subject}
        made = self.put_manifest(repository, None, manifest)
        self.put_manifest(repository, subject["digest"].replace(":", "-"),
                          {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**made, "artifactType": manifest["artifactType"]}]})
        return made


def htpasswd(user, password):
    """One line for an htpasswd file, by apache2-utils."""
    return subprocess.run(["htpasswd", "-nbB", "-C", "4", user, password], capture_output=True, text=True, check=True).stdout.strip() + "\n"
