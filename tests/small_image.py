"""The smallest image, for tests of the program that need one."""
import hashlib
import json


def make_layout(at):
    """Writes an OCI layout with one image for linux/amd64 that has no layers."""
    blobs = at / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "config": {}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
                "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json")}
    top = blob(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (at / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (at / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
