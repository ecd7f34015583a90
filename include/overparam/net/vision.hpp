// SPDX-License-Identifier: Apache-2.0
// The convolutional networks with batch normalisation behind Figure 1: ResNets of 6k + 2 layers
// (He et al. 2016) and VGG19 (Simonyan and Zisserman 2015) for images of 32 x 32, as programs of
// layers over one flat vector of weights W (P). Their gradients are LibTorch's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace overparam::net {

/// A tensor of weights and its place in the flat vector.
struct WeightTensor {
  std::string name;  ///< "layer1.0.conv1.weight"
  std::vector<std::int64_t> sizes;
  std::int64_t begin = 0;

  [[nodiscard]] std::int64_t numel() const;
};

/// How the entries of a tensor are drawn.
enum class VisionLaw {
  normal,   ///< N(0, spread^2)
  uniform,  ///< U(-spread, spread)
  ones,
  zeros,
};

/// y = phi(norm(conv(h_from)) + h_add), a pooling, or the read-out.
struct VisionLayer {
  enum class Kind { convolution, max_pool, average_pool, linear };

  Kind kind = Kind::convolution;
  int from = -1;    ///< an earlier layer, or -1: the images
  int add = -1;     ///< a layer whose features are added before phi; -1: none
  int weight = -1;  ///< tensors, by index
  int bias = -1;
  int norm = -1;  ///< a batch normalisation, by index
  std::int64_t stride = 1;
  bool activates = false;
};

/// gamma (x - mean) / (variance + 1e-5)^(1/2) + beta for each channel.
struct VisionNorm {
  std::string name;  ///< "layer1.0.bn1"
  int scale = -1;    ///< gamma, a tensor
  int shift = -1;    ///< beta
  std::int64_t channels = 0;
  std::int64_t begin = 0;  ///< of its means in the statistics; its variances follow them
};

struct VisionOptions {
  std::int64_t num_classes = 10;
  std::int64_t channels = 3;  ///< of the images
  std::int64_t side = 32;     ///< of the images, in pixels
  std::int64_t width = 0;     ///< channels of the first stage; 0: the source's
  std::string activation = "relu";
};

/// The shape of a network without its weights.
struct VisionArchitecture {
  std::string name;  ///< of its catalogue row: "resnet32"
  VisionOptions options;
  std::vector<WeightTensor> tensors;
  std::vector<VisionLaw> laws;   ///< one a tensor
  std::vector<double> spreads;   ///< one a tensor
  std::vector<VisionNorm> norms;
  std::vector<VisionLayer> layers;  ///< the last is the read-out

  [[nodiscard]] std::int64_t num_parameters() const;  ///< P
  [[nodiscard]] std::int64_t num_statistics() const;  ///< S, of all batch normalisations

  /// Numbers that one image leaves behind for a backward pass, and multiplications of its forward
  /// pass.
  [[nodiscard]] std::int64_t features_per_image() const;
  [[nodiscard]] double products_per_image() const;
};

/// A row of the catalogue.
struct VisionFamily {
  std::string name;
  std::string description;
  std::string source;
  std::function<VisionArchitecture(const VisionOptions&)> build;
};

const std::vector<VisionFamily>& vision_networks();

/// Whether a name is one of them; others are rows of `networks()`.
bool is_vision_network(const std::string& name);

/// @throws Error(usage) for an unknown name, or images that the family cannot take
VisionArchitecture make_vision_architecture(const std::string& name, const VisionOptions& options);

/// W (P) at random initialisation: a function of (seed, names) alone.
at::Tensor initial_weights(const VisionArchitecture& architecture,
                           std::uint64_t seed,
                           const at::TensorOptions& options);

/// Means 0 and variances 1 (S), as they are before any training.
at::Tensor initial_statistics(const VisionArchitecture& architecture,
                              const at::TensorOptions& options);

/// The tensors of a flat vector as views, one for each entry of `architecture.tensors`.
std::vector<at::Tensor> parts_of(const VisionArchitecture& architecture, const at::Tensor& weights);

/// Where the means and variances of batch normalisation come from.
struct NormSource {
  /// Running means and variances (S): the network is then a fixed function of an image. Undefined:
  /// those of the batch, so that images of a batch depend on one another.
  at::Tensor statistics;
  /// With those of the batch: running ones (S) that move by `momentum` towards them, variances
  /// unbiased. Undefined: none do.
  at::Tensor updated;
  double momentum = 0.1;
};

/// Outputs (n, classes) for images (n, channels, side, side). A differentiable function of `parts`
/// where these ask for gradients. Normalisations with running statistics are folded into their
/// convolutions: W_o gamma_o / (variance_o + eps)^(1/2) for each filter o, and a bias.
at::Tensor vision_outputs(const VisionArchitecture& architecture,
                          std::span<const at::Tensor> parts,
                          const at::Tensor& images,
                          const NormSource& norms);

/// A network with its normalisations folded, ready for many batches.
class FoldedVision {
 public:
  FoldedVision(const VisionArchitecture& architecture,
               std::span<const at::Tensor> parts,
               const at::Tensor& statistics);

  /// As vision_outputs with those statistics.
  [[nodiscard]] at::Tensor outputs(const at::Tensor& images) const;

 private:
  const VisionArchitecture& architecture_;
  std::vector<at::Tensor> weights_;  // one a layer; undefined for pools
  std::vector<at::Tensor> biases_;
};

/// Means and variances over all batches of these images, at these weights: each batch counts by its
/// images.
/// @param batch_size images in a batch at most
at::Tensor estimate_statistics(const VisionArchitecture& architecture,
                               std::span<const at::Tensor> parts,
                               const at::Tensor& images,
                               std::int64_t batch_size);

}  // namespace overparam::net
