"""Time what a user would pick instead, on this machine, and print one JSON line per case.

    python3 -m venv peers && peers/bin/pip install torch spikingjelly snntorch tonic expelliarmus safetensors
    peers/bin/python peer_bench.py train --model resnet19 --batch 32 --t-steps 4 --lib spikingjelly --precision bf16 --channels-last --compile
    peers/bin/python peer_bench.py lif --lib spikingjelly --shape 4,32,128,32,32
    peers/bin/python peer_bench.py events --lib tonic --files 'N-MNIST/Test/*/*.bin'

train : one optimiser step (forward, CE on the time mean, backward, AdamW) on random data; median over --runs.
infer : forward only, no gradient.        lif : forward + backward of one LIF layer.
events: decode files and integrate each into T=10 frames of 2 channels; reports events per second.
Absolute figures drift on shared machines: compare only figures taken in turn in one run.
"""
import argparse
import glob
import json
import pathlib
import resource
import statistics
import sys
import time

p = argparse.ArgumentParser()
p.add_argument("what", choices=["train", "infer", "lif", "events"])
p.add_argument("--lib", default="spikingjelly", choices=["spikingjelly", "reference", "snntorch", "tonic", "expelliarmus"])
p.add_argument("--model", default="resnet19", choices=["resnet19", "sew_resnet19", "vgg_snn", "sew_resnet18"])
p.add_argument("--batch", type=int, default=32)
p.add_argument("--t-steps", type=int, default=4)
p.add_argument("--width", type=float, default=1.0)
p.add_argument("--precision", default="f32", choices=["f32", "bf16"])
p.add_argument("--channels-last", action="store_true")
p.add_argument("--compile", action="store_true")
p.add_argument("--threads", type=int, default=2)
p.add_argument("--runs", type=int, default=5)
p.add_argument("--shape", default="4,32,128,32,32")
p.add_argument("--files", default="")
a = p.parse_args()


def report(seconds, **extra):
    m = statistics.median(seconds)
    print(json.dumps({**vars(a), "median_s": round(m, 5), "min_s": round(min(seconds), 5), "max_s": round(max(seconds), 5),
                      "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), **extra}), flush=True)


def timed(f):
    f()
    out = []
    for _ in range(a.runs):
        t = time.perf_counter()
        f()
        out.append(time.perf_counter() - t)
    return out


def events():
    import numpy as np
    files = sorted(glob.glob(a.files))
    assert files, "no files"
    if a.lib == "tonic":
        from tonic import io, transforms
        frame = transforms.ToFrame(sensor_size=(34, 34, 2), n_time_bins=10)
        n = [0]

        def run():
            n[0] = 0
            for f in files:
                ev = io.read_mnist_file(f, dtype=np.dtype([("x", int), ("y", int), ("t", int), ("p", int)]))
                n[0] += len(ev)
                frame(ev)
    else:
        raise SystemExit("events: use --lib tonic")
    s = timed(run)
    report(s, events=n[0], events_per_s=round(n[0] / statistics.median(s)))


if a.what == "events":
    events()
    raise SystemExit

import torch
import torch.nn as nn
import torch.nn.functional as F
torch.set_num_threads(a.threads)
torch.manual_seed(0)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import snn_reference as R


class SjLif(nn.Module):
    """Every LIF of the reference model, replaced by SpikingJelly's multi-step node with the same constants."""

    def __init__(self):
        super().__init__()
        from spikingjelly.activation_based import neuron, surrogate
        self.node = neuron.LIFNode(tau=2.0, v_threshold=0.5, v_reset=0.0, detach_reset=True, surrogate_function=surrogate.ATan(), step_mode="m")

    def forward(self, x):
        return self.node(x)


def swap(m):
    for name, child in m.named_children():
        if isinstance(child, R.Lif):
            setattr(m, name, SjLif())
        else:
            swap(child)
    return m


def unshare(m):
    """Blocks of the reference call one stateless Lif several times; SpikingJelly nodes hold state, so reset around calls."""
    from spikingjelly.activation_based import functional
    for mod in m.modules():
        if isinstance(mod, SjLif):
            node = mod.node
            mod.register_forward_pre_hook(lambda *_ , node=node: node.reset())
    return lambda: functional.reset_net(m)


if a.what == "lif":
    shape = tuple(int(v) for v in a.shape.split(","))
    x = torch.randn(*shape, dtype=torch.bfloat16 if a.precision == "bf16" else torch.float32).requires_grad_()
    g = torch.randn_like(x)
    if a.lib == "reference":
        f = R.Lif()
    elif a.lib == "snntorch":
        import snntorch
        from snntorch import surrogate
        leaky = snntorch.Leaky(beta=0.5, spike_grad=surrogate.atan(), reset_mechanism="zero")

        def f(v):
            mem = leaky.init_leaky()
            out = []
            for i in v:
                s, mem = leaky(i, mem)
                out.append(s)
            return torch.stack(out)
    else:
        m = SjLif()
        done = unshare(m)
        f = torch.compile(m) if a.compile else m

    def run():
        x.grad = None
        f(x).backward(g)
    report(timed(run))
    raise SystemExit

kw = dict(width=a.width)
m = R.MODELS[a.model](classes=10, **kw) if a.model != "sew_resnet18" else R.MODELS[a.model](classes=1000, **kw)
if a.lib == "spikingjelly":
    swap(m)
    unshare(m)
if a.channels_last:
    m = m.to(memory_format=torch.channels_last)
size = {"vgg_snn": (2, 48, 48), "sew_resnet18": (3, 224, 224)}.get(a.model, (3, 32, 32))
x = torch.randn(a.batch, *size).expand(a.t_steps, a.batch, *size).contiguous() if a.model != "vgg_snn" else torch.poisson(torch.full((a.t_steps, a.batch, *size), 0.3))
y = torch.randint(0, 10, (a.batch,))
opt = torch.optim.AdamW(m.parameters(), 1e-3, weight_decay=0.01)
net = torch.compile(m) if a.compile else m


def step():
    opt.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
        o = net(x)
    loss = R.ce(o.float(), y)
    loss.backward()
    opt.step()


def infer():
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
        net(x)


if a.what == "infer":
    m.eval()
s = timed(step if a.what == "train" else infer)
report(s, samples_per_s=round(a.batch / statistics.median(s), 2))
