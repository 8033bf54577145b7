"""JAX on the CPU: an epoch is one compiled function that scans over the batches. XLA makes its
pool of threads from the processors that the process may use when JAX is imported."""
import functools
import os

import numpy as np

import common


class JaxMlp(common.Peer):
    def __init__(self, args):
        random = np.random.default_rng(args.seed)
        self.batch, self.rate, self.adam = args.batch, args.learning_rate, args.optimizer == "adam"
        self.threads = args.threads
        parameters = []
        for inputs, units in zip(args.layers, args.layers[1:]):
            deviation = np.float32(np.sqrt(2 / inputs))
            parameters.append((random.standard_normal((inputs, units), np.float32) * deviation,
                               np.zeros(units, np.float32)))
        parameters = jax.device_put(parameters)
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        self.state = (parameters, zeros, jax.tree.map(jnp.zeros_like, zeros), jnp.float32(0)) \
            if self.adam else (parameters,)

    def version(self):
        return f"JAX {jax.__version__}, {len(os.sched_getaffinity(0))} processors"

    @staticmethod
    def logits(parameters, x):
        for weights, biases in parameters[:-1]:
            x = jnp.maximum(x @ weights + biases, 0)
        weights, biases = parameters[-1]
        return x @ weights + biases

    def loss(self, parameters, x, y):
        """The mean negative log-likelihood of a batch."""
        log_probabilities = jax.nn.log_softmax(self.logits(parameters, x))
        return -jnp.mean(jnp.take_along_axis(log_probabilities, y[:, None], axis=1))

    def update(self, state, gradients):
        if not self.adam:
            return (jax.tree.map(lambda p, g: p - self.rate * g, state[0], gradients),)
        parameters, first, second, steps = state
        steps = steps + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        rate, scale = self.rate / (1 - 0.9 ** steps), jax.lax.rsqrt(1 - 0.999 ** steps)
        parameters = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * scale + 1e-8),
                                  parameters, first, second)
        return parameters, first, second, steps

    def scan(self, state, x, y, order):
        """(state, sum of the losses) after an epoch; a last batch may be smaller."""
        def step(state, chosen):
            loss, gradients = jax.value_and_grad(self.loss)(
                state[0], x.at[chosen].get(mode="promise_in_bounds"),
                y.at[chosen].get(mode="promise_in_bounds"))
            return self.update(state, gradients), loss * len(chosen)

        whole = len(order) // self.batch * self.batch
        state, losses = jax.lax.scan(step, state, order[:whole].reshape(-1, self.batch))
        total = jnp.sum(losses)
        if whole < len(order):
            state, last = step(state, order[whole:])
            total += last
        return state, total

    def prepare(self, x, y):
        self.data = jax.device_put((x, y.astype(np.int32)))
        order = jax.ShapeDtypeStruct((len(x),), np.int32)
        self.compiled = jax.jit(self.scan, donate_argnums=0).lower(
            self.state, *self.data, order).compile()

    def epoch(self, x, _y, order):
        self.state, total = self.compiled(self.state, *self.data, order.astype(np.int32))
        return float(total) / len(x)

    def accuracy(self, x, y):
        return float(np.mean(self.predict(self.state[0], x) == y))

    @functools.cached_property
    def predict(self):
        return jax.jit(lambda parameters, x: self.logits(parameters, x).argmax(axis=1))


if __name__ == "__main__":
    options = common.arguments()
    os.environ["JAX_PLATFORMS"] = "cpu"
    if options.threads == 1:  # otherwise XLA hands products to a pool of one thread
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import jax
    import jax.numpy as jnp
    common.train(JaxMlp(options), options)
