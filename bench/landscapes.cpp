// SPDX-License-Identifier: Apache-2.0
#include "landscapes.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "normal.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/clock.hpp"
#include "overparam/curvature/direction.hpp"
#include "overparam/curvature/plane.hpp"

namespace overparam::bench {

namespace {

at::Tensor unit(std::int64_t size, const std::string& purpose) {
  at::Tensor v = normal({size}, purpose);
  return v.div_(v.norm());
}

}  // namespace

LandscapeTimer::LandscapeTimer(const std::string& network,
                               std::int64_t num_images,
                               const std::string& activation)
    : architecture_(net::make_vision_architecture(network, {.activation = activation})),
      weights_(net::initial_weights(architecture_, 0, at::kFloat)),
      images_(normal({num_images, 3, 32, 32}, "images")),
      labels_(at::arange(num_images, at::kLong).remainder(10)),
      x_axis_(unit(weights_.size(0), "x axis")),
      y_axis_(unit(weights_.size(0), "y axis")),
      product_(at::empty_like(weights_)) {
  const auto parts = net::parts_of(architecture_, weights_);
  statistics_ = net::estimate_statistics(architecture_, parts, images_, 128);
  objective_ = curvature::vision_objective(architecture_, weights_, statistics_, images_, labels_);
}

void LandscapeTimer::write(const std::filesystem::path& folder) const {
  const auto keep = [&](const std::string& name, const at::Tensor& tensor) {
    base::write_npy(folder / (name + ".npy"), tensor.contiguous());
  };
  for (const auto& [kind, flat] : {std::pair{"weights", &weights_},
                                   std::pair{"x", &x_axis_},
                                   std::pair{"y", &y_axis_}}) {
    const auto parts = net::parts_of(architecture_, *flat);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      keep(fmt::format("{}-{}", kind, architecture_.tensors[i].name), parts[i]);
    }
  }
  for (const auto& norm : architecture_.norms) {
    keep("weights-" + norm.name + ".running_mean",
         statistics_.narrow(0, norm.begin, norm.channels));
    keep("weights-" + norm.name + ".running_var",
         statistics_.narrow(0, norm.begin + norm.channels, norm.channels));
  }
  keep("images", images_);
  keep("labels", labels_);
}

double LandscapeTimer::product_seconds(std::int64_t times) {
  const curvature::HessianProduct product(*objective_, weights_, {});
  const base::Stopwatch watch;
  for (std::int64_t i = 0; i < times; ++i) product(x_axis_, product_);
  return watch.seconds() / static_cast<double>(times);
}

double LandscapeTimer::products_apart() const {
  at::Tensor differences = at::empty_like(weights_);
  at::Tensor twice = at::empty_like(weights_);
  curvature::HessianProduct(*objective_, weights_, {})(x_axis_, differences);
  curvature::HessianProduct(
      *objective_, weights_, {.kind = curvature::ProductKind::autograd})(x_axis_, twice);
  return (differences - twice).norm().item<double>() / twice.norm().item<double>();
}

double LandscapeTimer::cell_seconds(std::int64_t cells) const {
  const curvature::Plane plane{.centre = weights_,
                               .x_axis = x_axis_,
                               .y_axis = y_axis_,
                               .x = curvature::spread_evenly(-1, 1, (cells + 1) / 2),
                               .y = {-0.5, 0.5}};
  const base::Stopwatch watch;
  curvature::evaluate_plane(*objective_, plane);
  return watch.seconds() / static_cast<double>(plane.num_cells());
}

double LandscapeTimer::value() const { return objective_->value(weights_).objective; }

std::string LandscapeTimer::lowest(int max_products) const {
  const curvature::HessianProduct product(
      *objective_, weights_, {.kind = curvature::ProductKind::autograd});
  const auto found =
      curvature::most_negative_direction(product, {.max_products = max_products});
  return fmt::format("{} {} {}", found.products, found.residual, found.curvature);
}

}  // namespace overparam::bench
