#include "analyzer/words.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "analyzer/functions.h"
#include "analyzer/lexer.h"

namespace analyzer {

namespace {

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What the scan sees, one after the other.
enum class Sign : uint8_t {
  kStart,
  kWord,
  kName,       // in double quotes
  kEdge,       // where a string begins or ends
  kSemicolon,
  kStar,
  kAssign,     // := =
  kOpen,
  kDot,
  kParameter,  // $1
  kPercent,    // of format()
  kOther,
};

// No command has a longer word; of longer ones the beginning is enough to tell that it is none.
constexpr std::size_t kWordMax = 63;

struct Seen {
  Sign sign = Sign::kStart;
  std::string_view word;  // folded; into the scan's own memory
};

class Scan {
 public:
  explicit Scan(Language language) : language_(language) {}

  void word(std::string_view text);
  void name(std::string_view quoted);
  void sign(Sign sign) {
    if (waits()) {
      push({sign, {}});
    } else {  // nearly every token of a long list of values
      before_ = now_;
      now_ = {sign, {}};
    }
  }
  // Everything in it, without a lexer: strings, and languages whose comments and quotes are not SQL's.
  void flat(std::string_view text);
  void string(std::string_view content);
  // Data; but perhaps that of SET search_path.
  void value(std::string_view content) {
    sign(Sign::kEdge);
    if (content.starts_with("pg_temp")) found_ |= Effect::kTemporary;
  }
  Effects finish();

  // Only statements that a client sends begin transactions.
  bool top_level = false;

 private:
  void push(Seen next);
  // Does what comes next decide about something?
  bool waits() const {
    return now_.sign == Sign::kWord || now_.sign == Sign::kName || now_.sign == Sign::kSemicolon ||
           now_.sign == Sign::kAssign || expects_string_;
  }
  void judge(const Seen& next);
  void command(std::string_view word, const Seen& next);
  void execute(const Seen& next);
  void session_word(std::string_view word);
  void note_assignment(std::string_view word);
  bool begins() const;

