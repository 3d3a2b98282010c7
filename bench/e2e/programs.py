"""The programs that are compared, each as the command line that moves one image or blob. A program gets a Target and an empty directory."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

VERSIONS = {"skopeo": ["--version"], "curl": ["--version"], "aria2c": ["--version"], "crane": ["version"], "regctl": ["version"],
            "oras": ["version"], "docker-registry": ["--version"], "ctr": ["--version"], "nginx": ["-v"]}


@dataclasses.dataclass
class Target:
    """What to fetch from where: host is HOST:PORT, ca the certificate authority's file when it speaks TLS. jobs is 0 for the
    program's own choice."""

    host: str
    image: object
    ca: pathlib.Path = None
    jobs: int = 0

    @property
    def reference(self):
        return f"{self.host}/{self.image.name}:1"

    def blob_url(self, blob):
        return f"{'https' if self.ca else 'http'}://{self.host}/v2/{self.image.name}/blobs/{blob.digest}"


def found(name):
    path = shutil.which(name) or (f"/usr/sbin/{name}" if os.path.exists(f"/usr/sbin/{name}") else None)
    return path


class Gantry:
    """gantry in one of its ways to pull. keep: a store that outlives the run."""

    def __init__(self, path, way, keep=None):
        self.path, self.way, self.keep = path, way, keep

    def command(self, target, directory):
        store = self.keep or directory / "store"
        words = [self.path, "pull", "-q", "-j", target.jobs or "auto"]
        words += ["--no-cache"] if self.way == "no-cache" else ["--cache-dir", store]
        words += ["--ca-cert", target.ca] if target.ca else ["--plain-http"]
        if self.way == "store":
            words += ["--store-only"]
        else:
            words += ["-o", self.output(directory)]
        if self.way == "synology":
            words += ["-f", "synology"]
        return words + [target.reference]

    def output(self, directory):
        if self.way == "store":
            return (self.keep or directory / "store") / "blobs"
        return directory / ("image.tar.gz" if self.way in ("gzip", "synology") else "image.tar")


class Skopeo:
    def __init__(self, transport):
        self.transport = transport

    def command(self, target, directory):
        words = [found("skopeo"), "copy", "--quiet", "--insecure-policy"]
        words += ["--src-cert-dir", target.ca.parent] if target.ca else ["--src-tls-verify=false"]
        if self.transport == "oci":
            to = f"oci:{directory}/image:1"
        else:
            to = f"docker-archive:{directory}/image.tar:{target.image.name}:1"
        return words + [f"docker://{target.reference}", to]

    def output(self, directory):
        return directory / ("image" if self.transport == "oci" else "image.tar")


class Crane:
    def __init__(self, form):
        self.form = form

    def command(self, target, directory):
        words = [found("crane"), "pull", "--format", "oci" if self.form == "oci" else "tarball"]
        return words + ([] if target.ca else ["--insecure"]) + [target.reference, self.output(directory)]

    def output(self, directory):
        return directory / ("image" if self.form == "oci" else "image.tar")


class Oras:
    def command(self, target, directory):
        words = [found("oras"), "copy", "--no-tty", "--concurrency", target.jobs or 8]
        words += ["--from-ca-file", target.ca] if target.ca else ["--from-plain-http"]
        return words + [target.reference, "--to-oci-layout", f"{directory}/image:1"]

    def output(self, directory):
        return directory / "image"


class Regctl:
    def command(self, target, directory):
        tls = "enabled" if target.ca else "disabled"
        return [found("regctl"), "--host", f"reg={target.host},tls={tls}", "image", "copy", target.reference, f"ocidir://{directory}/image:1"]

    def output(self, directory):
        return directory / "image"


class Ctr:
    """containerd's client; the daemon does the work, so its CPU seconds and memory are not seen here. Every run has a namespace of its
    own, and the daemon shares nothing between them."""

    runs = 0

    def __init__(self, address):
        self.address = address

    def command(self, target, directory):
        Ctr.runs += 1
        words = [found("ctr"), "--address", self.address, "--namespace", f"run{Ctr.runs}", "content", "fetch"]
        return [*words, *(["--tlscacert", target.ca] if target.ca else ["--plain-http"]), target.reference]

    def output(self, directory):
        return None


