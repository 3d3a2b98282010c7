"""Tags that share an index are copied side by side: each of its manifests is written once, each tag once. Usage: copy_tags_test.py GANTRY

docker-registry 2.8 truncates a manifest that it is given again, and refuses an index that names it at that moment."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_registry import Registry  # noqa: E402

gantry = str(pathlib.Path(sys.argv[1]).resolve())
if not shutil.which("docker-registry"):
    print("skipped: docker-registry is missing")
    sys.exit(0)
tags = ["1", "1.0", "1.0.0", "latest"]
with tempfile.TemporaryDirectory() as name:
    registry = Registry(pathlib.Path(name) / "registry")
    try:
        registry.put_image("source/app", tags, "app")
        at = f"localhost:{registry.port}"
        done = subprocess.run([gantry, "copy", "--all-tags", f"{at}/source/app", f"{at}/target/app", "--debug"], capture_output=True, text=True, timeout=300,
                              env={"HOME": name, "PATH": "/usr/bin:/bin"})
        puts = re.findall(r"debug: PUT http://\S+/target/app/manifests/(\S+) -> (\d+)", done.stderr)
        children = [reference for reference, _ in puts if reference.startswith("sha256:")]
        problems = []
        if done.returncode:
            problems.append(f"ended with {done.returncode}: {done.stderr}")
        if len(children) != 3 or len(set(children)) != 3:
            problems.append(f"three manifests were written as {children}")
        if sorted(reference for reference, _ in puts if not reference.startswith("sha256:")) != sorted(tags):
            problems.append(f"tags: {puts}")
        if any(status != "201" for _, status in puts):
            problems.append(f"refused: {puts}")
    finally:
        registry.stop()
for problem in problems:
    print("failed:", problem)
sys.exit(1 if problems else 0)
