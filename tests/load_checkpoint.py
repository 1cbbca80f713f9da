"""Our checkpoints in Python: the safetensors package and a plain PyTorch statement of the networks give the logits of `snn forward`.

    python tests/load_checkpoint.py SNN [CHECKPOINT ..]

SNN is the program `snn`; without CHECKPOINT those of data/checkpoints are compared. Needs the PyPI packages safetensors, torch
and numpy. Inputs are real test pictures for `fashion_mnist`, else seeded noise: Poisson counts for recordings, normal numbers for
all others. Prints, for each checkpoint, the largest difference of the logits relative to the largest logit, and ends with 1 where
that is above 2e-5. Checkpoints of networks that data/golden/snn_reference.py does not state are named and passed over.
"""

import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "data/golden"))
import snn_reference  # noqa: E402

MOST = 2e-5
N = 16


def samples(config):
    """The input: [N, C, H, W], or [T, N, C, H, W] of a recording."""
    shape = (N, config["in_channels"], config["input"]["height"], config["input"]["width"])
    noise = torch.Generator().manual_seed(0)
    preprocess = config["preprocess"]
    if preprocess["kind"] == "recordings":
        return torch.poisson(torch.full((config["t_steps"], *shape), 0.3), generator=noise)
    if config["metrics"]["dataset"] != "fashion_mnist":
        return torch.randn(shape, generator=noise)
    packed = gzip.decompress((ROOT / "data/fashion-mnist/t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    pixels = torch.frombuffer(bytearray(packed[: N * 28 * 28]), dtype=torch.uint8)
    pixels = torch.nn.functional.interpolate(pixels.view(N, 1, 28, 28) / 255, shape[2:], mode="area")
    mean, std = (torch.tensor(preprocess[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    return ((pixels - mean) / std).expand(shape).contiguous()


def reference(config, weights):
    """The network of data/golden/snn_reference.py with these weights, in float64."""
    size = {"classes": config["num_classes"], "width": config["width"], "in_channels": config["in_channels"]}
    if config["architecture"] == "vgg_snn":
        size["size"] = config["input"]["height"]
    net = snn_reference.MODELS[config["architecture"]](**size).double().eval()
    counters = {name: torch.tensor(0) for name in net.state_dict() if name.endswith("num_batches_tracked")}
    net.load_state_dict({name: x.double() for name, x in weights.items()} | counters)
    return net


def difference(snn, checkpoint, folder):
    config = json.loads((checkpoint / "config.json").read_text())
    if config["architecture"] not in snn_reference.MODELS:
        return None
    x = samples(config)
    save_file({"x": x}, folder / "x.safetensors")
    command = [snn, "forward", checkpoint, "--input", folder / "x.safetensors", "--output", folder / "y.safetensors"]
    subprocess.run(command, check=True)
    ours = load_file(folder / "y.safetensors")["logits"].double()
    frames = x if x.dim() == 5 else x.expand(config["t_steps"], *x.shape)
    with torch.no_grad():
        theirs = reference(config, load_file(checkpoint / "model.safetensors"))(frames.double())
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def main(snn, names):
    checkpoints = [pathlib.Path(name) for name in names]
    checkpoints = checkpoints or sorted(path.parent for path in (ROOT / "data/checkpoints").glob("*/config.json"))
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for checkpoint in checkpoints:
            found = difference(snn, checkpoint, pathlib.Path(folder))
            if found is None:
                print(f"{checkpoint.name}: not a network of snn_reference.py")
                continue
            print(f"{checkpoint.name}: {found:.1e}")
            worst = max(worst, found)
    sys.exit(int(worst > MOST))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
