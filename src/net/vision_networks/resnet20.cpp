// SPDX-License-Identifier: Apache-2.0
#include "../vision/builder.hpp"

namespace overparam::net {

VisionFamily resnet20() {
  return {.name = "resnet20",
          .description = "ResNet of 20 layers for small images: three stages of 3 blocks",
          .source = "He, Zhang, Ren, Sun 2016, Section 4.2, with projections where sizes change",
          .build = [](const VisionOptions& options) { return build_resnet("resnet20", 3, options); }};
}

}  // namespace overparam::net
