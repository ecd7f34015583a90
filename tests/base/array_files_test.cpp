// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/array_files.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "overparam/base/files.hpp"
#include "support/files.hpp"

namespace overparam::base {
namespace {

using tests::expect_error;
using tests::TemporaryFolder;
using tests::write_bytes;

std::string npy(const std::string& header, const std::string& data) {
  std::string text = header + '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(text.size()) + '\0' + text + data;
}

TEST(Npy, EveryElementTypeComesBack) {
  const TemporaryFolder folder;
  for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kByte}) {
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{3, 4}, {5}, {}, {0, 2}}) {
      const at::Tensor written = at::randint(0, 100, shape, type);
      write_npy(folder / "a.npy", written);
      const at::Tensor read = read_npy(folder / "a.npy");
      EXPECT_EQ(read.scalar_type(), type);
      EXPECT_TRUE(at::equal(read, written));
    }
  }
}

TEST(Npy, DataStartAtAMultipleOf64) {
  const TemporaryFolder folder;
  write_npy(folder / "a.npy", at::zeros({7}, at::kDouble));
  EXPECT_EQ((read_file(folder / "a.npy").size() - 56) % 64, 0u);
}

TEST(Npy, BothOrdersOfBytesAndIndicesAreRead) {
  const std::string big_endian("\x00\x01\x00\x02", 4);
  const at::Tensor shorts =
      parse_npy(npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", big_endian), "x");
  EXPECT_TRUE(at::equal(shorts, at::tensor({1, 2}, at::kShort)));

  const std::string columns("\x01\x03\x05\x02\x04\x06", 6);
  const at::Tensor bytes =
      parse_npy(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (3, 2), }", columns), "x");
  EXPECT_TRUE(at::equal(bytes, at::tensor({1, 2, 3, 4, 5, 6}, at::kByte).view({3, 2})));
}

TEST(Npy, DamageIsNamed) {
  expect_error(ErrorKind::data, {"a.npy", "not a .npy file"}, [] { parse_npy("PNG", "a.npy"); });
  expect_error(ErrorKind::data, {"shape (3, 2)", "5 bytes"}, [] {
    parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2), }", "12345"), "a.npy");
  });
  expect_error(ErrorKind::data, {"type <c16"}, [] {
    parse_npy(npy("{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }", ""), "a.npy");
  });
  expect_error(ErrorKind::data, {"promises"}, [] {
    parse_npy(
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", ""),
        "a.npy");
  });
  expect_error(ErrorKind::data, {"promises", "0, 9223372036854775807"}, [] {
    parse_npy(npy("{'descr': '<f8', 'fortran_order': False, "
                  "'shape': (0, 9223372036854775807, 9223372036854775807), }",
                  ""),
              "a.npy");
  });
  expect_error(
      ErrorKind::data, {"ends inside a field"}, [] { parse_npy(npy("{'descr':", ""), "a.npy"); });
  expect_error(ErrorKind::data, {"no 'shape'"}, [] {
    parse_npy(npy("{'descr': '<f8', 'fortran_order': False}", ""), "a.npy");
  });
}

TEST(Npz, DamageIsNamed) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.npz", "PK\x03\x04 but then nothing");
  expect_error(ErrorKind::data, {"a.npz", "no zip directory"}, [&] { read_npz(folder / "a.npz"); });
}

TEST(Safetensors, TensorsAndMetadataComeBackInOrder) {
  const TemporaryFolder folder;
  TensorFile written;
  written.tensors = {{"W.2", at::randn({4, 3})}, {"A", at::randn({5}, at::kDouble)}};
  written.metadata = {{"step", "12"}};
  write_safetensors(folder / "w.safetensors", written);
  const TensorFile read = read_safetensors(folder / "w.safetensors");
  ASSERT_EQ(read.tensors.size(), 2u);
  EXPECT_EQ(read.tensors[0].first, "W.2");
  EXPECT_TRUE(at::equal(read.tensors[0].second, written.tensors[0].second));
  EXPECT_TRUE(at::equal(*read.find("A"), written.tensors[1].second));
  EXPECT_EQ(read.find("B"), nullptr);
  EXPECT_EQ(read.metadata.at("step"), "12");
}

TEST(Safetensors, AHeaderThatLiesIsRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "w.safetensors";
  const auto file = [](const std::string& header, const std::string& data) {
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header.size());
    return bytes + header + data;
  };
  const auto refused = [&](const std::string& bytes, std::string_view reason) {
    write_bytes(path, bytes);
    expect_error(ErrorKind::data, {"w.safetensors", reason}, [&] { read_safetensors(path); });
  };
  refused("short", "not a safetensors file");
  refused(std::string(8, '\x7f') + "{}", "cut short");
  refused(file("{\"A\": 1}", ""), "header is damaged");
  refused(file(R"({"A":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234"), "outside");
  refused(file(R"({"A":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"),
          "does not fit");
  refused(file(R"({"A":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}})", "12345678"),
          "does not fit");
  refused(file(R"({"A":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}})", "12345678"),
          "type C64");
  refused(file(R"({"A":{"dtype":"U8","shape":[4],"data_offsets":[3,7]},)"
               R"("B":{"dtype":"U8","shape":[0],"data_offsets":[5,5]},)"
               R"("C":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
               "1234567"),
          "C and A overlap");
}

}  // namespace
}  // namespace overparam::base
