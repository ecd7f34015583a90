// SPDX-License-Identifier: Apache-2.0
// What every option must say of itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "overparam/base/text.hpp"
#include "overparam/study/settings.hpp"

namespace overparam::study {
namespace {

const std::vector<std::string> kSections{
    "data", "network", "train", "run", "ntk", "verify", "landscape"};

class EveryOption : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] static const Option& option() { return find_option(GetParam(), "test"); }
};

TEST_P(EveryOption, SaysWhatItIs) {
  EXPECT_FALSE(option().help.empty());
  EXPECT_EQ(option().help, base::trim(option().help));
  EXPECT_FALSE(option().help.ends_with('.'));
  EXPECT_EQ(option().help.find('\n'), std::string::npos);
  EXPECT_EQ(option().help.find('|'), std::string::npos) << "would break the Markdown table";
}

TEST_P(EveryOption, HasAKeyInASection) {
  EXPECT_NE(std::ranges::find(kSections, option().section()), kSections.end());
  EXPECT_EQ(option().section() + "." + option().name(), option().key);
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  EXPECT_TRUE(std::ranges::all_of(option().name(), allowed)) << option().name();
}

TEST_P(EveryOption, HasAFlag) {
  EXPECT_TRUE(option().flag.starts_with("--"));
  const std::string rest = option().flag.substr(2);
  EXPECT_FALSE(rest.empty());
  EXPECT_TRUE(std::ranges::all_of(rest, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }));
}

TEST_P(EveryOption, HasADefaultThatItAccepts) {
  Settings settings;
  const std::string before = settings.text(option().key);
  EXPECT_EQ(before, option().fallback);
  EXPECT_NO_THROW(settings.set(option().key, option().fallback, "test"));
  EXPECT_EQ(settings.text(option().key), before) << "the default is in its one spelling";
}

TEST_P(EveryOption, AcceptsEachOfItsChoices) {
  Settings settings;
  std::set<std::string> seen;
  for (const auto& choice : option().choices) {
    EXPECT_NO_THROW(settings.set(option().key, choice, "test")) << choice;
    EXPECT_EQ(settings.text(option().key), choice);
    EXPECT_TRUE(seen.insert(choice).second) << choice;
  }
  if (option().choices.empty()) {
    EXPECT_FALSE(settings.text(option().key).empty() && option().type != OptionType::text);
  }
}

TEST_P(EveryOption, IsDocumented) {
  const std::string markdown = options_markdown(kSections);
  EXPECT_NE(markdown.find("| `" + option().key + "` | `" + option().flag + "` |"),
            std::string::npos);
  EXPECT_NE(markdown.find(option().help), std::string::npos);
}

std::vector<std::string> keys() {
  std::vector<std::string> names;
  for (const auto& option : options()) names.push_back(option.key);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, EveryOption, testing::ValuesIn(keys()), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST(Options, HaveTheirOwnKeysAndFlags) {
  std::set<std::string> names;
  std::set<std::string> flags;
  for (const auto& option : options()) {
    EXPECT_TRUE(names.insert(option.key).second) << option.key;
    EXPECT_TRUE(flags.insert(option.flag).second) << option.flag;
  }
}

TEST(Options, StandSectionBySection) {
  std::vector<std::string> sections;
  for (const auto& option : options()) {
    if (sections.empty() || sections.back() != option.section()) {
      sections.push_back(option.section());
    }
  }
  EXPECT_EQ(sections, kSections);
}

TEST(OptionsMarkdown, HoldsTheSectionsAskedFor) {
  const std::string verify = options_markdown({"verify"});
  const auto lines = base::split(verify, '\n');
  ASSERT_EQ(lines.size(), 5u);  // head, rule, two options, the end of the last line
  EXPECT_EQ(lines[0], "| setting | flag | default | meaning |");
  EXPECT_EQ(lines[2],
            "| `verify.scale` | `--scale` | `standard` | how much is measured (quick, standard, "
            "full) |");
  EXPECT_EQ(verify.find("network.width"), std::string::npos);
}

}  // namespace
}  // namespace overparam::study
