// SPDX-License-Identifier: Apache-2.0
#include "overparam/net/catalogue.hpp"

#include "overparam/base/catalogue.hpp"

namespace overparam::net {

const NetworkFamily& find_network(const std::string& name) {
  return base::find_by_name(networks(), "network", name);
}

}  // namespace overparam::net
