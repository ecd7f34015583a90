// SPDX-License-Identifier: Apache-2.0
// The networks of the source documents: each a row here and one file in src/net/networks/.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "overparam/net/architecture.hpp"

namespace overparam::net {

struct NetworkOptions {
  std::int64_t input_size = 0;
  std::int64_t num_outputs = 1;
  std::int64_t width = 1024;  ///< m, neurons in a hidden layer (channels of a convolution)
  /// L, the number of square hidden layers (or residual blocks) between the input layer and the
  /// read-out.
  std::int64_t depth = 2;

  // What is known of the inputs beyond their size.
  std::vector<std::int64_t> input_shape;  ///< {channels, height, width}, {height, width} or other
  double separation = std::numeric_limits<double>::quiet_NaN();  ///< delta, where it is known

  // What only some families read: those that list the name in `reads`.
  std::vector<std::int64_t> widths;  ///< of all hidden layers in order, in place of width and depth
  std::string activation = "relu";
  std::string tau = "theory";      ///< gain of residual branches; see src/net/networks/resnet.cpp
  std::int64_t block_layers = 1;   ///< weight matrices in a residual branch
  std::string last = "plain";      ///< the last hidden layer: "plain" or "residual"
  std::int64_t filter = 3;         ///< side of a convolution's filter
  std::string filters = "shared";  ///< by all positions, or "unshared"
  std::string bias = "theory";     ///< scale of biases; see src/net/networks/cnn.cpp

  /// Outputs after every time step from the second on, side by side (n, (L - 1) d).
  bool every_step = false;
};

struct NetworkFamily {
  std::string name;
  std::string description;
  std::string source;
  std::string default_trained;     ///< as for select_trained
  std::vector<std::string> reads;  ///< the optional settings it obeys: "depth", "activation", ...
  bool unit_inputs = false;        ///< its source asks for |x| = 1 with nothing appended
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
