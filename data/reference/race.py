"""What the strongest peer reaches on CIFAR-10 in a fixed time: SpikingJelly's neurons, compiled, channels-last.

    peers/bin/python data/reference/race.py --data DIR_WITH_data_batch_1..5.bin_AND_test_batch.bin --minutes 30

Its schedule is one cycle over the time budget (not over epochs). Without a unit for bf16, f32 is the faster precision. Prints one JSON
line: images seen, top-1, per-step top-1.
"""
import argparse
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "golden"))
import snn_reference as R

p = argparse.ArgumentParser()
p.add_argument("--data", required=True)
p.add_argument("--minutes", type=float, default=30)
p.add_argument("--model", default="resnet19")
p.add_argument("--width", type=float, default=0.25)
p.add_argument("--t-steps", type=int, default=4)
p.add_argument("--batch", type=int, default=128)
p.add_argument("--lr", type=float, default=4e-3)
p.add_argument("--precision", default="bf16", choices=["f32", "bf16"])
p.add_argument("--loss", default="ce", choices=["ce", "tet"])
p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
torch.set_num_threads(2)
torch.manual_seed(a.seed)


class SjLif(nn.Module):
    def __init__(self):
        super().__init__()
        from spikingjelly.activation_based import neuron, surrogate
        self.node = neuron.LIFNode(tau=2.0, v_threshold=0.5, v_reset=0.0, detach_reset=True, surrogate_function=surrogate.ATan(), step_mode="m")
        self.node.register_forward_pre_hook(lambda *_: self.node.reset())

    def forward(self, x):
        return self.node(x)


def swap(m):
    for name, child in m.named_children():
        setattr(m, name, SjLif()) if isinstance(child, R.Lif) else swap(child)


def load(names):
    b = np.concatenate([np.fromfile(f"{a.data}/{n}", np.uint8).reshape(-1, 3073) for n in names])
    x = torch.from_numpy(b[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
    mean, std = torch.tensor([.4914, .4822, .4465]), torch.tensor([.2470, .2435, .2616])
    return (x - mean[:, None, None]) / std[:, None, None], torch.from_numpy(b[:, 0].astype(np.int64))


xt, yt = load([f"data_batch_{i}.bin" for i in range(1, 6)])
xv, yv = load(["test_batch.bin"])
m = R.MODELS[a.model](classes=10, width=a.width)
swap(m)
m = m.to(memory_format=torch.channels_last)
decay = [q for q in m.parameters() if q.ndim > 1]
rest = [q for q in m.parameters() if q.ndim <= 1]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=a.lr)
net = torch.compile(m)
padded = F.pad(xt, (4, 4, 4, 4))


def batch():
    i = torch.randint(0, len(xt), (a.batch,))
    dx, dy = torch.randint(0, 9, (2, a.batch))
    x = torch.stack([padded[k, :, u:u + 32, v:v + 32] for k, u, v in zip(i.tolist(), dy.tolist(), dx.tolist())])
    flip = torch.rand(a.batch) < 0.5
    x[flip] = x[flip].flip(-1)
    return x, yt[i]


def step(lr):
    for g in opt.param_groups:
        g["lr"] = lr
    x, y = batch()
    opt.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.precision == "bf16"):
        o = net(x.expand(a.t_steps, *x.shape))
    loss = {"ce": R.ce, "tet": R.tet}[a.loss](o.float(), y)
    loss.backward()
    opt.step()
    return loss.item()


step(1e-6)      # compile outside the clock
step(1e-6)
t0, seen, n = time.time(), 0, 0
budget = a.minutes * 60
while (e := time.time() - t0) < budget:
    f = e / budget
    lr = a.lr * (f / 0.15 if f < 0.15 else 0.5 * (1 + math.cos(math.pi * (f - 0.15) / 0.85))) + 1e-6
    loss = step(lr)
    seen += a.batch
    n += 1
    if n % 200 == 0:
        print(f"{e:.0f}s seen {seen} loss {loss:.3f}", flush=True)
m.eval()
hit, per = 0, torch.zeros(a.t_steps)
with torch.no_grad():
    for i in range(0, len(xv), 250):
        o = m(xv[i:i + 250].expand(a.t_steps, *xv[i:i + 250].shape))
        hit += (o.mean(0).argmax(-1) == yv[i:i + 250]).sum().item()
        per += (o.argmax(-1) == yv[i:i + 250]).float().sum(-1)
print(json.dumps({**vars(a), "data": "cifar10", "seen": seen, "top1": hit / len(xv) * 100, "per_step_top1": [round(v / len(xv) * 100, 2) for v in per.tolist()]}))
