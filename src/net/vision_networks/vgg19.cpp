// SPDX-License-Identifier: Apache-2.0
#include "../vision/builder.hpp"

namespace overparam::net {

VisionFamily vgg19() {
  return {.name = "vgg19",
          .description = "VGG of sixteen convolutions and one read-out for images of 32 x 32, without "
                         "batch normalisation",
          .source = "Simonyan, Zisserman 2015, configuration E, with one linear layer",
          .build = [](const VisionOptions& options) { return build_vgg19("vgg19", false, options); }};
}

}  // namespace overparam::net
