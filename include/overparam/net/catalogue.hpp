// SPDX-License-Identifier: Apache-2.0
// The networks of the source documents: each a row here and one file in src/net/networks/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "overparam/net/architecture.hpp"

namespace overparam::net {

struct NetworkOptions {
  std::int64_t input_size = 0;
  std::int64_t num_outputs = 1;
  std::int64_t width = 1024;
  /// L, the number of square hidden layers between the input layer and the read-out.
  std::int64_t depth = 2;
};

struct NetworkFamily {
  std::string name;
  std::string description;
  std::string source;
  std::string default_trained;  ///< as for select_trained
  /// The shape alone: no block is trained yet.
  std::function<Architecture(const NetworkOptions&)> build;
};

const std::vector<NetworkFamily>& networks();

/// @throws Error(usage) with the names and "did you mean"
const NetworkFamily& find_network(const std::string& name);

/// A network of the catalogue with the blocks trained that its source trains.
/// @throws Error(usage) for an unknown name, or sizes that the family cannot have
Architecture make_architecture(const std::string& name, const NetworkOptions& options);

}  // namespace overparam::net
