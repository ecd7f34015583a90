// SPDX-License-Identifier: Apache-2.0
// The .npy format: https://numpy.org/neps/nep-0001-npy-format.html
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "npy_header.hpp"
#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
static_assert(std::endian::native == std::endian::little, "array files are written as they lie");

struct ElementType {
  std::string_view descriptor;  // without the byte order
  at::ScalarType type;
};

constexpr ElementType kElementTypes[] = {
    {"f4", at::kFloat},
    {"f8", at::kDouble},
    {"f2", at::kHalf},
    {"i8", at::kLong},
    {"i4", at::kInt},
    {"i2", at::kShort},
    {"i1", at::kChar},
    {"u1", at::kByte},
    {"b1", at::kBool},
};

struct Header {
  ElementType element{};
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// The text after `'key':` in the header's Python dictionary.
std::string_view field(std::string_view header, std::string_view key, const std::string& name) {
  const auto place = header.find(fmt::format("'{}':", key));
  require(place != std::string_view::npos,
          ErrorKind::data,
          "{}: the .npy header has no '{}'",
          name,
          key);
  return trim(header.substr(place + key.size() + 3));
}

Header parse_header(std::string_view text, const std::string& name) {
  Header header;

  auto descriptor = field(text, "descr", name);
  const auto quote = descriptor.find('\'', 1);
  require(descriptor.starts_with('\'') && quote != std::string_view::npos,
          ErrorKind::data,
          "{}: the .npy header ends inside a field",
          name);
  descriptor = descriptor.substr(1, quote - 1);
  bool known = false;
  for (const auto& candidate : kElementTypes) {
    if (descriptor.size() == 3 && descriptor.substr(1) == candidate.descriptor) {
      header.element = candidate;
      known = true;
    }
  }
  require(known, ErrorKind::data, "{}: cannot read elements of type {}", name, descriptor);
  header.big_endian = descriptor.front() == '>';
  header.fortran_order = field(text, "fortran_order", name).starts_with("True");

  auto shape = field(text, "shape", name);
  const auto close = shape.find(')');
  require(shape.starts_with('(') && close != std::string_view::npos,
          ErrorKind::data,
          "{}: the .npy header has no shape",
          name);
  for (const auto& part : split(shape.substr(1, close - 1), ',')) {
    if (trim(part).empty()) continue;
    const auto size = parse_integer(trim(part));
    require(size && *size >= 0, ErrorKind::data, "{}: \"{}\" is no size", name, part);
    header.shape.push_back(*size);
  }
  return header;
}

void swap_bytes(void* data, std::size_t count, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(data);
  for (std::size_t i = 0; i < count; ++i) std::reverse(bytes + i * size, bytes + (i + 1) * size);
}

}  // namespace

std::string npy_header(at::IntArrayRef sizes, at::ScalarType type) {
  std::string_view descriptor;
  for (const auto& candidate : kElementTypes) {
    if (candidate.type == type) descriptor = candidate.descriptor;
  }
  ensure(!descriptor.empty(), "write_npy: cannot write this element type");
  std::string shape;
  for (const auto size : sizes) shape += fmt::format("{}, ", size);
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}",
                                 c10::elementSize(type) == 1 ? '|' : '<',
                                 descriptor,
                                 shape);
  // Magic, version and length take 10 bytes; data starts at a multiple of 64.
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string result(kMagic);
  result +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return result + text;
}

void write_npy(const std::filesystem::path& path, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
  AtomicFile file(path);
  file.write(npy_header(plain.sizes(), plain.scalar_type()));
  file.write(plain.data_ptr(), plain.nbytes());
  file.commit();
}

at::Tensor parse_npy(std::string_view bytes, const std::string& name) {
  require(bytes.size() >= 10 && bytes.starts_with(kMagic),
          ErrorKind::data,
          "{}: not a .npy file (it does not start with \\x93NUMPY)",
          name);
  const auto byte = [&](std::size_t i) {
    return std::size_t{static_cast<unsigned char>(bytes[i])};
  };
  const bool long_header = byte(6) >= 2;
  const std::size_t header_at = long_header ? 12 : 10;
  require(bytes.size() >= header_at, ErrorKind::data, "{}: the file ends in its header", name);
  std::size_t header_size = byte(8) | byte(9) << 8;
  if (long_header) header_size |= byte(10) << 16 | byte(11) << 24;
  require(bytes.size() >= header_at + header_size,
          ErrorKind::data,
          "{}: the file ends in its header",
          name);

  const Header header = parse_header(bytes.substr(header_at, header_size), name);
  const auto data = bytes.substr(header_at + header_size);
  const std::size_t element_size = c10::elementSize(header.element.type);
  // Zeros are left out of the product: an empty array may not have absurd other sizes either.
  std::size_t count = 1;
  bool overflow = false;
  for (const auto size : header.shape) {
    if (size > 0) overflow |= __builtin_mul_overflow(count, static_cast<std::size_t>(size), &count);
  }
  const bool empty = std::ranges::find(header.shape, 0) != header.shape.end();
  if (empty && !overflow) count = 0;
  require(!overflow && count <= data.size() / element_size,
          ErrorKind::data,
          "{}: the header promises an array of shape ({}), but only {} bytes of data follow",
          name,
          fmt::join(header.shape, ", "),
          data.size());

  auto sizes = header.shape;
  if (header.fortran_order) std::ranges::reverse(sizes);
  at::Tensor tensor = at::empty(sizes, header.element.type);
  if (count > 0) std::memcpy(tensor.data_ptr(), data.data(), count * element_size);
  if (header.big_endian) swap_bytes(tensor.data_ptr(), count, element_size);
  if (header.fortran_order && sizes.size() > 1) {
    std::vector<std::int64_t> reversed(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      reversed[i] = static_cast<std::int64_t>(sizes.size() - 1 - i);
    }
    tensor = tensor.permute(reversed).contiguous();
  }
  return tensor;
}

at::Tensor read_npy(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (!error) plan_reading(path, 2 * size);  // the file and the array
  return parse_npy(read_file(path), path.string());
}

}  // namespace overparam::base
