// The lexer and what is made of its tokens: any bytes, with strings of either kind. Tokens cover the text but for blanks
// and comments, and what libpg_query parses has no bad one.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "analyzer/lexer.h"
#include "analyzer/parser.h"
#include "analyzer/skeleton.h"
#include "analyzer/words.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

bool blank(std::string_view text) {
  analyzer::Lexer lexer(text);
  return lexer.next().kind == analyzer::TokenKind::kEnd;
}

bool check_tokens(std::string_view sql, bool standard_conforming_strings) {
  analyzer::Lexer lexer(sql, standard_conforming_strings);
  std::size_t end = 0;
  bool sound = true;
  for (auto token = lexer.next(); token.kind != analyzer::TokenKind::kEnd; token = lexer.next()) {
    check(token.at >= end && token.size > 0 && token.at + token.size <= sql.size());
    check(blank(sql.substr(end, token.at - end)));
    sound = sound && token.kind != analyzer::TokenKind::kBad;
    end = token.at + token.size;
  }
  check(blank(sql.substr(end)));
  return sound;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool standard = data[0] % 2 == 0;
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool sound = check_tokens(sql, standard);

  static analyzer::Skeleton one;
  static analyzer::Skeleton two;
  one.make(sql, standard);
  check(sound || !one.sound());
  two.make("  " + std::string(sql) + "\n ", standard);
  check(!one.sound() || (one.bytes() == two.bytes() && one.tokens() == two.tokens()));

  static analyzer::Parse parsed;
  if (standard) {
    analyzer::parse(sql, one, {}, parsed);
    check(parsed.outcome != analyzer::Parse::Outcome::kParsed || sound);
  }
  static_cast<void>(analyzer::effects_of_text(sql, standard));
  static_cast<void>(analyzer::effects_of_words(sql, analyzer::Language::kPlpgsql));
  static_cast<void>(analyzer::effects_of_words(sql, analyzer::Language::kOther));
  return 0;
}
