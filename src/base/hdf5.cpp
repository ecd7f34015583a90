// SPDX-License-Identifier: Apache-2.0
// The one place that knows HDF5. https://support.hdfgroup.org/documentation/hdf5/latest/
#include "overparam/base/hdf5.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "overparam/base/files.hpp"
#include "overparam/base/memory.hpp"
#include "overparam/base/require.hpp"
#include "overparam/base/text.hpp"

namespace overparam::base {

namespace {

/// HDF5 is seldom built for several threads, and prints its errors unless told not to.
class Session {
 public:
  Session() : lock_(mutex()) {
    H5Eget_auto2(H5E_DEFAULT, &former_, &former_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Session() { H5Eset_auto2(H5E_DEFAULT, former_, former_data_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }

  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t former_ = nullptr;
  void* former_data_ = nullptr;
};

/// An identifier that is given back.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] bool is_open() const { return id_ >= 0; }
  [[nodiscard]] hid_t get() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// The innermost of the library's own words about what failed last.
std::string reason() {
  std::string text = "no reason given";
  const auto keep_first = [](unsigned depth, const H5E_error2_t* error, void* into) -> herr_t {
    if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(into) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  return text;
}

void expect(bool succeeded, ErrorKind kind, std::string_view what) {
  if (!succeeded) fail(kind, "cannot {}: {}", what, reason());
}

struct NumberType {
  hid_t in_memory;
  hid_t on_disk;
};

NumberType number_type(at::ScalarType type, const std::string& where) {
  switch (type) {
    case at::kFloat:
      return {H5T_NATIVE_FLOAT, H5T_IEEE_F32LE};
    case at::kDouble:
      return {H5T_NATIVE_DOUBLE, H5T_IEEE_F64LE};
    case at::kLong:
      return {H5T_NATIVE_INT64, H5T_STD_I64LE};
    default:
      fail(ErrorKind::usage,
           "{}: expected float32, float64 or int64, found {}",
           where,
           c10::toString(type));
  }
}

std::string where(const std::filesystem::path& path, std::string_view name) {
  return fmt::format("{}, dataset {}", path.string(), name);
}

/// A file that exists in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string path)
      : path_(std::move(path)),
        access_(H5Pcreate(H5P_FILE_ACCESS), H5Pclose),
        file_(create(access_.get(), path_), H5Fclose) {
    expect(file_.is_open(), ErrorKind::capacity, "write " + path_);
  }

  void write_attribute(const std::string& name, const std::string& text) {
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    const Handle attribute(
        H5Acreate2(file_.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose);
    const char* const value = text.c_str();
    expect(attribute.is_open() && H5Awrite(attribute.get(), type.get(), &value) >= 0,
           ErrorKind::usage,
           fmt::format("write {}, attribute {}", path_, name));
  }

  void write_dataset(const std::string& name, const at::Tensor& tensor) {
    const std::string place = where(path_, name);
    const auto type = number_type(tensor.scalar_type(), place);
    const std::vector<hsize_t> sizes(tensor.sizes().begin(), tensor.sizes().end());
    const Handle space(
        sizes.empty() ? H5Screate(H5S_SCALAR)
                      : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
        H5Sclose);
    const Handle link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(link.get(), 1);
    H5Pset_char_encoding(link.get(), H5T_CSET_UTF8);
    const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(creation.get(), 0);  // the same content gives the same bytes
    const Handle dataset(H5Dcreate2(file_.get(),
                                    name.c_str(),
                                    type.on_disk,
                                    space.get(),
                                    link.get(),
                                    creation.get(),
                                    H5P_DEFAULT),
                         H5Dclose);
    expect(dataset.is_open(), ErrorKind::usage, "write " + place);
    if (tensor.numel() == 0) return;
    const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
    const herr_t written =
        H5Dwrite(dataset.get(), type.in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, plain.data_ptr());
    expect(written >= 0, ErrorKind::capacity, "write " + place);
  }

  [[nodiscard]] std::string bytes() const {
    H5Fflush(file_.get(), H5F_SCOPE_GLOBAL);
    const ssize_t size = H5Fget_file_image(file_.get(), nullptr, 0);
    expect(size > 0, ErrorKind::capacity, "write " + path_);
    std::string image(static_cast<std::size_t>(size), '\0');
    expect(H5Fget_file_image(file_.get(), image.data(), image.size()) == size,
           ErrorKind::capacity,
           "write " + path_);
    return image;
  }

 private:
  static hid_t create(hid_t access, const std::string& path) {
    constexpr std::size_t kIncrement = 1 << 16;
    H5Pset_fapl_core(access, kIncrement, 0);
    return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  }

  std::string path_;
  Handle access_;
  Handle file_;
};

/// HDF5 would take "a//b" for "a/b", and says of a name that is taken no more than that it failed.
void check_names(const std::filesystem::path& path, const TensorFile& file) {
  std::set<std::string_view> taken;
  for (const auto& [name, tensor] : file.tensors) {
    const auto parts = split(name, '/');
    const bool named = std::ranges::none_of(
        parts, [](const std::string& part) { return part.empty() || part == "."; });
    require(named,
            ErrorKind::usage,
            "cannot write {}: expected names as in group/name, found \"{}\"",
            path.string(),
            name);
    require(taken.insert(name).second,
            ErrorKind::usage,
            "cannot write {}: two datasets are called {}",
            path.string(),
            name);
  }
}

/// As which type to read a dataset, or Error(data).
at::ScalarType tensor_type(hid_t type, const std::string& place) {
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return H5Tget_size(type) <= 4 ? at::kFloat : at::kDouble;
    case H5T_INTEGER:
      return at::kLong;
    default:
      fail(ErrorKind::data, "{}: expected floats or integers, found neither", place);
  }
}

}  // namespace

bool has_hdf5() { return true; }

void write_hdf5(const std::filesystem::path& path, const TensorFile& file) {
  check_names(path, file);
  MemoryPlan plan("the HDF5 file " + path.string());
  for (const auto& [name, tensor] : file.tensors) plan.add(name, 2 * tensor.nbytes());
  plan.check();
  AtomicFile out(path);  // before the work, so that a folder that cannot be written costs none
  std::string bytes;
  {
    const Session session;
    MemoryFile memory(path.string());
    for (const auto& [name, text] : file.metadata) memory.write_attribute(name, text);
    for (const auto& [name, tensor] : file.tensors) memory.write_dataset(name, tensor);
    bytes = memory.bytes();
  }
  out.write(bytes);
  out.commit();
}

at::Tensor read_hdf5_dataset(const std::filesystem::path& path, const std::string& name) {
  const std::string place = where(path, name);
  const Session session;
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
#if H5_VERSION_GE(1, 10, 7)
  // Network file systems may lack locks, and nothing here changes a file in place.
  H5Pset_file_locking(access.get(), 0, 1);
#endif
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  expect(file.is_open(), ErrorKind::data, "read " + path.string());
  const Handle dataset(H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  expect(dataset.is_open(), ErrorKind::data, "read " + place);
  const Handle type(H5Dget_type(dataset.get()), H5Tclose);
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const int dimensions = H5Sget_simple_extent_ndims(space.get());
  require(dimensions >= 0 && H5Sget_simple_extent_type(space.get()) != H5S_NULL,
          ErrorKind::data,
          "{}: it holds no array",
          place);
  std::vector<hsize_t> sizes(static_cast<std::size_t>(dimensions));
  H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr);
  constexpr hsize_t kLargest = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> shape;
  for (const hsize_t size : sizes) {
    shape.push_back(static_cast<std::int64_t>(std::min(size, kLargest)));
  }

  const at::ScalarType number = tensor_type(type.get(), place);
  MemoryPlan plan(place);  // a header may promise any size
  plan.add("array", shape, c10::elementSize(number));
  plan.check();
  at::Tensor tensor = at::empty(shape, number);
  if (tensor.numel() == 0) return tensor;
  const herr_t read = H5Dread(dataset.get(),
                              number_type(number, place).in_memory,
                              H5S_ALL,
                              H5S_ALL,
                              H5P_DEFAULT,
                              tensor.data_ptr());
  expect(read >= 0, ErrorKind::data, "read " + place);
  return tensor;
}

}  // namespace overparam::base