class Curl:
    """The floor: the same bytes to /dev/null. One blob: by as many ranges as jobs, a process each. Several: that many at once."""

    def command(self, target, directory):
        blobs = [blob for blob, _ in target.image.layers]
        common = [found("curl"), "-sSfL", *(["--cacert", target.ca] if target.ca else [])]
        jobs = target.jobs or 4
        if len(blobs) > 1:
            config = directory / "curl.config"
            config.write_text("".join(f'url = "{target.blob_url(blob)}"\noutput = "/dev/null"\n' for blob in blobs))
            return [*common, "--parallel", "--parallel-immediate", "--parallel-max", jobs, "-K", config]
        blob = blobs[0]
        bounds = [blob.size * i // jobs for i in range(jobs + 1)]
        words = " ".join(map(str, common))
        parts = [f"{words} -r {bounds[i]}-{bounds[i + 1] - 1} -o /dev/null {target.blob_url(blob)} &" for i in range(jobs)]
        return ["sh", "-c", " ".join(parts) + " wait"]

    def output(self, directory):
        return None


class Replay:
    """The floor of a short pull: the requests of one pull in their necessary order, by curl. challenged: a token is asked for first."""

    def __init__(self, challenged, index):
        self.challenged, self.index = challenged, index

    def command(self, target, directory):
        curl = f"{found('curl')} -sSL -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'"
        base = f"http://{target.host}/v2/{target.image.name}/manifests"
        token = "-H 'Authorization: Bearer bench'" if self.challenged else ""
        steps = [f"-o /dev/null {base}/1", f"-o /dev/null http://{target.host}/token"] if self.challenged else []
        manifests = [f"{token} -o /dev/null {base}/1"]
        if self.index:
            manifests.append(f"{token} -o /dev/null {base}/{target.image.manifest.digest}")
        options = "-sSL"
        serial = f" --next {options} ".join([*steps, *manifests])
        blobs = [target.image.config, *(blob for blob, _ in target.image.layers)]
        config = directory / "curl.config"
        config.write_text("".join(f'url = "{target.blob_url(blob)}"\noutput = "/dev/null"\n' for blob in blobs))
        return ["sh", "-c", f"{curl} {serial} && {curl} {token} --parallel --parallel-immediate -K {config}"]

    def output(self, directory):
        return None


class ManifestOnly:
    """The floor of a pull that finds everything: one GET of the manifest."""

    def command(self, target, directory):
        url = f"http://{target.host}/v2/{target.image.name}/manifests/1"
        return [found("curl"), "-sSf", "-H", "Accept: application/vnd.oci.image.manifest.v1+json", "-o", "/dev/null", url]

    def output(self, directory):
        return None


def stored(storage, blob):
    """The file of a blob in the storage of docker-registry."""
    hexadecimal = blob.digest.removeprefix("sha256:")
    return storage / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal / "data"


class Hash:
    """SHA-256 of the largest layer, already in a file: what verifying costs on one core."""

    def __init__(self, storage):
        self.storage = storage

    def command(self, target, directory):
        return [found("openssl"), "dgst", "-sha256", stored(self.storage, target.image.largest)]

    def output(self, directory):
        return None


class Recompress:
    """What others do to make an uncompressed archive with gzip around it: inflate each layer and deflate all of it."""

    def __init__(self, storage):
        self.storage = storage

    def command(self, target, directory):
        files = " ".join(str(stored(self.storage, blob)) for blob, _ in target.image.layers)
        return ["sh", "-c", f"cat {files} | gzip -dc | gzip -1 > /dev/null"]

    def output(self, directory):
        return None


class Synced:
    """Another program, and then the wait until what it wrote is on the disk."""

    def __init__(self, program):
        self.program = program

    def command(self, target, directory):
        return ["sh", "-c", '"$@" && find "$0" -type f -exec sync {} +', directory, *self.program.command(target, directory)]

    def output(self, directory):
        return self.program.output(directory)


class Aria2:
    """Splits one blob; knows nothing of images."""

    def command(self, target, directory):
        jobs = target.jobs or 8
        words = [found("aria2c"), "-q", "-x", jobs, "-s", jobs, "-k", "1M", "--file-allocation=none", "-d", directory, "-o", "blob"]
        return words + ([f"--ca-certificate={target.ca}"] if target.ca else []) + [target.blob_url(target.image.largest)]

    def output(self, directory):
        return directory


def help_of(gantry, command):
    """The help text of a command of gantry; empty when there is no such command. New options light up their cells by this."""
    done = subprocess.run([gantry, command, "--help"], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def has_option(gantry, command, option):
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(gantry, command)) is not None


def version_of(name):
    path = found(name)
    if not path:
        return None
    done = subprocess.run([path, *VERSIONS[name]], capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"
