// SPDX-License-Identifier: Apache-2.0
// https://huggingface.co/docs/safetensors: u64 header length, JSON header, raw data.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "overparam/base/array_files.hpp"
#include "overparam/base/files.hpp"
#include "overparam/base/require.hpp"

namespace overparam::base {

namespace {

constexpr std::uint64_t kLargestHeader = 100'000'000;

struct TypeName {
  const char* name;
  at::ScalarType type;
};

constexpr TypeName kTypeNames[] = {
    {"F32", at::kFloat},
    {"F64", at::kDouble},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"U8", at::kByte},
};

const char* name_of(at::ScalarType type) {
  for (const auto& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  fail(ErrorKind::internal, "write_safetensors: cannot write this element type");
}

at::ScalarType type_of(const std::string& name, const std::string& where) {
  for (const auto& entry : kTypeNames) {
    if (entry.name == name) return entry.type;
  }
  fail(ErrorKind::data, "{}: cannot read elements of type {}", where, name);
}

/// Reads one header entry and its data. The header is not trusted: every number is checked.
at::Tensor read_entry(const nlohmann::json& entry,
                      std::string_view data,
                      const std::string& where) {
  const auto type = type_of(entry.at("dtype").get<std::string>(), where);
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto offsets = entry.at("data_offsets").get<std::vector<std::uint64_t>>();
  require(offsets.size() == 2 && offsets[0] <= offsets[1] && offsets[1] <= data.size(),
          ErrorKind::data,
          "{}: its data lie outside the file",
          where);
  std::uint64_t bytes = c10::elementSize(type);
  bool wrong = false;
  for (const auto size : shape) {
    wrong |= size < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
  }
  require(!wrong && bytes == offsets[1] - offsets[0],
          ErrorKind::data,
          "{}: shape ({}) does not fit its {} bytes",
          where,
          fmt::join(shape, ", "),
          offsets[1] - offsets[0]);
  at::Tensor tensor = at::empty(shape, type);
  if (bytes > 0) std::memcpy(tensor.data_ptr(), data.data() + offsets[0], bytes);
  return tensor;
}

/// The bytes of one tensor.
struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  std::string name;
};

void refuse_overlaps(std::vector<Range> ranges, const std::filesystem::path& path) {
  std::erase_if(ranges, [](const Range& range) { return range.begin == range.end; });
  std::ranges::sort(ranges, {}, &Range::begin);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    require(ranges[i - 1].end <= ranges[i].begin,
            ErrorKind::data,
            "{}: the data of the tensors {} and {} overlap",
            path.string(),
            ranges[i - 1].name,
            ranges[i].name);
  }
}

}  // namespace

const at::Tensor* TensorFile::find(const std::string& name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) return &tensor;
  }
  return nullptr;
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  nlohmann::ordered_json header;
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::vector<at::Tensor> plain;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    plain.push_back(tensor.detach().to(at::kCPU).contiguous());
    const std::uint64_t end = offset + plain.back().nbytes();
    header[name] = {{"dtype", name_of(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');

  AtomicFile out(path);
  const std::uint64_t length = text.size();
  out.write(&length, sizeof length);
  out.write(text);
  for (const auto& tensor : plain) out.write(tensor.data_ptr(), tensor.nbytes());
  out.commit();
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  std::uint64_t length = 0;
  require(bytes.size() >= sizeof length,
          ErrorKind::data,
          "{}: not a safetensors file ({} bytes)",
          path.string(),
          bytes.size());
  std::memcpy(&length, bytes.data(), sizeof length);
  require(length <= kLargestHeader && length <= bytes.size() - sizeof length,
          ErrorKind::data,
          "{}: not a safetensors file, or cut short (a header of {} bytes in a file of {})",
          path.string(),
          length,
          bytes.size());
  const std::string_view data = std::string_view(bytes).substr(sizeof length + length);

  TensorFile file;
  std::vector<Range> ranges;
  try {
    const auto header = nlohmann::ordered_json::parse(
        bytes.begin() + sizeof length,
        bytes.begin() + sizeof length + static_cast<std::ptrdiff_t>(length));
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        file.metadata = entry.get<std::map<std::string, std::string>>();
      } else {
        const std::string where = fmt::format("{}, tensor {}", path.string(), name);
        file.tensors.emplace_back(name, read_entry(entry, data, where));
        const auto& offsets = entry.at("data_offsets");
        ranges.push_back({offsets[0].get<std::uint64_t>(), offsets[1].get<std::uint64_t>(), name});
      }
    }
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::data, "{}: the header is damaged ({})", path.string(), error.what());
  }
  refuse_overlaps(std::move(ranges), path);
  return file;
}

}  // namespace overparam::base
