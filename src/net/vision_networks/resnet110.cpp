// SPDX-License-Identifier: Apache-2.0
#include "../vision/builder.hpp"

namespace overparam::net {

VisionFamily resnet110() {
  return {.name = "resnet110",
          .description = "ResNet of 110 layers for small images: three stages of 18 blocks",
          .source = "He, Zhang, Ren, Sun 2016, Section 4.2, with projections where sizes change",
          .build = [](const VisionOptions& options) { return build_resnet("resnet110", 18, options); }};
}

}  // namespace overparam::net
