// SPDX-License-Identifier: Apache-2.0
#include "png.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <limits>

#include "images.hpp"
#include "report/xml.hpp"
#include "support/files.hpp"

namespace overparam::report {
namespace {

using overparam::tests::expect_error;

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

/// The data of the first chunk of this name, its checksum verified.
std::string chunk(std::string_view png, std::string_view name) {
  png.remove_prefix(8);
  while (!png.empty()) {
    const std::uint32_t size = big_endian(png);
    const auto named = png.substr(4, size + 4);
    const auto expected =
        crc32(0, reinterpret_cast<const Bytef*>(named.data()), static_cast<uInt>(named.size()));
    EXPECT_EQ(big_endian(png.substr(8 + size)), expected);
    if (named.starts_with(name)) return std::string(named.substr(4));
    png.remove_prefix(12 + size);
  }
  return "missing";
}

std::string inflated(const std::string& data, std::size_t size) {
  std::string out(size, '\0');
  uLongf length = size;
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(out.data()),
                       &length,
                       reinterpret_cast<const Bytef*>(data.data()),
                       data.size()),
            Z_OK);
  EXPECT_EQ(length, size);
  return out;
}

TEST(Png, ColourPixelsComeBack) {
  std::vector<std::uint8_t> samples;
  for (int i = 0; i < 3 * 5 * 3; ++i) samples.push_back(static_cast<std::uint8_t>(i * 5));
  const std::string png = encode_png(5, 3, 3, samples);
  EXPECT_TRUE(png.starts_with("\x89PNG\r\n\x1a\n"));

  const std::string header = chunk(png, "IHDR");
  EXPECT_EQ(big_endian(header), 5u);
  EXPECT_EQ(big_endian(header.substr(4)), 3u);
  EXPECT_EQ(header.substr(8), std::string("\x08\x02\x00\x00\x00", 5));

  const std::string rows = inflated(chunk(png, "IDAT"), 3 * (1 + 15));
  for (std::size_t row = 0; row < 3; ++row) {
    EXPECT_EQ(rows[row * 16], '\0');
    for (std::size_t i = 0; i < 15; ++i) {
      EXPECT_EQ(static_cast<std::uint8_t>(rows[row * 16 + 1 + i]), samples[row * 15 + i]);
    }
  }
  EXPECT_EQ(chunk(png, "IEND"), "");
}

TEST(Png, SamplesMustFillThePicture) {
  expect_error(ErrorKind::internal, {"4 samples", "2 x 3"}, [] {
    encode_png(2, 3, 1, {1, 2, 3, 4});
  });
}

TEST(Png, Base64IsThatOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) EXPECT_EQ(base64(plain), encoded);
}

TEST(Images, PlanesBecomePixels) {
  const ImageGrid grid{.height = 1, .width = 2, .channels = 3};
  const ImageGrid::Image image{
      .pixels = {0, 1, 0.5F, 2, -1, std::numeric_limits<float>::quiet_NaN()}};
  const std::vector<std::uint8_t> expected{0, 128, 0, 255, 255, 0};
  EXPECT_EQ(image_address(grid, image),
            "data:image/png;base64," + base64(encode_png(2, 1, 3, expected)));
}

TEST(Images, AWrongNumberOfPixelsIsNamed) {
  const ImageGrid grid{.id = "digits", .height = 2, .width = 2};
  expect_error(ErrorKind::internal, {"digits", "3 pixels", "2 x 2"}, [&] {
    image_address(grid, {.pixels = {0, 0, 0}});
  });
}

TEST(Images, AGridIsOneDrawing) {
  ImageGrid grid{.id = "g", .title = "A & B", .height = 2, .width = 2, .per_row = 2};
  EXPECT_EQ(tests::xml_fault(to_svg(grid)), "");
  for (int i = 0; i < 5; ++i) grid.images.push_back({.pixels = {0, 1, 1, 0}, .label = "<b>"});
  const std::string svg = to_svg(grid);
  EXPECT_EQ(tests::xml_fault(svg), "");
  EXPECT_EQ(tests::count(svg, "<image "), 5u);
  EXPECT_EQ(tests::count(svg, "&lt;b&gt;"), 5u);
  EXPECT_EQ(svg, to_svg(grid));
}

}  // namespace
}  // namespace overparam::report
