// Placement of a mini-batch's matrices in one allocation.
#include "core/network/workspace.h"

#include <algorithm>
#include <utility>

#include "core/base/sizes.h"
#include "core/network/parameters.h"

namespace lamella::detail {

template <class T>
Workspace<T>::Workspace(const NetworkSpec& spec, WorkspaceUse use)
    : sizes_(layer_sizes(spec)),
      activation_places_(sizes_.size(), kNotKept),
      gradient_places_(sizes_.size(), kNotKept),
      product_places_(sizes_.size(), kNotKept),
      mask_places_(sizes_.size(), kNotKept) {
  const auto place_in = [](Place& end, index_t rows) {
    return std::exchange(end,
                         {checked_sum(end.row, rows), checked_sum(end.entry, padded<T>(rows))});
  };
  const auto place = [&](index_t rows) { return place_in(matrices_end_, rows); };
  const std::size_t last = sizes_.size() - 1;
  if (use == WorkspaceUse::inference) {
    // Only the next layer reads a layer, so two buffers are used in turn.
    const index_t widest = *std::max_element(sizes_.begin() + 1, sizes_.end());
    const Place turn[2] = {place(widest), last > 1 ? place(widest) : kNotKept};
    for (std::size_t l = 1; l <= last; ++l) activation_places_[l] = turn[(l - 1) % 2];
    return;
  }
  for (std::size_t l = 0; l <= last; ++l) activation_places_[l] = place(sizes_[l]);
  mask_places_[0] = place_in(masks_end_, sizes_[0]);
  if (last < 2) return;
  // D_l is not read after D_{l-1} and the update of layer l are done, so two buffers suffice again.
  const index_t widest = *std::max_element(sizes_.begin() + 1, sizes_.end() - 1);
  const Place turn[2] = {place(widest), last > 2 ? place(widest) : kNotKept};
  for (std::size_t l = 1; l < last; ++l) {
    gradient_places_[l] = turn[(last - 1 - l) % 2];
    mask_places_[l] = place_in(masks_end_, sizes_[l]);
  }
  const bool normalizes = spec.normalization != Normalization::none;
  if (normalizes || derivative_needs_input(spec.activation.kind))
    for (std::size_t l = 1; l < last; ++l) product_places_[l] = place(sizes_[l]);
  if (!normalizes) return;
  index_t statistics = 0;
  for (std::size_t l = 1; l < last; ++l) {
    statistics = checked_sum(statistics, checked_product(2, padded<T>(sizes_[l])));
  }
  statistics_ = AlignedArray<T>(statistics);
}

template <class T>
bool Workspace<T>::reserve(index_t samples) {
  if (samples <= capacity_) return false;
  AlignedArray<T> matrices(room(matrices_end_, samples));
  AlignedArray<T> masks(keeps_masks_ ? room(masks_end_, samples) : 0);
  AlignedArray<T> weights(samples);
  AlignedArray<T> losses(samples);
  AlignedArray<std::int32_t> labels(samples);
  AlignedArray<std::int32_t> predictions(samples);
  matrices_ = std::move(matrices);
  masks_ = std::move(masks);
  weights_ = std::move(weights);
  losses_ = std::move(losses);
  labels_ = std::move(labels);
  predictions_ = std::move(predictions);
  capacity_ = samples;
  return true;
}

template <class T>
bool Workspace<T>::keep_masks() {
  if (keeps_masks_) return false;
  masks_ = AlignedArray<T>(room(masks_end_, capacity_));
  keeps_masks_ = true;
  return true;
}

template <class T>
index_t Workspace<T>::room(const Place& end, index_t samples) {
  return std::max(end.entry, checked_product(end.row, leading_dimension<T>(samples)));
}

template <class T>
View<T> Workspace<T>::batch_first(AlignedArray<T>& pile, const Place& place, index_t units,
                                  index_t samples) {
  if (place.row == kNotKept.row) return {};
  const index_t ld = leading_dimension<T>(samples);
  T* const data = pile.data() + (samples == 1 ? place.entry : place.row * ld);
  return {data, samples, units, 1, ld};
}

template <class T>
void Workspace<T>::bind(index_t samples, BatchViews<T>& views) {
  views.samples = samples;
  views.activations.resize(sizes_.size());
  views.gradients.resize(sizes_.size());
  views.masks.resize(sizes_.size());
  views.products.resize(sizes_.size());
  views.means.resize(sizes_.size());
  views.inverse_deviations.resize(sizes_.size());
  T* statistics = statistics_.data();
  for (std::size_t l = 0; l < sizes_.size(); ++l) {
    views.activations[l] = batch_first(matrices_, activation_places_[l], sizes_[l], samples);
    views.gradients[l] = batch_first(matrices_, gradient_places_[l], sizes_[l], samples);
    views.products[l] = batch_first(matrices_, product_places_[l], sizes_[l], samples);
    if (statistics_.size() > 0 && !views.products[l].empty())
      for (auto* const vectors : {&views.means, &views.inverse_deviations})
        (*vectors)[l] = {std::exchange(statistics, statistics + padded<T>(sizes_[l])), sizes_[l],
                         1};
    if (keeps_masks_) views.masks[l] = batch_first(masks_, mask_places_[l], sizes_[l], samples);
  }
  views.labels = {labels_.data(), samples, 1};
  views.weights = {weights_.data(), samples, 1};
  views.losses = {losses_.data(), samples, 1};
  views.predictions = {predictions_.data(), samples, 1};
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace lamella::detail
