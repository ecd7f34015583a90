// SPDX-License-Identifier: Apache-2.0
#include "../vision/builder.hpp"

namespace overparam::net {

VisionFamily resnet8() {
  return {.name = "resnet8",
          .description = "ResNet of 8 layers for small images: three stages of 1 block",
          .source = "He, Zhang, Ren, Sun 2016, Section 4.2, with projections where sizes change",
          .build = [](const VisionOptions& options) { return build_resnet("resnet8", 1, options); }};
}

}  // namespace overparam::net
