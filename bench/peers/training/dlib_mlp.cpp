// The same network in dlib. Its networks are types, so there is one for each depth; the number of
// units is set at run time. Products go to the BLAS that dlib was built for.
#include <limits>
#include <stdexcept>

#include <dlib/dnn.h>
#include <dlib/revision.h>

#include "bench/peers/training/learner.h"

namespace lamella::peers {
namespace {

using Row = dlib::matrix<float>;
using Input = dlib::input<Row>;
template <class Below>
using Hidden = dlib::relu<dlib::fc<1, Below>>;
template <class Below>
using Classifier = dlib::loss_multiclass_log<dlib::fc<1, Below>>;

using Net1 = Classifier<Hidden<Input>>;
using Net2 = Classifier<Hidden<Hidden<Input>>>;
using Net3 = Classifier<Hidden<Hidden<Hidden<Input>>>>;

template <class Net, class Solver>
class DlibMlp : public Learner {
 public:
  DlibMlp(const Workload& workload, const Solver& solver)
      : batch_(static_cast<std::size_t>(workload.batch)), trainer_(network_, solver) {
    set_units<1>(workload.layers, workload.layers.size() - 1);
    trainer_.set_learning_rate(workload.learning_rate);
    // Otherwise dlib lowers the rate when it sees no progress.
    trainer_.set_learning_rate_shrink_factor(1);
  }

  std::string version() const override {
    return "dlib " + std::to_string(DLIB_MAJOR_VERSION) + '.' + std::to_string(DLIB_MINOR_VERSION);
  }

  double epoch(const Samples& samples, const std::vector<int>& order) override {
    std::vector<Row> inputs;
    std::vector<unsigned long> labels;
    for (std::size_t first = 0; first < order.size(); first += batch_) {
      const auto count = std::min(batch_, order.size() - first);
      inputs.resize(count);
      labels.resize(count);
      for (std::size_t i = 0; i < count; ++i) {
        const int sample = order[first + i];
        inputs[i] = dlib::mat(samples.row(sample), samples.features, 1);
        labels[i] = static_cast<unsigned long>(samples.labels[static_cast<std::size_t>(sample)]);
      }
      trainer_.train_one_step(inputs, labels);
    }
    trainer_.get_net();  // steps run in a thread of their own; wait for the last
    return std::numeric_limits<double>::quiet_NaN();
  }

  double accuracy(const Samples& samples) override {
    std::vector<Row> inputs;
    for (int i = 0; i < samples.size(); ++i)
      inputs.push_back(dlib::mat(samples.row(i), samples.features, 1));
    const auto predicted = trainer_.get_net()(inputs, 1000);
    int correct = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i)
      correct += predicted[i] == static_cast<unsigned long>(samples.labels[i]);
    return static_cast<double>(correct) / samples.size();
  }

 private:
  /// Layer 1 is the last fully connected one; below it relu and fully connected ones in turn.
  template <std::size_t kLayer>
  void set_units(const std::vector<int>& layers, std::size_t which) {
    dlib::layer<kLayer>(network_).layer_details().set_num_outputs(layers[which]);
    if constexpr (kLayer + 2 < Net::num_layers - 1) set_units<kLayer + 2>(layers, which - 1);
  }

  std::size_t batch_;
  Net network_;
  dlib::dnn_trainer<Net, Solver> trainer_;
};

template <class Net>
std::unique_ptr<Learner> make(const Workload& workload) {
  if (workload.optimizer == "adam")
    return std::make_unique<DlibMlp<Net, dlib::adam>>(workload, dlib::adam(0, 0.9F, 0.999F));
  return std::make_unique<DlibMlp<Net, dlib::sgd>>(workload, dlib::sgd(0, 0));
}

}  // namespace

std::unique_ptr<Learner> make_learner(const Workload& workload) {
  switch (workload.layers.size()) {
    case 3:
      return make<Net1>(workload);
    case 4:
      return make<Net2>(workload);
    case 5:
      return make<Net3>(workload);
    default:
      throw std::invalid_argument("from one to three hidden layers");
  }
}

}  // namespace lamella::peers
