#include "wire/socket_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "tests/support/certificates.h"
#include "tests/support/run_loop.h"
#include "tests/support/turns.h"
#include "wire/process_limits.h"
#include "wire/tls.h"

namespace wire {
namespace {

using support::turn;

// Takes lines: consumes up to the last newline, keeps the rest.
struct Lines final : StreamHandler {
  std::string taken;
  std::size_t shown = 0;  // calls of on_data
  bool consumes = true;
  int drained = 0;
  std::optional<base::Error> closed;
  std::function<void()> on_drain, on_shown;

  std::size_t on_data(std::string_view bytes) override {
    ++shown;
    const auto end = bytes.rfind('\n');
    const std::size_t count = consumes && end != std::string_view::npos ? end + 1 : 0;
    taken += bytes.substr(0, count);
    if (on_shown) on_shown();
    return count;
  }
  void on_drained() override {
    ++drained;
    if (on_drain) on_drain();
  }
  void on_closed(const base::Error& error) override {
    EXPECT_FALSE(closed) << "told twice";
    closed = error;
  }
};

class SocketStreamTest : public testing::Test {
 protected:
  SocketStreamTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    // The kernel's own buffer is made small, so that little is needed to fill it.
    const int small = 4096;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    stream_ = std::make_unique<SocketStream>(ends[0]);
    other_ = base::Fd(ends[1]);
    stream_->attach(loop_, lines_);
  }

  void say(std::string_view bytes) {
    ASSERT_EQ(::send(other_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    turn(loop_);
  }
  // What has arrived at the other end, without waiting.
  std::string heard() {
    std::string all;
    std::array<char, 8192> room{};
    for (ssize_t got = 0; (got = ::recv(other_.get(), room.data(), room.size(), MSG_DONTWAIT)) > 0;)
      all.append(room.data(), static_cast<std::size_t>(got));
    return all;
  }
  // Everything up to the end of file, while the loop runs.
  std::string hear_all() {
    std::string all;
    bool end = false;
    EXPECT_TRUE(support::run_until(loop_, [&] {
      all += heard();
      char byte = 0;
      end = ::recv(other_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
      return end;
    }));
    return all;
  }
  static std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
  }

  base::EventLoop loop_;
  Lines lines_;
  std::unique_ptr<SocketStream> stream_;
  base::Fd other_;
};

TEST_F(SocketStreamTest, WhatIsNotConsumedIsShownAgainWithWhatFollows) {
  say("one\ntw");
  EXPECT_EQ(lines_.taken, "one\n");
  EXPECT_EQ(stream_->kept(), 2U);
  say("o\n");
  EXPECT_EQ(lines_.taken, "one\ntwo\n");
  EXPECT_EQ(stream_->kept(), 0U);
}

TEST_F(SocketStreamTest, EverySplitOfTheInputGivesTheSame) {
  const std::string text = "alpha\nbeta\n\ngamma delta\nlast\n";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); second += 5) {
      lines_.taken.clear();
      say(text.substr(0, first));
      say(text.substr(first, second - first));
      say(text.substr(second));
      ASSERT_EQ(lines_.taken, text) << first << ", " << second;
      ASSERT_EQ(stream_->kept(), 0U);
    }
  }
}

TEST_F(SocketStreamTest, RedeliverShowsKeptBytesAtOnce) {
  lines_.consumes = false;
  say("line\n");
  EXPECT_EQ(stream_->kept(), 5U);
  lines_.consumes = true;
  stream_->redeliver();
  EXPECT_EQ(lines_.taken, "line\n");
  const auto shown = lines_.shown;
  stream_->redeliver();
  EXPECT_EQ(lines_.shown, shown) << "there was nothing to show";
}

TEST_F(SocketStreamTest, RedeliverFromInsideOnDataDoesNothing) {
  lines_.on_shown = [this] { stream_->redeliver(); };
  lines_.consumes = false;
  say("line\n");
  EXPECT_EQ(lines_.shown, 1U);
}

