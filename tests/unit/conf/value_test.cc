#include "conf/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace conf {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::string problem(std::string_view text, Bounds bounds = {}) {
  T value{};
  const auto status = parse_value(text, bounds, value);
  return status.ok() ? "" : status.error().message;
}

template <typename T>
T good(std::string_view text, Bounds bounds = {}) {
  T value{};
  const auto status = parse_value(text, bounds, value);
  EXPECT_TRUE(status.ok()) << text;
  return value;
}

TEST(Value, SwitchesTakeWordsAndNumbers) {
  for (const char* yes : {"true", "1", "yes", "on", "ON"}) EXPECT_TRUE(good<bool>(yes));
  for (const char* no : {"false", "0", "no", "off"}) EXPECT_FALSE(good<bool>(no));
  EXPECT_EQ(problem<bool>("maybe"), "must be true or false, not 'maybe'");
}

TEST(Value, NumbersKeepTheirBounds) {
  EXPECT_EQ(good<int>("5", within(5, 7)), 5);
  EXPECT_EQ(good<int>("7", within(5, 7)), 7);
  EXPECT_EQ(problem<int>("4", within(5, 7)), "must be between 5 and 7");
  EXPECT_EQ(problem<int>("8", within(5, 7)), "must be between 5 and 7");
  EXPECT_EQ(problem<int>("-1"), "must be at least 0");
  EXPECT_EQ(problem<int>("2147483648"), "must be at least 0") << "more than an int holds";
  EXPECT_THAT(problem<int>("9999999999999999999999"), HasSubstr("whole number"));
}

TEST(Value, DurationsKeepTheirBounds) {
  EXPECT_EQ(good<base::Duration>("1.5"), milliseconds(1500));
  EXPECT_EQ(problem<base::Duration>("2h", within(std::chrono::seconds(1), std::chrono::seconds(60))),
            "must be between 1s and 1min");
  EXPECT_EQ(good<milliseconds>("750"), milliseconds(750));
  EXPECT_EQ(good<milliseconds>("2s"), milliseconds(2000));
  EXPECT_THAT(problem<milliseconds>("5us"), HasSubstr("milliseconds"));
}

TEST(Value, AMinusOneIsOffWhereThatIsAllowed) {
  const Bounds with_off = at_least(kOff);
  EXPECT_EQ(good<base::Duration>("-1", with_off), kOff);
  EXPECT_EQ(good<base::Duration>("0", with_off), base::Duration{0});
  EXPECT_EQ(good<std::optional<base::Duration>>("-1", with_off), kOff);
  EXPECT_THAT(problem<base::Duration>("-2", with_off), HasSubstr("must be a number of seconds"));
  EXPECT_THAT(problem<base::Duration>("-1"), HasSubstr("must be a number of seconds"));
  EXPECT_EQ(show_value(kOff), "-1");
  EXPECT_EQ(toml_value(kOff), "-1");
}

TEST(Value, DecimalNumbersKeepTheirBounds) {
  const Bounds part = within(0, 1);
  EXPECT_EQ(good<double>("0.01", part), 0.01);
  EXPECT_EQ(good<double>("1", part), 1.0);
  EXPECT_EQ(good<double>("1e-3", part), 0.001);
  EXPECT_EQ(problem<double>("1.01", part), "must be between 0 and 1");
  EXPECT_EQ(problem<double>("-0.5", part), "must be between 0 and 1");
  for (const char* wrong : {"", "one", "0.1%", "nan", "inf", "0x1p-3", " 1"})
    EXPECT_THAT(problem<double>(wrong, part), HasSubstr("must be a number such as 0.1")) << wrong;
  EXPECT_EQ(show_value(0.25), "0.25");
  EXPECT_EQ(toml_value(0.0), "0");
}

