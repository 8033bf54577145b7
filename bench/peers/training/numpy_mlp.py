"""A multilayer perceptron in NumPy, written by hand for speed: float32 throughout, arrays
reused, operations in place."""
import numpy as np
import threadpoolctl

import common


class NumpyMlp(common.Peer):
    def __init__(self, args):
        random = np.random.default_rng(args.seed)
        self.batch, self.rate, self.adam = args.batch, np.float32(args.learning_rate), \
            args.optimizer == "adam"
        self.weights, self.biases = [], []
        for inputs, units in zip(args.layers, args.layers[1:]):
            deviation = np.float32(np.sqrt(2 / inputs))
            self.weights.append(random.standard_normal((inputs, units), np.float32) * deviation)
            self.biases.append(np.zeros(units, np.float32))
        self.activations = [np.empty((self.batch, n), np.float32) for n in args.layers]
        self.deltas = [np.empty_like(a) for a in self.activations]
        self.masks = [np.empty(a.shape, bool) for a in self.activations]
        self.weight_gradients = [np.empty_like(w) for w in self.weights]
        if self.adam:
            self.moments = [(np.zeros_like(p), np.zeros_like(p), np.empty_like(p))
                            for p in self.weights + self.biases]
        self.steps = 0

    def version(self):
        blas = [f"{p['internal_api']} {p['version']} {p.get('architecture', '')}, "
                f"{p['num_threads']} threads" for p in threadpoolctl.threadpool_info()]
        return f"NumPy {np.__version__} ({'; '.join(blas)})"

    def forward(self, count):
        last = len(self.weights) - 1
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            z = self.activations[i + 1][:count]
            np.matmul(self.activations[i][:count], w, out=z)
            z += b
            if i < last:
                np.maximum(z, 0, out=z)

    def step(self, y):
        count = len(y)
        self.forward(count)
        rows = np.arange(count)
        logits, delta = self.activations[-1][:count], self.deltas[-1][:count]
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=delta)
        np.exp(delta, out=delta)
        delta /= delta.sum(axis=1, keepdims=True)
        loss = -np.log(np.maximum(delta[rows, y], 1e-30)).sum()
        delta[rows, y] -= 1
        delta /= count

        self.steps += 1
        for i in reversed(range(len(self.weights))):
            w, gradient = self.weights[i], self.weight_gradients[i]
            below, delta = self.activations[i][:count], self.deltas[i + 1][:count]
            np.matmul(below.T, delta, out=gradient)
            bias_gradient = delta.sum(axis=0)
            if i > 0:
                np.matmul(delta, w.T, out=self.deltas[i][:count])
                np.greater(below, 0, out=self.masks[i][:count])
                self.deltas[i][:count] *= self.masks[i][:count]
            if self.adam:
                self.adam_update(w, gradient, self.moments[i])
                self.adam_update(self.biases[i], bias_gradient, self.moments[len(self.weights) + i])
            else:
                gradient *= self.rate
                w -= gradient
                bias_gradient *= self.rate
                self.biases[i] -= bias_gradient
        return loss

    def adam_update(self, parameter, gradient, moments):
        first, second, scratch = moments
        beta1, beta2 = np.float32(0.9), np.float32(0.999)
        first *= beta1
        np.multiply(gradient, 1 - beta1, out=scratch)
        first += scratch
        second *= beta2
        np.square(gradient, out=gradient)
        gradient *= 1 - beta2
        second += gradient
        np.sqrt(second, out=scratch)
        scratch *= np.float32(1 / np.sqrt(1 - 0.999 ** self.steps))
        scratch += np.float32(1e-8)
        np.divide(first, scratch, out=scratch)
        scratch *= self.rate / np.float32(1 - 0.9 ** self.steps)
        parameter -= scratch

    def epoch(self, x, y, order):
        loss = 0.0
        for first in range(0, len(order), self.batch):
            chosen = order[first:first + self.batch]
            # "clip": with the default, "raise", NumPy gathers into a copy first.
            np.take(x, chosen, axis=0, out=self.activations[0][:len(chosen)], mode="clip")
            loss += self.step(y[chosen])
        return float(loss) / len(order)

    def accuracy(self, x, y):
        correct = 0
        for first in range(0, len(x), self.batch):
            part = x[first:first + self.batch]
            self.activations[0][:len(part)] = part
            self.forward(len(part))
            predicted = self.activations[-1][:len(part)].argmax(axis=1)
            correct += int((predicted == y[first:first + self.batch]).sum())
        return correct / len(x)


if __name__ == "__main__":
    options = common.arguments()
    with threadpoolctl.threadpool_limits(options.threads):
        common.train(NumpyMlp(options), options)
