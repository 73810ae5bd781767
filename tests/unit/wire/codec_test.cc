#include "wire/codec.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "wire/backend.h"
#include "wire/frontend.h"

namespace wire {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

// Fills every field with something that is not its default, so that a field that is skipped is noticed.
struct Fill {
  int next = 1;

  template <typename T>
  void operator()(T& field) {
    if constexpr (requires { T::fields; }) {
      std::apply([&](auto... member) { ((*this)(field.*member), ...); }, T::fields);
    } else if constexpr (std::is_same_v<T, CString> || std::is_same_v<T, Rest>) {
      field = T("text");
    } else if constexpr (std::is_same_v<T, Value>) {
      field = next++ % 3 == 0 ? Value() : Value("value\0with a zero byte"sv);
    } else if constexpr (std::is_same_v<T, ReportFields>) {
      field = {{'S', CString("ERROR")}, {'M', CString("")}};
    } else if constexpr (std::is_same_v<T, TxStatus>) {
      field = TxStatus::kFailed;
    } else if constexpr (std::is_same_v<T, Target>) {
      field = Target::kPortal;
    } else if constexpr (std::is_same_v<T, Oid>) {
      field = Oid(0xfffffff0u + static_cast<uint32_t>(next++));
    } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      field = static_cast<T>(-next++);
    } else {
      for (int i = 0; i < 4; ++i) (*this)(field.emplace_back());
    }
  }
};

template <typename M>
std::string body_of(const M& message) {
  std::string bytes;
  EXPECT_TRUE(encode(message, bytes).ok());
  EXPECT_EQ(bytes[0], M::kType);
  Reader header(std::string_view(bytes).substr(1, 4));
  EXPECT_EQ(header.u32(), bytes.size() - 1);
  return bytes.substr(kHeaderSize);
}

// Bytes of the message that can be cut off without making it another valid one: all, but for a trailing Rest.
template <typename M>
std::size_t size_of_rest(const M& message) {
  std::size_t size = 0;
  std::apply(
      [&](auto... field) {
        [[maybe_unused]] auto count = [&](const auto& value) {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Rest>) size = value.size();
        };
        (count(message.*field), ...);
      },
      M::fields);
  return size;
}

template <typename List>
struct Each;
template <typename... M>
struct Each<std::tuple<M...>> {
  template <typename F>
  static void run(F check) {
    (check(M{}), ...);
  }
};

template <typename F>
void for_every_message(F check) {
  Each<FrontendMessages>::run(check);
  Each<BackendMessages>::run(check);
}

TEST(Codec, EveryMessageComesBackAsItWasSent) {
  for_every_message([](auto message) {
    SCOPED_TRACE(std::string(1, message.kType));
    Fill{}(message);
    const std::string body = body_of(message);
    auto decoded = decode<decltype(message)>(body);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    EXPECT_TRUE(*decoded == message);
  });
}

TEST(Codec, EveryTruncationOfEveryMessageIsRefused) {
  for_every_message([](auto message) {
    SCOPED_TRACE(std::string(1, message.kType));
    Fill{}(message);
    const std::string body = body_of(message);
    const std::size_t cuttable = body.size() - size_of_rest(message);
    for (std::size_t size = 0; size < cuttable; ++size) {
      auto decoded = decode<decltype(message)>(std::string_view(body).substr(0, size));
      ASSERT_FALSE(decoded.ok()) << "cut to " << size << " of " << body.size();
      EXPECT_EQ(decoded.error().sqlstate, "08P01");
    }
  });
}

TEST(Codec, TrailingBytesAreRefusedInEveryMessageWithoutARest) {
  for_every_message([](auto message) {
    SCOPED_TRACE(std::string(1, message.kType));
    Fill{}(message);
    if (size_of_rest(message) > 0) return;
    const std::string body = body_of(message) + "x";
    auto decoded = decode<decltype(message)>(body);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().message, "invalid message format");
  });
}

