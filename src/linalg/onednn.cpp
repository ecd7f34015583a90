// SPDX-License-Identifier: Apache-2.0
#include "onednn.hpp"

#include <ATen/ATen.h>

#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "overparam/base/require.hpp"

namespace overparam::linalg::onednn {

namespace {

using dnnl::memory;

const dnnl::engine& processor() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type type_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return memory::data_type::f32;
    case at::kBFloat16:
      return memory::data_type::bf16;
    case at::kChar:
      return memory::data_type::s8;
    default:
      base::fail(ErrorKind::internal, "oneDNN products: no such number type");
  }
}

memory::desc description(const at::Tensor& matrix) {
  base::ensure(matrix.stride(1) == 1 || matrix.stride(0) == 1,
               "oneDNN products: neither rows nor columns are contiguous");
  return {{matrix.size(0), matrix.size(1)},
          type_of(matrix),
          memory::dims{matrix.stride(0), matrix.stride(1)}};
}

/// A primitive for one shape, with the memories it is run on: only their addresses change.
class Product {
 public:
  Product(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, float beta) {
    const dnnl::matmul::desc shape(description(a), description(b), description(out));
    // As an output scale that is known only when it runs, alpha rules out the kernels of AMX, which
    // are three times as fast; as a factor after the product it rules out some of the others.
    dnnl::post_ops after;
    after.append_binary(dnnl::algorithm::binary_mul, factor_.get_desc());
    if (beta != 0) after.append_sum(beta);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    const dnnl::matmul::primitive_desc blocked(
        shape, attributes, processor(), /*allow_empty=*/true);
    const bool is_blocked =
        blocked && std::string_view(blocked.impl_info_str()).find("brg") != std::string_view::npos;
    primitive_ = dnnl::matmul(is_blocked ? blocked : with_output_scale(shape, beta));
    const auto empty = [](const at::Tensor& matrix) {
      return memory(description(matrix), processor(), nullptr);
    };
    arguments_ = {{DNNL_ARG_SRC, empty(a)},
                  {DNNL_ARG_WEIGHTS, empty(b)},
                  {DNNL_ARG_DST, empty(out)},
                  is_blocked
                      ? std::pair{DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, factor_}
                      : std::pair{DNNL_ARG_ATTR_OUTPUT_SCALES, output_scale_}};
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  void run(at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha) {
    alpha_ = static_cast<float>(alpha);
    arguments_.at(DNNL_ARG_SRC).set_data_handle(a.data_ptr());
    arguments_.at(DNNL_ARG_WEIGHTS).set_data_handle(b.data_ptr());
    arguments_.at(DNNL_ARG_DST).set_data_handle(out.data_ptr());
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  static dnnl::matmul::primitive_desc with_output_scale(const dnnl::matmul::desc& shape, float beta) {
    dnnl::primitive_attr attributes;
    attributes.set_output_scales(0, {DNNL_RUNTIME_F32_VAL});
    if (beta != 0) {
      dnnl::post_ops sum;
      sum.append_sum(beta);
      attributes.set_post_ops(sum);
    }
    return {shape, attributes, processor()};
  }

  float alpha_ = 1;
  memory factor_{{{1, 1}, memory::data_type::f32, memory::format_tag::ab}, processor(), &alpha_};
  memory output_scale_{{{1}, memory::data_type::f32, memory::format_tag::x}, processor(), &alpha_};
  dnnl::matmul primitive_;
  dnnl::stream stream_{processor()};
  std::unordered_map<int, memory> arguments_;
};

}  // namespace

bool has_amx() {
  static const bool known = [] {
    const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
    return isa == dnnl::cpu_isa::avx512_core_amx || isa == dnnl::cpu_isa::all;
  }();
  return known;
}

bool multiplies(Products products) {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  const bool has_bfloat16 = has_amx() || isa == dnnl::cpu_isa::avx512_core_bf16;
  const bool has_vnni = has_bfloat16 || isa == dnnl::cpu_isa::avx512_core_vnni;
  switch (products) {
    case Products::onednn:
      return true;
    case Products::bfloat16:
    case Products::split2:
    case Products::split3:
      return has_vnni || isa == dnnl::cpu_isa::avx512_core;
    case Products::int8:
      return has_vnni || isa == dnnl::cpu_isa::avx2_vnni;
    case Products::automatic:
    case Products::plain:
      break;
  }
  return false;
}

void multiply(
    at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double alpha, double beta) {
  using Key = std::tuple<at::ScalarType,
                         std::int64_t,
                         std::int64_t,
                         std::int64_t,
                         std::int64_t,
                         std::int64_t,
                         bool,
                         bool,
                         std::int64_t,
                         float>;
  const bool a_rows = a.stride(1) == 1;
  const bool b_rows = b.stride(1) == 1;
  const Key key{a.scalar_type(),
                a.size(0),
                a.size(1),
                b.size(1),
                a.stride(a_rows ? 0 : 1),
                b.stride(b_rows ? 0 : 1),
                a_rows,
                b_rows,
                out.stride(0),
                static_cast<float>(beta)};
  // A primitive's scratch memory serves one product at a time, hence one set for each thread.
  thread_local std::map<Key, Product> products;
  auto found = products.find(key);
  if (found == products.end()) {
    found = products.try_emplace(key, out, a, b, static_cast<float>(beta)).first;
  }
  found->second.run(out, a, b, alpha);
}

}  // namespace overparam::linalg::onednn
