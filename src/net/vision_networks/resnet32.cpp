// SPDX-License-Identifier: Apache-2.0
#include "../vision/builder.hpp"

namespace overparam::net {

VisionFamily resnet32() {
  return {.name = "resnet32",
          .description = "ResNet of 32 layers for small images: three stages of 5 blocks",
          .source = "He, Zhang, Ren, Sun 2016, Section 4.2, with projections where sizes change",
          .build = [](const VisionOptions& options) { return build_resnet("resnet32", 5, options); }};
}

}  // namespace overparam::net
