"""PyTorch on the CPU, eager or (--compile) through torch.compile. Batches are gathered by index from
one tensor: a DataLoader would cost more than the small networks themselves."""
import numpy as np
import torch
from torch import nn

import common


class TorchMlp(common.Peer):
    def __init__(self, args):
        torch.set_num_threads(args.threads)
        torch.manual_seed(args.seed)
        layers = []
        for inputs, units in zip(args.layers, args.layers[1:]):
            layers += [nn.Linear(inputs, units), nn.ReLU()]
        self.network = nn.Sequential(*layers[:-1])
        for module in self.network:
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        optimizer = torch.optim.Adam if args.optimizer == "adam" else torch.optim.SGD
        self.optimizer = optimizer(self.network.parameters(), lr=args.learning_rate)
        self.loss = nn.CrossEntropyLoss()
        self.batch, self.compiled = args.batch, args.compile
        self.forward = self.loss_of
        if args.compile:
            if not hasattr(torch, "compile"):
                raise SystemExit(f"PyTorch {torch.__version__} has no torch.compile")
            self.forward = torch.compile(self.loss_of)
        self.data = None

    def loss_of(self, x, y):
        return self.loss(self.network(x), y)

    def version(self):
        return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads" + \
            (", compiled" if self.compiled else "")

    def epoch(self, x, y, order):
        if self.data is None:
            self.data = torch.from_numpy(x), torch.from_numpy(y)
        inputs, labels = self.data
        order = torch.from_numpy(order)
        total = torch.zeros(())
        for chosen in order.split(self.batch):
            loss = self.forward(inputs.index_select(0, chosen), labels.index_select(0, chosen))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * len(chosen)
        return float(total) / len(x)

    def accuracy(self, x, y):
        with torch.inference_mode():
            predicted = self.network(torch.from_numpy(x)).argmax(dim=1).numpy()
        return float(np.mean(predicted == y))


if __name__ == "__main__":
    options = common.arguments()
    common.train(TorchMlp(options), options)
