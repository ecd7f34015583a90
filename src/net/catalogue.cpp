// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/catalogue.hpp"

#include "overparam/base/catalogue.hpp"

namespace overparam::net {

const NetworkFamily& find_network(const std::string& name) {
  return base::find_by_name(networks(), "network", name);
}

Architecture make_architecture(const std::string& name, const NetworkOptions& options) {
  const auto& family = find_network(name);
  auto architecture = family.build(options);
  select_trained(architecture, family.default_trained);
  return architecture;
}

}  // namespace overparam::net
