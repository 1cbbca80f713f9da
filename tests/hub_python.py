"""Python's client of the Hugging Face Hub and `snn` read what the other published, and share a cache.

Run by hand, with huggingface_hub 2.4 installed, against the Hub of snn-hub's tests:

    cargo run --release -p snn-hub --example local_hub -- 8000      # prints HF_ENDPOINT and HF_TOKEN; in another terminal
    HF_ENDPOINT=.. HF_TOKEN=.. python tests/hub_python.py target/release/snn CHECKPOINT

`snn` has the feature hub; CHECKPOINT is a directory that `snn export` made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["NO_PROXY"] = "127.0.0.1,localhost"
HOME = Path(tempfile.mkdtemp())
os.environ["HF_HOME"] = str(HOME / "python")

from huggingface_hub import HfApi, hf_hub_download, snapshot_download

NAMES = ["README.md", "config.json", "model.safetensors", "metrics.json", "SHA256SUMS"]


def snn(program, *args, home, **more):
    env = dict(os.environ, HF_HOME=str(HOME / home), **more)
    done = subprocess.run([program, *args], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(a, b, names):
    for name in names:
        assert (Path(a) / name).read_bytes() == (Path(b) / name).read_bytes(), name


def main(program, checkpoint):
    names = [name for name in NAMES if (Path(checkpoint) / name).exists()]
    ours, theirs = f"me/snn-{os.getpid()}", f"me/python-{os.getpid()}"

    print(snn(program, "publish", checkpoint, "--repo", ours, "--yes", home="snn"), end="")
    for name in names:
        path = hf_hub_download(ours, name)
        assert Path(path).read_bytes() == (Path(checkpoint) / name).read_bytes(), name
    same(snapshot_download(ours), checkpoint, names)
    infos = {info.path: info for info in HfApi().get_paths_info(ours, names)}
    assert infos["model.safetensors"].lfs and sorted(infos) == sorted(names)
    print("huggingface_hub reads what snn published:", ", ".join(names))

    # Other weights, which the Hub does not have yet.
    other = HOME / "other"
    shutil.copytree(checkpoint, other)
    with open(other / "model.safetensors", "ab") as weights:
        weights.write(os.urandom(16))
    hashes = [f"{sha256((other / n).read_bytes()).hexdigest()}  {n}\n" for n in names if n != "SHA256SUMS"]
    (other / "SHA256SUMS").write_text("".join(hashes))
    HfApi().create_repo(theirs)
    HfApi().upload_folder(repo_id=theirs, folder_path=other)
    print(snn(program, "pull", theirs, "--out", str(HOME / "out"), home="snn"), end="")
    same(HOME / "out", other, names)
    print("snn reads what huggingface_hub uploaded")

    found = snapshot_download(theirs, cache_dir=HOME / "snn" / "hub", local_files_only=True)
    same(found, other, names)
    path = hf_hub_download(theirs, "config.json", cache_dir=HOME / "snn" / "hub", local_files_only=True)
    assert Path(path).exists()
    out = snn(program, "pull", ours, "--out", str(HOME / "cached"), home="python", HF_HUB_OFFLINE="1")
    same(HOME / "cached", checkpoint, names)
    print("either finds offline what the other cached:", out, end="")


if __name__ == "__main__":
    main(*sys.argv[1:])
