// SPDX-License-Identifier: Apache-2.0
// The one exception type of the library.
#pragma once

#include <stdexcept>
#include <string>

namespace overparam {

/// What went wrong, in the user's terms. The program turns each kind into its exit code.
enum class ErrorKind {
  usage,     ///< a setting or argument that cannot work
  data,      ///< a file or data set that is missing, broken or does not fit
  numeric,   ///< a computation that left the finite numbers
  capacity,  ///< work refused because it would not fit memory or disk
  internal,  ///< a broken promise of this library: please report it
};

/// Thrown for every failure the library reports. The message says where, what was expected and
/// what was found.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace overparam
