"""SpikingJelly's SEW-ResNets against ours: the same weights, the same input, the same logits.

    python tests/import_spikingjelly.py SNN [--architecture sew_resnet18] [--neuron if|lif] [--side 64]

SNN is the program `snn`. Needs the PyPI packages spikingjelly, torch and safetensors. The network has SpikingJelly's initial
weights, and running statistics of batches of noise, so that neurons fire in every layer. Prints the largest difference of the
logits of each step, relative to the largest logit, and ends with 1 where that is above 2e-5.
"""

import argparse
import pathlib
import subprocess
import tempfile

import safetensors.torch
import torch
from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.model import sew_resnet

parser = argparse.ArgumentParser()
parser.add_argument("snn")
parser.add_argument("--architecture", default="sew_resnet18")
parser.add_argument("--neuron", default="if", choices=["if", "lif"])
parser.add_argument("--side", type=int, default=64)
args = parser.parse_args()

torch.manual_seed(1)
T, N = 4, 2
node = {"if": neuron.IFNode, "lif": neuron.LIFNode}[args.neuron]
net = getattr(sew_resnet, args.architecture)(cnf="ADD", spiking_neuron=node, num_classes=10)
functional.set_step_mode(net, "m")
spikes = []
for module in net.modules():
    if isinstance(module, node):
        module.register_forward_hook(lambda _, __, y: spikes.append(y.mean().item()))
with torch.no_grad():
    # Currents large enough for the threshold of 1; a leaky neuron halves them.
    gain = {"if": 1.0, "lif": 2.0}[args.neuron]
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.uniform_(gain, 2.0 * gain)
            module.bias.uniform_(-0.2 * gain, 0.6 * gain)
    net.train()
    for _ in range(5):
        functional.reset_net(net)
        net(torch.randn(T, N, 3, args.side, args.side))
    net.eval()
    functional.reset_net(net)
    spikes.clear()
    x = torch.randn(T, N, 3, args.side, args.side)
    theirs = net(x)

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    weights, frames, out = (folder / name for name in ("net.safetensors", "x.safetensors", "y.safetensors"))
    safetensors.torch.save_file(net.state_dict(), weights)
    safetensors.torch.save_file({"x": x}, frames)
    checkpoint = folder / "checkpoint"
    snn = lambda *words: subprocess.run([args.snn, *map(str, words)], check=True)
    snn("import", weights, "--from", "spikingjelly", "--architecture", args.architecture, "--neuron", args.neuron, "--out", checkpoint)
    snn("forward", checkpoint, "--input", frames, "--output", out)
    ours = safetensors.torch.load_file(out)["logits"]

error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
print(f"{args.architecture}, {node.__name__}, {args.side} x {args.side}: largest difference {error:.2e} of the largest logit")
print(f"firing rates of its {len(spikes)} layers: {min(spikes):.4f} to {max(spikes):.4f}")
raise SystemExit(error > 2e-5)
