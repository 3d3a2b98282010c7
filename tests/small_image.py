"""The smallest image, for tests of the program that need one."""
import gzip
import hashlib
import io
import json
import random
import tarfile


def layer_of(number, size):
    """A tar with one file that does not compress."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(f"file{number}")
        entry.size = size
        tar.addfile(entry, io.BytesIO(random.Random(number).randbytes(size)))
    return out.getvalue()


def make_layout(at, layers=0, size=100_000):
    """Writes an OCI layout with one image for linux/amd64 that has so many layers with a file of that size."""
    blobs = at / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    plain = [layer_of(number, size) for number in range(layers)]
    config = {"architecture": "amd64", "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in plain]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "layers": [blob(gzip.compress(data, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for data in plain],
                "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")}
    top = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (at / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (at / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