  Language language_;
  Effects found_;
  std::array<std::array<char, kWordMax>, 4> memory_{};
  std::size_t memory_next_ = 0;
  Seen before_, now_;        // the sign that is judged, once the next is known, and the one before it
  std::string first_;        // word of this statement
  bool update_open_ = false, alter_open_ = false, begin_seen_ = false, grant_open_ = false;
  int nested_ = 0;           // in a string
  bool prepared_execute_ = false;
  bool expects_string_ = false;
  std::vector<std::string> executed_, assigned_;  // variables
};

// EXECUTE of more variables than this, or more of them assigned, is not followed.
constexpr std::size_t kVariablesMax = 256;

void Scan::word(std::string_view text) {
  auto& memory = memory_[memory_next_];
  memory_next_ = (memory_next_ + 1) % memory_.size();
  const std::size_t size = std::min(text.size(), kWordMax);
  for (std::size_t i = 0; i < size; ++i) {
    const char c = text[i];
    memory[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  push({Sign::kWord, {memory.data(), size}});
}

// "x": never a command, but perhaps a function.
void Scan::name(std::string_view quoted) {
  word(quoted.substr(1, quoted.size() - 2));
  now_.sign = Sign::kName;
}

void Scan::push(Seen next) {
  judge(next);
  before_ = now_;
  now_ = next;
}

Effects Scan::finish() {
  sign(Sign::kOther);
  if (!begin_seen_ && prepared_execute_) found_ |= Effect::kPrepared;
  if (executed_.size() > kVariablesMax || assigned_.size() > kVariablesMax) {
    found_ |= executed_.empty() ? Effects() : Effects(Effect::kUnknown);
  } else if (begin_seen_) {
    for (const auto& variable : executed_) {
      if (std::find(assigned_.begin(), assigned_.end(), variable) == assigned_.end()) found_ |= Effect::kUnknown;
    }
  }
  return found_;
}

void Scan::string(std::string_view content) {
  sign(Sign::kEdge);
  ++nested_;
  flat(content);
  sign(Sign::kEdge);
  --nested_;
}

void Scan::flat(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<signed char>(c) < 0;
  };
  const auto more = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (letter(c)) {
      std::size_t end = i + 1;
      while (end < text.size() && more(text[end])) ++end;
      word(text.substr(i, end - i));
      i = end;
      continue;
    }
    ++i;
    switch (c) {
      case ' ': case '\t': case '\n': case '\r': case '\f': break;
      case '\\': if (i < text.size()) ++i; sign(Sign::kEdge); break;  // \n and its like end no word
      case '$': sign(language_ == Language::kOther ? Sign::kOther : Sign::kEdge); break;
      case '\'': case '"': case '`': case '{': case '}': sign(Sign::kEdge); break;
      case ';': sign(Sign::kSemicolon); break;
      case '*': sign(Sign::kStar); break;
      case '=': sign(Sign::kAssign); break;
      case '(': sign(Sign::kOpen); break;
      case '.': sign(Sign::kDot); break;
      case '%': sign(Sign::kPercent); break;
      default: sign(Sign::kOther); break;
    }
  }
}

// Now that what follows now_ is known.
void Scan::judge(const Seen& next) {
  if (now_.sign == Sign::kSemicolon) {
    update_open_ = alter_open_ = grant_open_ = false;
    first_.clear();
  }
  if (expects_string_ && now_.sign != Sign::kOpen) {
    if (now_.sign != Sign::kEdge) found_ |= Effect::kUnknown;
    expects_string_ = false;
  }
  if (now_.sign == Sign::kAssign) note_assignment(first_);
  if (now_.sign == Sign::kName) session_word(now_.word);
  if (now_.sign != Sign::kWord) return;
  const auto word = now_.word;
  if (next.sign == Sign::kAssign) note_assignment(word);
  if (before_.sign == Sign::kWord && (before_.word == "into" || before_.word == "for" || before_.word == "foreach")) {
    note_assignment(word);
  }
  session_word(word);
  if (top_level && nested_ == 0 && first_.empty() && before_.sign != Sign::kDot) {
    static constexpr std::array<std::string_view, 9> kTransaction = {
        "begin", "start", "commit", "rollback", "end", "abort", "savepoint", "release", "prepare"};
    if (one_of(word, kTransaction) && (word != "prepare" || next.word == "transaction")) {
      found_ |= Effect::kTransaction;
    }
    if (word == "close") found_ |= Effect::kHoldCursor;
  }
  if (first_.empty()) first_ = word;
  static constexpr std::array<std::string_view, 5> kBoundaries = {"begin", "then", "else", "loop", "declare"};
  if (one_of(word, kBoundaries) && !(top_level && nested_ == 0)) {
    update_open_ = alter_open_ = grant_open_ = false;
    first_.clear();
    begin_seen_ = begin_seen_ || (word == "begin" && nested_ == 0);
  }
  if (word == "update" && !(before_.sign == Sign::kWord && (before_.word == "for" || before_.word == "key"))) {
    update_open_ = true;
  }
  if (word == "alter") alter_open_ = true;
  if (word == "grant" || word == "revoke") grant_open_ = true;
  if (before_.sign != Sign::kDot) command(word, next);
  static constexpr std::array<std::string_view, 5> kRunners = {"execute", "spi_exec_query", "spi_exec", "spi_query",
                                                               "spi_prepare"};
  if (language_ == Language::kOther && one_of(word, kRunners) && next.sign == Sign::kOpen) expects_string_ = true;
}

// Names that mean the same wherever they stand.
void Scan::session_word(std::string_view word) {
  if (word == "pg_temp" || word.starts_with("pg_temp_")) found_ |= Effect::kTemporary;
  if (word == "pg_settings" && before_.sign == Sign::kWord && before_.word == "update") found_ |= Effect::kAnySetting;
  if (const KnownFunction* known = find_function("", word)) found_ |= known->effects;
}

void Scan::note_assignment(std::string_view word) {
  if (word.empty() || assigned_.size() > kVariablesMax) return;
  if (std::find(assigned_.begin(), assigned_.end(), word) == assigned_.end()) assigned_.emplace_back(word);
}

// May a command begin here? Not in the middle of an expression, and behind a word only if it is one of these.
bool Scan::begins() const {
  static constexpr std::array<std::string_view, 12> kBefore = {"begin",  "then", "else",    "loop",      "do", "execute",
                                                               "atomic", "also", "instead", "immediate", "as", "analyze"};
  if (before_.sign == Sign::kDot || before_.sign == Sign::kAssign) return false;
  return before_.sign != Sign::kWord || one_of(before_.word, kBefore);
}

void Scan::command(std::string_view word, const Seen& next) {
  const bool argument = next.sign == Sign::kWord || next.sign == Sign::kName || next.sign == Sign::kEdge ||
                        next.sign == Sign::kPercent || next.sign == Sign::kParameter;
  const auto before = before_.sign == Sign::kWord ? before_.word : std::string_view();
  if (word == "set") {
    const bool elsewhere = next.word == "local" || next.word == "constraints" || next.word == "transaction";
    if (argument && !elsewhere && begins() && !update_open_ && !alter_open_) found_ |= Effect::kAnySetting;
    update_open_ = false;
  } else if (word == "reset") {
    if (argument && begins() && !alter_open_) found_ |= Effect::kAnySetting;
  } else if (word == "temp" || word == "temporary") {
    static constexpr std::array<std::string_view, 5> kBefore = {"create", "replace", "local", "global", "into"};
    static constexpr std::array<std::string_view, 4> kAfter = {"table", "view", "sequence", "recursive"};
    if (one_of(before, kBefore) || one_of(next.word, kAfter)) found_ |= Effect::kTemporary;
  } else if (word == "drop") {
    if (argument && begins() && !alter_open_) found_ |= Effect::kTemporary;
  } else if (word == "hold") {
    if (before == "with") found_ |= Effect::kHoldCursor;
  } else if (word == "prepare") {
    if (argument && begins() && next.word != "transaction") found_ |= Effect::kPrepared;
  } else if (word == "deallocate") {
    if (argument && begins()) found_ |= Effect::kPrepared;
  } else if (word == "listen" || word == "unlisten") {
    if ((argument || next.sign == Sign::kStar) && begins()) found_ |= Effect::kListen;
  } else if (word == "load") {
    if (begins() && (next.sign == Sign::kEdge || next.sign == Sign::kPercent)) found_ |= Effect::kLibrary;
  } else if (word == "discard") {
    static constexpr std::array<std::string_view, 6> kWhat = {"all",      "plans", "sequences",
                                                              "sequence", "temp",  "temporary"};
    if (begins() && (next.sign != Sign::kWord ? argument : one_of(next.word, kWhat))) found_ |= Effect::kDiscard;
  } else if (word == "execute") {
    if (before_.sign != Sign::kAssign && !grant_open_) execute(next);
  }
}

void Scan::execute(const Seen& next) {
  // CREATE TRIGGER ... EXECUTE FUNCTION f()
  if (next.word == "function" || next.word == "procedure") return;
  if (next.sign == Sign::kParameter) {
    found_ |= Effect::kUnknown;
  } else if (next.sign == Sign::kWord || next.sign == Sign::kName) {
    if (nested_ > 0 || language_ != Language::kPlpgsql) {
      found_ |= Effect::kPrepared;
      return;
    }
    prepared_execute_ = true;  // if there is no BEGIN, this was SQL
    static constexpr std::array<std::string_view, 5> kMakers = {"format", "concat", "concat_ws", "replace", "immediate"};
    const bool known = one_of(next.word, kMakers) || next.word.starts_with("quote_");
    if (!known && executed_.size() <= kVariablesMax) executed_.emplace_back(next.word);
  }
}

// The text between the quotes of a string token, with what escapes in it left as it is.
std::string_view content_of(std::string_view token) {
  const char last = token.back();
  const std::size_t tag = last == '$' ? token.find('$', 1) + 1 : token.find('\'') + 1;
  const std::size_t close = last == '$' ? tag : 1;
  return token.substr(tag, token.size() - tag - close);
}

void feed(const Token& token, std::string_view text, bool strings, Scan& scan) {
  switch (token.kind) {
    case TokenKind::kWord: scan.word(text); return;
    case TokenKind::kQuotedName: {
      const bool name = text.find_first_of(" \t\n;") == std::string_view::npos;
      if (!name && strings) {
        scan.string(text);
      } else {
        scan.name(text);
      }
      return;
    }
    case TokenKind::kString:
      if (strings) {
        scan.string(content_of(text));
      } else {
        scan.value(content_of(text));
      }
      return;
    case TokenKind::kBad: scan.flat(text); return;
    case TokenKind::kParameter: scan.sign(Sign::kParameter); return;
    case TokenKind::kMark:
      switch (text[0]) {
        case ';': scan.sign(Sign::kSemicolon); return;
        case '(': scan.sign(Sign::kOpen); return;
        case '.': scan.sign(Sign::kDot); return;
        case ':': scan.sign(text == ":=" ? Sign::kAssign : Sign::kOther); return;
        default: scan.sign(Sign::kOther); return;
      }
    case TokenKind::kOperator:
      scan.sign(text == "=" ? Sign::kAssign : text == "*" ? Sign::kStar : Sign::kOther);
      return;
    default: scan.sign(Sign::kOther); return;
  }
}

}  // namespace

Effects effects_of_words(std::string_view source, Language language) {
  Scan scan(language);
  if (language == Language::kOther) {
    scan.flat(source);
    return scan.finish();
  }
  Lexer lexer(source);
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    feed(token, lexer.text_of(token), true, scan);
  }
  return scan.finish();
}

Effects effects_of_text(std::string_view sql, bool standard_conforming_strings) {
  Scan scan(Language::kSql);
  scan.top_level = true;
  Lexer lexer(sql, standard_conforming_strings);
  bool first = true;
  bool block = false;  // DO '...'
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next()) {
    const auto text = lexer.text_of(token);
    if (token.kind == TokenKind::kMark && text == ";") {
      first = true;
      block = false;
    } else if (first) {
      block = token.kind == TokenKind::kWord && is_word(text, "do");
      first = false;
    }
    feed(token, text, block, scan);
  }
  return scan.finish();
}

Effects with_doubt(Effects found) {
  return found.any(Effect::kPrepared | Effect::kListen | Effect::kDiscard) ? found | Effect::kUnknown : found;
}

}  // namespace analyzer
