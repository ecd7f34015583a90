// SPDX-License-Identifier: Apache-2.0
// How the families of vision networks put their layers together.
#pragma once

#include <string>

#include "overparam/net/vision.hpp"

namespace overparam::net {

class VisionBuilder {
 public:
  VisionBuilder(std::string name, const VisionOptions& options);

  struct Convolution {
    std::string name;  ///< "layer1.0.conv1"
    std::string norm;  ///< "layer1.0.bn1", or empty
    std::int64_t channels = 0;
    std::int64_t side = 3;  ///< of the filter
    std::int64_t stride = 1;
    bool bias = false;
    bool activates = true;
    int add = -1;  ///< a layer to add before the activation
  };

  /// Each returns the index of the new layer.
  int add_convolution(int from, const Convolution& convolution);
  int add_max_pool(int from);      ///< 2 x 2, stride 2
  int add_average_pool(int from);  ///< over all positions
  int add_read_out(int from, const std::string& name, VisionLaw law, double spread);

  [[nodiscard]] std::int64_t channels_of(int layer) const;
  [[nodiscard]] VisionArchitecture take() { return std::move(result_); }

 private:
  int add_tensor(std::string name, std::vector<std::int64_t> sizes, VisionLaw law, double spread);
  int add_norm(const std::string& name, std::int64_t channels);
  int add_layer(const VisionLayer& layer, std::int64_t channels);

  VisionArchitecture result_;
  std::vector<std::int64_t> channels_;  // of each layer's features
};

/// The ResNet of 6 k + 2 layers for small images (He et al. 2016, Section 4.2): a convolution, three
/// stages of k blocks with w, 2 w and 4 w channels, and a read-out. A block is conv, norm, phi, conv,
/// norm, plus its input, phi; where stride or channels change the input passes a convolution of 1 x
/// 1 and a normalisation.
VisionArchitecture build_resnet(const std::string& name,
                                std::int64_t blocks,
                                const VisionOptions& options);

/// The sixteen convolutions of VGG19 in five groups, each followed by a pool, and one read-out.
VisionArchitecture build_vgg19(const std::string& name, bool norms, const VisionOptions& options);

}  // namespace overparam::net