TEST(Value, ListsAreSplitAtCommas) {
  EXPECT_THAT(good<Names>(" a, b ,,c "), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(good<Names>("").empty());
  EXPECT_THAT(good<std::vector<int>>("5432,5433", within(1, 65535)), ElementsAre(5432, 5433));
  EXPECT_EQ(problem<std::vector<int>>("5432,0", within(1, 65535)), "must be between 1 and 65535");
  EXPECT_THAT(problem<std::vector<Cidr>>("10.0.0.0/8, nonsense"), HasSubstr("not 'nonsense'"));
  EXPECT_THAT(problem<Names>(std::string(30'000, ',') +
                             [] {
                               std::string many;
                               for (int i = 0; i < 10'001; ++i) many += "a,";
                               return many;
                             }()),
              HasSubstr("at most 10000 entries"));
}

TEST(Value, FileModeIsOctal) {
  EXPECT_EQ(good<FileMode>("0770", within(0, 0777)).bits, 0770U);
  EXPECT_EQ(good<FileMode>("600", within(0, 0777)).bits, 0600U);
  for (const char* bad : {"", "0888", "rw", "01000", "-1"})
    EXPECT_NE(problem<FileMode>(bad, within(0, 0777)), "") << bad;
}

TEST(Value, TextsHoldNoZeroByte) {
  EXPECT_EQ(problem<std::string>(std::string_view("a\0b", 3)), "must not contain a zero byte");
  EXPECT_EQ(problem<Secret>(std::string_view("hush\0", 5)), "must not contain a zero byte");
}

TEST(Value, WrongWordIsToldTheRightOnes) {
  EXPECT_EQ(problem<TlsMode>("verify_full"),
            "must be one of disable, allow, prefer, require, verify-ca, verify-full, not 'verify_full'; did "
            "you mean "
            "'verify-full'?");
  EXPECT_EQ(problem<LogFormat>("xml"), "must be one of text, json, not 'xml'");
}

TEST(Value, EveryWordOfEveryEnumReadsBack) {
  const auto round_trip = []<typename E>(E) {
    for (const auto& entry : kNames<E>) {
      EXPECT_EQ(good<E>(entry.name), entry.value);
      EXPECT_EQ(show_value(entry.value), entry.name);
    }
  };
  round_trip(PoolMode{});
  round_trip(AuthType{});
  round_trip(TlsMode{});
  round_trip(TlsNegotiation{});
  round_trip(ChannelBinding{});
  round_trip(LoadBalanceHosts{});
  round_trip(TargetSessionAttrs{});
  round_trip(LogLevel{});
  round_trip(LogFormat{});
}

TEST(Show, ValuesArePrintedAsPgBouncerPrintsThem) {
  EXPECT_EQ(show_value(true), "1");
  EXPECT_EQ(show_value(false), "0");
  EXPECT_EQ(show_value(base::Duration(milliseconds(500))), "0.5");
  EXPECT_EQ(show_value(base::Duration(std::chrono::seconds(120))), "120");
  EXPECT_EQ(show_value(milliseconds(12500)), "12500");
  EXPECT_EQ(show_value(int64_t{4096}), "4096");
  EXPECT_EQ(show_value(Names{"a", "b"}), "a, b");
  EXPECT_EQ(show_value(FileMode{0777}), "0777");
  EXPECT_EQ(show_value(std::optional<int>()), "");
  EXPECT_EQ(show_value(Secret("hush")), "********");
  EXPECT_EQ(show_value(Secret("a much longer secret")), "********") << "not even the length";
}

TEST(Toml, StringsEscapeWhatTomlAsksFor) {
  EXPECT_EQ(toml_string("a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\u000A\\u0001\\u007F\"");
  EXPECT_EQ(toml_string("\xc3\xbc\xff"), "\"\xc3\xbc\\uFFFD\"");
  EXPECT_EQ(toml_key("a-b_9"), "a-b_9");
  EXPECT_EQ(toml_key("*"), "\"*\"");
  EXPECT_EQ(toml_key(""), "\"\"");
  EXPECT_EQ(toml_value(base::Duration(milliseconds(1500))), "\"1500ms\"");
  EXPECT_EQ(toml_value(int64_t{65536}), "\"64kB\"");
  EXPECT_EQ(toml_value(Secret("hush")), "\"...\"");
}

TEST(Nearest, FindsTheTypoAndOnlyTheTypo) {
  const std::vector<std::string_view> names{"pool_mode", "pool_size", "listen_port", "user"};
  EXPECT_EQ(nearest("pool_mod", names), "pool_mode");
  EXPECT_EQ(nearest("poolsize", names), "pool_size");
  EXPECT_EQ(nearest("lisetn_port", names), "listen_port");
  EXPECT_EQ(nearest("LISTEN_PORT", names), "listen_port");
  EXPECT_EQ(nearest("something_else", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'p'), names), "");
}

// The distance by its definition, without the short cuts.
std::size_t plain_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

TEST(Nearest, GivingUpEarlyChangesNoAnswer) {
  std::mt19937 random(20'261);  // the seed
  const auto word = [&random] {
    std::string made(random() % 12, ' ');
    for (char& c : made) c = static_cast<char>('a' + random() % 3);
    return made;
  };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::string> words(4);
    for (auto& one : words) one = word();
    const std::string typed = word();
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
    for (const std::string& one : words) {
      if (typed.empty() || plain_distance(typed, one) >= best_distance) continue;
      best = one;
      best_distance = plain_distance(typed, one);
    }
    ASSERT_EQ(nearest(typed, {words.begin(), words.end()}), best) << typed;
  }
}

TEST(Nearest, NamesLongerThanAnySettingAreNobodysGuess) {
  const std::string longest(64, 'p'), longer(65, 'p');
  EXPECT_EQ(nearest(longest, {longer}), "");
  EXPECT_EQ(nearest(longest, {longest}), longest);
}

}  // namespace
}  // namespace conf