TEST_F(SocketStreamTest, PausedStreamReadsNothingUntilItIsResumed) {
  stream_->pause_reading();
  stream_->pause_reading();
  say("line\n");
  EXPECT_EQ(lines_.shown, 0U);
  stream_->resume_reading();  // one resume ends any number of pauses
  turn(loop_);
  EXPECT_EQ(lines_.taken, "line\n");
}

TEST_F(SocketStreamTest, ReadsStopInTheMiddleOfATurnWhenTheHandlerPauses) {
  lines_.on_shown = [this] { stream_->pause_reading(); };
  stream_->limit_reads(4);
  say("one\ntwo\n");
  EXPECT_EQ(lines_.taken, "one\n");
  lines_.on_shown = nullptr;
  stream_->resume_reading();
  turn(loop_);
  EXPECT_EQ(lines_.taken, "one\ntwo\n");
}

TEST_F(SocketStreamTest, OthersHaveTheirTurnAfterSoManyReads) {
  const std::string lines(150'000, '\n');  // three reads
  for (const int limit : {1, 0}) {
    set_process_limits(limit, std::numeric_limits<int>::max());
    bool others = false, others_before_the_last = false;
    std::size_t reads = 0;
    lines_.on_shown = [&] {
      if (++reads == 1) loop_.post([&others] { others = true; });
      if (reads == 3) others_before_the_last = others;
    };
    say(lines);
    ASSERT_TRUE(support::run_until(loop_, [&] { return others && reads == 3; }));
    EXPECT_EQ(others_before_the_last, limit == 1) << "0 is no limit";
  }
  set_process_limits(5, std::numeric_limits<int>::max());
}

TEST_F(SocketStreamTest, LimitedReadsLeaveTheRestInTheSocket) {
  stream_->limit_reads(3);
  lines_.on_shown = [this] { stream_->pause_reading(); };
  say("abcdef");
  EXPECT_EQ(stream_->kept(), 3U);
  EXPECT_FALSE(stream_->quiet());
}

TEST_F(SocketStreamTest, SmallWritesWaitForFlushAndLeaveTogether) {
  stream_->write("one ");
  stream_->write("two");
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(stream_->pending(), 7U);
  stream_->flush();
  EXPECT_EQ(heard(), "one two");
  EXPECT_EQ(stream_->pending(), 0U);
}

TEST_F(SocketStreamTest, WhatTheSocketRefusesFollowsInOrderWhenItIsWritableAgain) {
  const std::string big = pattern(300'000);
  std::string expected;
  for (const std::string_view part : {std::string_view(big), std::string_view("small"), std::string_view(big).substr(0, 9000),
                                      std::string_view("end")}) {
    stream_->write(part);
    expected += part;
  }
  stream_->flush();
  EXPECT_GT(stream_->pending(), 0U);
  std::string all;
  EXPECT_TRUE(support::run_until(loop_, [&] {
    all += heard();
    return all.size() >= expected.size();
  }));
  EXPECT_TRUE(all == expected);
  EXPECT_EQ(stream_->pending(), 0U);
}

TEST_F(SocketStreamTest, DrainedIsToldOnceBelowTheLowWatermarkAfterTheHighOne) {
  const std::string big = pattern(400'000);
  stream_->write(big);
  stream_->flush();
  EXPECT_TRUE(stream_->above_high_watermark());
  std::size_t at_drain = 0;
  lines_.on_drain = [&] { at_drain = stream_->pending(); };
  EXPECT_EQ(lines_.drained, 0);
  std::size_t got = 0;
  EXPECT_TRUE(support::run_until(loop_, [&] {
    got += heard().size();
    return got == big.size();
  }));
  EXPECT_EQ(lines_.drained, 1);
  EXPECT_LE(at_drain, Stream::kLowWatermark);
}

TEST_F(SocketStreamTest, WithoutHavingBeenAboveTheHighWatermarkNothingIsTold) {
  stream_->write(pattern(Stream::kHighWatermark / 2));
  stream_->flush();
  std::size_t got = 0;
  EXPECT_TRUE(support::run_until(loop_, [&] {
    got += heard().size();
    return got == Stream::kHighWatermark / 2;
  }));
  turn(loop_);
  EXPECT_EQ(lines_.drained, 0);
}

TEST_F(SocketStreamTest, EndOfFileIsToldOnceWithItsName) {
  say("half a line");
  other_ = base::Fd();
  turn(loop_);
  ASSERT_TRUE(lines_.closed);
  EXPECT_EQ(lines_.closed->message, "end of file");
  EXPECT_EQ(lines_.closed->sqlstate, "08006");
  EXPECT_TRUE(stream_->closed());
}

TEST_F(SocketStreamTest, ABrokenSocketIsToldFromTheLoopNeverFromAWrite) {
  other_ = base::Fd();
  stream_->write(pattern(20'000));
  stream_->flush();
  stream_->write("more");
  EXPECT_FALSE(lines_.closed);
  turn(loop_);
  EXPECT_TRUE(lines_.closed);
}

TEST_F(SocketStreamTest, ABrokenSocketIsToldAlsoWhilePaused) {
  stream_->pause_reading();
  other_ = base::Fd();
  stream_->write("word");
  stream_->flush();
  turn(loop_);
  EXPECT_TRUE(lines_.closed);
}

TEST_F(SocketStreamTest, CloseAfterFlushDeliversEverythingThenEnds) {
  const std::string big = pattern(300'000);
  stream_->write(big);
  stream_->close_after_flush();
  EXPECT_FALSE(stream_->closed());
  EXPECT_TRUE(hear_all() == big);
  EXPECT_TRUE(stream_->closed());
  EXPECT_FALSE(lines_.closed) << "no callback follows";
}

TEST_F(SocketStreamTest, CloseAfterFlushWithNothingPendingClosesAtOnce) {
  stream_->write("bye");
  stream_->close_after_flush();
  EXPECT_TRUE(stream_->closed());
  EXPECT_EQ(hear_all(), "bye");
}

TEST_F(SocketStreamTest, InputAfterCloseAfterFlushIsNotShown) {
  stream_->write(pattern(300'000));
  stream_->close_after_flush();
  say("line\n");
  EXPECT_EQ(lines_.shown, 0U);
  EXPECT_EQ(hear_all().size(), 300'000U);
}

TEST_F(SocketStreamTest, TheHandlerMayCloseTheStreamFromOnData) {
  lines_.on_shown = [this] { stream_->close(); };
  say("one\ntwo");
  EXPECT_TRUE(stream_->closed());
  EXPECT_EQ(stream_->kept(), 0U);
  EXPECT_FALSE(lines_.closed);
  stream_->write("ignored");
  stream_->flush();
  stream_->close();
}

TEST_F(SocketStreamTest, QuietMeansNothingToReadAndNoEnd) {
  EXPECT_TRUE(stream_->quiet());
  ASSERT_EQ(::send(other_.get(), "x", 1, 0), 1);
  EXPECT_FALSE(stream_->quiet());
  turn(loop_);
  EXPECT_FALSE(stream_->quiet()) << "an unconsumed byte is kept";
}

TEST_F(SocketStreamTest, QuietSeesTheEndOfFileBeforeTheLoopDoes) {
  other_ = base::Fd();
  EXPECT_FALSE(stream_->quiet());
}

TEST_F(SocketStreamTest, AStreamMovesToAnotherLoopWithWhatItKept) {
  say("one\ntw");
  stream_->detach();
  base::EventLoop second;
  Lines others;
  stream_->attach(second, others);
  ASSERT_EQ(::send(other_.get(), "o\n", 2, 0), 2);
  turn(loop_);
  EXPECT_EQ(others.taken, "");
  turn(second);
  EXPECT_EQ(others.taken, "two\n");
  EXPECT_EQ(lines_.taken, "one\n");
  stream_->close();
}

TEST_F(SocketStreamTest, TheFirstByteCanBeSeenBeforeItIsRead) {
  char seen = 0;
  stream_->peek_first_byte([&seen](char byte) {
    seen = byte;
    return false;
  });
  say("line\n");
  EXPECT_EQ(seen, 'l');
  EXPECT_EQ(lines_.taken, "line\n");
}

// ---- over TLS ----

class TlsStreamTest : public SocketStreamTest {
 protected:
  static const support::Authority& papers() {
    struct Made : support::Authority {
      Made() : Authority("Weir test") { issue("server", "/CN=localhost", "DNS:localhost"); }
    };
    static const Made made;
    return made;
  }

  TlsStreamTest() {
    auto server = TlsContext::for_clients({.mode = conf::TlsMode::kRequire,
                                           .cert_file = papers().cert("server"),
                                           .key_file = papers().key("server")});
    auto client = TlsContext::for_servers({.mode = conf::TlsMode::kRequire});
    EXPECT_TRUE(server.ok() && client.ok());
    far_ = std::make_unique<SocketStream>(other_.release());
    far_->attach(loop_, far_lines_);
    std::optional<bool> near_ok, far_ok;
    stream_->start_tls(*TlsSession::accept(*server, stream_->fd()), [&](base::Status s) { near_ok = s.ok(); });
    far_->start_tls(*TlsSession::connect(*client, far_->fd(), "localhost"), [&](base::Status s) { far_ok = s.ok(); });
    EXPECT_TRUE(support::run_until(loop_, [&] { return near_ok && far_ok; }));
    EXPECT_TRUE(near_ok.value_or(false) && far_ok.value_or(false));
  }

  std::unique_ptr<SocketStream> far_;
  Lines far_lines_;
};

TEST_F(TlsStreamTest, BytesArriveBothWays) {
  stream_->write("to the client\n");
  stream_->flush();
  far_->write("to the server\n");
  far_->flush();
  EXPECT_TRUE(support::run_until(loop_, [&] { return !lines_.taken.empty() && !far_lines_.taken.empty(); }));
  EXPECT_EQ(lines_.taken, "to the server\n");
  EXPECT_EQ(far_lines_.taken, "to the client\n");
}

TEST_F(TlsStreamTest, MuchOutputArrivesWholeAndDrainedIsTold) {
  std::string big = pattern(600'000) + "\n";
  stream_->write(big);
  stream_->flush();
  EXPECT_TRUE(stream_->above_high_watermark());
  EXPECT_TRUE(support::run_until(loop_, [&] { return far_lines_.taken.size() == big.size(); }));
  EXPECT_TRUE(far_lines_.taken == big);
  EXPECT_TRUE(support::run_until(loop_, [&] { return lines_.drained == 1; }));
}

TEST_F(TlsStreamTest, BothSidesMaySendMuchAtOnce) {
  const std::string big = pattern(600'000) + "\n";
  stream_->write(big);
  far_->write(big);
  stream_->flush();
  far_->flush();
  EXPECT_TRUE(support::run_until(
      loop_, [&] { return far_lines_.taken.size() == big.size() && lines_.taken.size() == big.size(); }));
  EXPECT_TRUE(far_lines_.taken == big);
  EXPECT_TRUE(lines_.taken == big);
}

TEST_F(TlsStreamTest, WhatTheHandlerWritesWhenDrainedFollowsInOrder) {
  const std::string big = pattern(400'000);
  lines_.on_drain = [this] {
    stream_->write("the end\n");
    stream_->flush();
  };
  stream_->write(big);
  stream_->flush();
  EXPECT_TRUE(support::run_until(loop_, [&] { return far_lines_.taken.size() == big.size() + 8; }));
  EXPECT_TRUE(far_lines_.taken == big + "the end\n");
}

TEST_F(TlsStreamTest, CloseAfterFlushDeliversThenTheOtherSideSeesAnOrderlyEnd) {
  const std::string big = pattern(300'000) + "\n";
  stream_->write(big);
  stream_->close_after_flush();
  EXPECT_TRUE(support::run_until(loop_, [&] { return far_lines_.closed.has_value(); }));
  EXPECT_TRUE(far_lines_.taken == big);
  ASSERT_TRUE(far_lines_.closed);
  EXPECT_EQ(far_lines_.closed->message, "end of file");
}

}  // namespace
}  // namespace wire
