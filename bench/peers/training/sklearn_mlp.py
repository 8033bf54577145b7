"""scikit-learn's MLPClassifier, an epoch per partial_fit."""
import numpy as np
import sklearn
import threadpoolctl
from sklearn.neural_network import MLPClassifier

import common


class SklearnMlp(common.Peer):
    def __init__(self, args):
        self.classes = np.arange(args.layers[-1])
        self.model = MLPClassifier(
            hidden_layer_sizes=tuple(args.layers[1:-1]), activation="relu",
            solver=args.optimizer, alpha=0.0, batch_size=args.batch,
            learning_rate_init=args.learning_rate, momentum=0.0, nesterovs_momentum=False,
            shuffle=True, random_state=args.seed)

    def version(self):
        return f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}"

    def epoch(self, x, y, _order):  # it shuffles by itself
        self.model.partial_fit(x, y, classes=self.classes)
        return float(self.model.loss_)

    def accuracy(self, x, y):
        return float(self.model.score(x, y))


if __name__ == "__main__":
    options = common.arguments()
    with threadpoolctl.threadpool_limits(options.threads):
        common.train(SklearnMlp(options), options)
