"""Images of the shapes that PERFORMANCE names, made of random bytes in real gzip layers, and their way into a registry."""

import dataclasses
import hashlib
import http.client
import json
import random
import tarfile
import zlib

MIB = 1 << 20
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
ACCEPT = f"{INDEX}, {MANIFEST}"

# Sizes of layers in bytes. Several architectures stand for a multi-arch index; the benchmarks take the first one.
SHAPES = {
    "fat": {"layers": [724 * MIB]},
    "equal": {"layers": [90 * MIB] * 8},
    "equal-short": {"layers": [32 * MIB] * 8},
    "small60": {"layers": [int(0.7 * MIB)] * 60},
    "small120": {"layers": [int(0.7 * MIB)] * 120},
    "mid": {"layers": [int(112 * MIB * part) for part in (0.62, 0.2, 0.1, 0.05, 0.02, 0.01)]},
    "multi": {"layers": [int(3.3e6 * part) for part in (0.6, 0.25, 0.1, 0.05)], "architectures": ["amd64", "arm64", "arm", "s390x"]},
    "wide": {"layers": [192 * MIB]},
    "huge": {"layers": [4096 * MIB]},
    "text": {"layers": [256 * MIB] * 4, "compressible": True},
    "text-short": {"layers": [64 * MIB] * 4, "compressible": True},
}


@dataclasses.dataclass
class Blob:
    digest: str
    size: int


@dataclasses.dataclass
class Image:
    """An image in a registry. layers: (blob, diff_id) in manifest order, of the architecture of this machine."""

    name: str
    manifest: Blob
    config: Blob
    layers: list

    @property
    def size(self):
        return sum(blob.size for blob, _ in self.layers)

    @property
    def largest(self):
        return max((blob for blob, _ in self.layers), key=lambda blob: blob.size)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Pusher:
    """Puts blobs and manifests into the repository `name` of the registry at host (HOST:PORT)."""

    def __init__(self, host, name):
        self.host, self.name = host, name

    def request(self, method, path, body=b"", headers=None, length=None):
        connection = http.client.HTTPConnection(self.host)
        try:
            headers = dict(headers or {})
            if length is not None:
                headers["Content-Length"] = str(length)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.body = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
            return answer
        finally:
            connection.close()

    def upload(self):
        location = self.request("POST", f"/v2/{self.name}/blobs/uploads/").headers["Location"]
        return location.removeprefix(f"http://{self.host}")

    def blob(self, data):
        digest = digest_of(data)
        self.request("PUT", f"{self.upload()}&digest={digest}", data, {"Content-Type": "application/octet-stream"})
        return Blob(digest, len(data))

    def layer(self, size, seed, architecture, compressible):
        """A gzip layer with one file; bytes go straight to the registry, so that size is not bound by memory."""
        raw, packed = hashlib.sha256(), hashlib.sha256()
        zipper = zlib.compressobj(6 if compressible else 0, zlib.DEFLATED, 31)
        sent = 0

        def pieces():
            nonlocal sent
            for piece in layer_tar(size, f"{seed}-{architecture}", compressible):
                raw.update(piece)
                yield zipper.compress(piece)
            yield zipper.flush()

        location = self.upload()
        for piece in grouped(pieces(), 32 * MIB):
            packed.update(piece)
            headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{sent}-{sent + len(piece) - 1}"}
            sent += len(piece)
            answer = self.request("PATCH", location, piece, headers)
            location = answer.headers["Location"].removeprefix(f"http://{self.host}")
        digest = "sha256:" + packed.hexdigest()
        self.request("PUT", f"{location}&digest={digest}")
        return Blob(digest, sent), "sha256:" + raw.hexdigest()

    def tag(self, image, tags):
        """More names for the manifest of `image`."""
        answer = self.request("GET", f"/v2/{self.name}/manifests/{image.manifest.digest}", headers={"Accept": ACCEPT})
        for each in tags:
            self.request("PUT", f"/v2/{self.name}/manifests/{each}", answer.body, {"Content-Type": MANIFEST})

    def manifest(self, document, media_type, tag=None):
        data = json.dumps(document).encode()
        digest = digest_of(data)
        self.request("PUT", f"/v2/{self.name}/manifests/{tag or digest}", data, {"Content-Type": media_type})
        return Blob(digest, len(data))


def manifest_digest(host, name):
    """What the tag 1 of the repository names."""
    return Pusher(host, name).request("HEAD", f"/v2/{name}/manifests/1", headers={"Accept": ACCEPT}).headers["Docker-Content-Digest"]


def grouped(pieces, size):
    """Joins pieces into blocks of at least `size` bytes, but for the last."""
    held = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= size:
            yield b"".join(held)
            held, count = [], 0
    if count:
        yield b"".join(held)


def layer_tar(size, seed, compressible):
    """A tar archive with one file of `size` bytes, piece by piece."""
    entry = tarfile.TarInfo(f"data/{seed}")
    entry.size = size
    yield entry.tobuf(tarfile.USTAR_FORMAT)
    source = random.Random(seed)
    left = size
    while left:
        length = min(left, MIB)
        # Half of text compresses to about half, as the files of ordinary images do.
        block = source.randbytes(length // 2) + b"all work and no play " * (length // 42) if compressible else source.randbytes(length)
        yield block.ljust(length, b"\0")[:length]
        left -= length
    yield bytes(-size % 512) + bytes(1024)


def push_shape(host, shape, architecture):
    """Makes the image `shape` and pushes it as shape:1. Returns the Image of `architecture`."""
    values = SHAPES[shape]
    pusher = Pusher(host, shape)
    architectures = values.get("architectures") or [architecture]
    if architecture not in architectures:
        architectures = [architecture, *architectures]
    several = len(architectures) > 1
    entries, image = [], None
    for each in architectures:
        layers = [pusher.layer(size, f"{shape}-{i}", each, values.get("compressible", False)) for i, size in enumerate(values["layers"])]
        config = pusher.blob(json.dumps({"architecture": each, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                                         "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]}}).encode())
        document = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, "digest": config.digest, "size": config.size},
                    "layers": [{"mediaType": LAYER, "digest": blob.digest, "size": blob.size} for blob, _ in layers]}
        manifest = pusher.manifest(document, MANIFEST, None if several else "1")
        entries.append({"mediaType": MANIFEST, "digest": manifest.digest, "size": manifest.size,
                        "platform": {"architecture": each, "os": "linux"}})
        if each == architecture:
            image = Image(shape, manifest, config, layers)
    if several:
        pusher.manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX, "1")
    return image
