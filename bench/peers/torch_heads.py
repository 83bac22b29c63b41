"""A PyTorch loop over heads with fused Adam, for bench/sweep.ts.

    pip install torch==2.15.0 numpy

Reads a folder with features.f32, labels.u8 and work.json; prints {"seconds", "accuracy"} for training the heads one after the
other on all cores. Features are one tensor in memory; batches are gathered by a permutation drawn once per epoch. Heads are validated
after every epoch, as permafrost's are, all rows at once.
"""
import json
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn

folder = pathlib.Path(sys.argv[1])
work = json.loads((folder / "work.json").read_text())
rows, inputs, classes, train = work["rows"], work["inputs"], work["classes"], work["train"]
x = torch.from_numpy(np.fromfile(folder / "features.f32", "<f4").reshape(rows, inputs))
labels = torch.from_numpy(np.fromfile(folder / "labels.u8", "u1").astype("int64"))
onehot = nn.functional.one_hot(labels, classes).float()


def build(head):
    layers, width = [], inputs
    for units in head["hidden"]:
        layers.append(nn.Linear(width, units, bias=head["bias"]))
        if head["batchNorm"]:
            layers += [nn.Dropout(head["dropout"]), nn.BatchNorm1d(units)]
        layers.append(nn.ReLU())
        if head["dropout"] and not head["batchNorm"]:
            layers.append(nn.Dropout(head["dropout"]))
        width = units
    layers.append(nn.Linear(width, classes))
    return nn.Sequential(*layers)


def fit(head):
    torch.manual_seed(0)
    model = build(head)
    model.train()
    loss = nn.CrossEntropyLoss() if head["output"] == "softmax" else nn.BCEWithLogitsLoss()
    target = labels if head["output"] == "softmax" else onehot
    optimizer = torch.optim.Adam(model.parameters(), head["lr"], weight_decay=2 * head["l2"], fused=True)
    for _ in range(head["epochs"]):
        for batch in torch.randperm(train).split(head["batchSize"]):
            optimizer.zero_grad(set_to_none=True)
            loss(model(x[batch]), target[batch]).backward()
            optimizer.step()
        validate(model, loss, target)
    return model


@torch.no_grad()
def validate(model, loss, target):
    logits = model.eval()(x[train:])
    model.train()
    correct = logits.argmax(1) == labels[train:]
    return loss(logits, target[train:]).item(), correct.float().mean().item()


fit({**work["heads"][0], "epochs": 1})
started = time.perf_counter()
models = [fit(head) for head in work["heads"]]
seconds = time.perf_counter() - started
with torch.no_grad():
    accuracy = max(float((m.eval()(x[train:]).argmax(1) == labels[train:]).float().mean()) for m in models)
print(json.dumps({"seconds": seconds, "accuracy": accuracy}))