TEST(Codec, NegativeAndOverflowingCountsAreRefused) {
  // A count of 65,535 with nothing behind it, then the same as a value length.
  EXPECT_FALSE(decode<DataRow>("\xff\xff"s).ok());
  EXPECT_FALSE(decode<DataRow>("\x00\x01\x7f\xff\xff\xff"s).ok());
  EXPECT_FALSE(decode<DataRow>("\x00\x01\x80\x00\x00\x00"s).ok());
  EXPECT_FALSE(decode<DataRow>("\x00\x01\xff\xff\xff\xfe"s).ok());
  EXPECT_TRUE(decode<DataRow>("\x00\x01\xff\xff\xff\xff"s).ok());  // null
  EXPECT_FALSE(decode<NegotiateProtocolVersion>("\x00\x03\x00\x02\xff\xff\xff\xff"s).ok());
  EXPECT_FALSE(decode<NegotiateProtocolVersion>("\x00\x03\x00\x02\x7f\xff\xff\xff"
                                                "a\0"s)
                   .ok());
  EXPECT_FALSE(decode<Parse>("\0\0\xff\xff\0\0\0\x17"s).ok());
  EXPECT_FALSE(decode<Bind>("\0\0\xff\xff\0\0\0\0"s).ok());
}

TEST(Codec, WordsThatDoNotExistAreRefused) {
  EXPECT_FALSE(decode<ReadyForQuery>("X"s).ok());
  EXPECT_FALSE(decode<Describe>("Xname\0"s).ok());
  EXPECT_FALSE(decode<Close>("\0name\0"s).ok());
}

TEST(Codec, AReaderStaysFailed) {
  Reader reader("\x01\x02"s);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_EQ(reader.cstring(), "");
  ASSERT_FALSE(reader.finish().ok());
  EXPECT_EQ(reader.finish().error().message, "insufficient data left in message");
}

TEST(Codec, AZeroByteInTextIsNotWritten) {
  std::string out = "before";
  EXPECT_FALSE(encode(Query{CString("select 1\0; drop"s)}, out).ok());
  EXPECT_EQ(out, "before");
}

TEST(Codec, ALengthIsNeverComputedPastItsLimit) {
  std::string out = "before";
  Writer writer(out);
  for (std::size_t rest : {std::size_t{1} << 30, (std::size_t{1} << 31) - 1, (std::size_t{1} << 32) - 1,
                           (std::size_t{1} << 32) + 5, ~std::size_t{0}}) {
    writer.begin('B');
    writer.cstring("");
    writer.cstring("statement");
    EXPECT_FALSE(writer.end(rest).ok()) << rest;
    EXPECT_EQ(out, "before");
  }
  writer.begin('B');
  EXPECT_TRUE(writer.end(kMaxMessageLength - 4).ok());
  EXPECT_EQ(out, "beforeB\x3f\xff\xff\xff");
}

TEST(Codec, AMessageAboveTheLimitIsRefusedBeforeItIsCopied) {
  std::string out;
  Writer writer(out, 100);
  writer.begin('Q');
  writer.cstring(std::string(200, 'x'));
  EXPECT_LT(out.size(), 50u);
  ASSERT_FALSE(writer.end().ok());
  writer.begin('Q');
  writer.cstring(std::string(95, 'x'));
  EXPECT_TRUE(writer.end().ok());
}

TEST(Codec, AListThatDoesNotFitItsCountIsRefused) {
  std::string out;
  EXPECT_FALSE(encode(ParameterDescription{std::vector<Oid>(0x10000)}, out).ok());
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(encode(ParameterDescription{std::vector<Oid>(0xffff)}, out).ok());
}

TEST(CancelKeys, KeepSecretsOfEveryLengthAndCopy) {
  for (std::size_t size : {0u, 4u, 31u, 32u, 33u, 255u, 256u}) {
    std::string secret(size, 's');
    if (size > 0) secret.back() = '\0';
    const CancelKey key(7, secret);
    CancelKey copy;
    copy = key;
    const CancelKey moved = std::move(copy);
    EXPECT_EQ(moved.pid(), 7u);
    EXPECT_EQ(moved.secret(), secret);
    EXPECT_EQ(key.secret(), secret);
  }
  EXPECT_EQ(CancelKey(1, std::string(300, 'x')).secret().size(), 256u);
}

}  // namespace
}  // namespace wire
