// SPDX-License-Identifier: Apache-2.0
#include "overparam/base/files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "overparam/base/json_files.hpp"
#include "support/files.hpp"

namespace overparam::base {
namespace {

namespace fs = std::filesystem;
using tests::expect_error;
using tests::TemporaryFolder;

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Files, AnUncommittedFileLeavesNothing) {
  const TemporaryFolder folder;
  write_file(folder / "kept", "old");
  {
    AtomicFile file(folder / "kept");
    file.write("half of the ne");
  }
  EXPECT_EQ(read_file(folder / "kept"), "old");
  EXPECT_EQ(files_in(folder.path()), 1u);
  write_file(folder / "kept", "new");
  EXPECT_EQ(read_file(folder / "kept"), "new");
  EXPECT_EQ(files_in(folder.path()), 1u);
}

TEST(Files, AFullDeviceIsNamedAndNothingIsLeft) {
  const TemporaryFolder folder;
  // A limit on the size of files fails the way a full device does.
  const rlimit tiny{.rlim_cur = 1000, .rlim_max = RLIM_INFINITY};
  rlimit former{};
  getrlimit(RLIMIT_FSIZE, &former);
  const auto former_handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &tiny);
  expect_error(ErrorKind::capacity, {"cannot write", "large", "too large"}, [&] {
    write_file(folder / "large", std::string(2000, 'x'));
  });
  setrlimit(RLIMIT_FSIZE, &former);
  std::signal(SIGXFSZ, former_handler);
  EXPECT_EQ(files_in(folder.path()), 0u);
}

TEST(Files, AFolderThatIsNotThereIsNamed) {
  expect_error(ErrorKind::usage, {"cannot write", "/nowhere/file"}, [] {
    write_file("/nowhere/file", "text");
  });
}

TEST(Files, AMissingFileIsADataError) {
  expect_error(ErrorKind::data, {"cannot read", "/nowhere/file", "No such file"}, [] {
    read_file("/nowhere/file");
  });
  expect_error(ErrorKind::data, {"cannot read", "it is a folder"}, [] { read_file("/tmp"); });
}

TEST(Files, AFileInTheWayOfAFolderIsNamed) {
  const TemporaryFolder folder;
  write_file(folder / "taken", "");
  expect_error(ErrorKind::usage, {"cannot make the folder", "taken"}, [&] {
    make_writable_folder(folder / "taken/run");
  });
  make_writable_folder(folder / "a/b/c");
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
}

TEST(JsonFiles, AreWrittenWholeAndReadBack) {
  const TemporaryFolder folder;
  const nlohmann::json document{{"name", "caf\xe9"}, {"list", {1, 2.5, nullptr}}};
  write_json(folder / "a.json", document);
  const auto copy = read_json(folder / "a.json");
  EXPECT_EQ(copy.at("name"), "caf\xef\xbf\xbd");
  EXPECT_EQ(copy.at("list"), document.at("list"));
  write_file(folder / "b.json", "{\"name\": ");
  expect_error(
      ErrorKind::data, {"b.json", "not JSON"}, [&] { (void)read_json(folder / "b.json"); });
}

TEST(JsonLines, AKilledWriterLosesOnlyItsLastLine) {
  const TemporaryFolder folder;
  const auto path = folder / "rows.jsonl";
  EXPECT_TRUE(read_json_lines(path).empty());
  JsonLinesWriter(path).append({{"row", 1}});
  tests::write_bytes(path, read_file(path) + "{\"row\": 2, \"val");
  EXPECT_EQ(read_json_lines(path).size(), 1u);
  JsonLinesWriter(path).append({{"row", 3}});
  const auto rows = read_json_lines(path);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1]["row"], 3);
}

TEST(JsonLines, TextThatIsNotUtf8CostsNoLine) {
  const TemporaryFolder folder;
  JsonLinesWriter(folder / "rows.jsonl").append({{"name", "caf\xe9"}, {"value", 1}});
  const auto lines = read_json_lines(folder / "rows.jsonl");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].at("name"), "caf\xef\xbf\xbd");
}

TEST(JsonLines, ADamagedLineIsNamed) {
  const TemporaryFolder folder;
  tests::write_bytes(folder / "rows.jsonl", "{}\nnot json\n");
  expect_error(
      ErrorKind::data, {"rows.jsonl, line 2"}, [&] { read_json_lines(folder / "rows.jsonl"); });
}

}  // namespace
}  // namespace overparam::base
