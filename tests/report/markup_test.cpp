// SPDX-License-Identifier: Apache-2.0
#include "markup.hpp"

#include <gtest/gtest.h>

namespace overparam::report {
namespace {

TEST(Markup, EscapesContentAndAttributes) {
  EXPECT_EQ(escape("a<b>&\"c'"), "a&lt;b&gt;&amp;&quot;c&#39;");
  EXPECT_EQ(escape("‖λ‖ → ∞"), "‖λ‖ → ∞");
  EXPECT_EQ(escape(std::string_view("a\0b\x1b", 4)), "a b ");
}

TEST(Markup, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(escape("caf\xe9 au lait"), "caf\ufffd au lait");
  EXPECT_EQ(escape("\xce"), "\ufffd");
  EXPECT_EQ(escape("\xc0\xbc"), "\ufffd\ufffd");            // an overlong "<"
  EXPECT_EQ(escape("\xe0\x80\xbc"), "\ufffd\ufffd\ufffd");  // the same in three bytes
  EXPECT_EQ(escape("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");  // half of a surrogate pair
}

TEST(Markup, KnowsCodeAndStrongAlone) {
  EXPECT_EQ(inline_markup("**so** `a<b` *x*"), "<strong>so</strong> <code>a&lt;b</code> *x*");
  EXPECT_EQ(inline_markup("2 ** 3 and `open"), "2 ** 3 and `open");
  EXPECT_EQ(inline_markup("`**`"), "<code>**</code>");
  EXPECT_EQ(inline_markup("**"), "**");
  EXPECT_EQ(inline_markup("****"), "****");
  EXPECT_EQ(inline_markup("**with `code`**"), "<strong>with <code>code</code></strong>");
}

TEST(Markup, JsonCannotLeaveItsScript) {
  EXPECT_EQ(escape_script_json(R"("</script><!--")"), R"("\u003c/script>\u003c!--")");
}

TEST(Markup, SlugsAreIds) {
  EXPECT_EQ(slug("What the theorems say!"), "what-the-theorems-say");
  EXPECT_EQ(slug("δ → 0"), "0");
  EXPECT_EQ(slug("‖"), "section");
}

TEST(Markup, CountsCharactersAsATerminalDoes) {
  EXPECT_EQ(count_characters("λ_min"), 5u);
  EXPECT_EQ(count_characters("x\u0302y"), 2u);
  EXPECT_EQ(count_characters("\u0394"), 1u);
}

TEST(Markup, LongTextsEndInAnEllipsis) {
  EXPECT_EQ(shortened("width", 12, 100), "width");
  const std::string cut = shortened("λλλλλλλλλλλλλλλλλλλλ", 12, 60);
  EXPECT_TRUE(cut.ends_with("λ…"));
  EXPECT_LE(text_width(cut, 12), 60);
}

}  // namespace
}  // namespace overparam::report
