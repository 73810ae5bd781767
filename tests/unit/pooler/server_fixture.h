#pragma once
// A Server on a real loop whose PostgreSQL is the test: it sees what was sent as short words and says what it likes.

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/offload.h"
#include "pooler/auth_query.h"
#include "pooler/pool.h"
#include "pooler/runtime.h"
#include "pooler/throttle.h"
#include "tests/support/turns.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/resolver.h"

namespace pooler {

// What a message says, in short: P(name|text), B(portal|statement), D(Sname), C(Sname), Q(text), E, S, H, d, c, f, X.
inline std::string in_short(std::string_view frames) {
  std::string out;
  while (const auto header = wire::peek_frame(frames)) {
    if (frames.size() < header->size) return out + " cut";
    wire::Reader body(frames.substr(wire::kHeaderSize, header->size - wire::kHeaderSize));
    if (!out.empty()) out += ' ';
    out += header->type;
    switch (header->type) {
      case 'P':
      case 'B': {
        const std::string first(body.cstring());
        out += '(' + first + '|' + std::string(body.cstring()) + ')';
        break;
      }
      case 'D':
      case 'C': {
        const char kind = static_cast<char>(body.u8());
        out += '(' + std::string(1, kind) + std::string(body.cstring()) + ')';
        break;
      }
      case 'Q': out += '(' + std::string(body.cstring()) + ')'; break;
      default: break;
    }
    frames.remove_prefix(header->size);
  }
  return frames.empty() ? out : out + " rest";
}

// Backend messages.
inline std::string message(char type, std::string_view body = {}) {
  std::string out;
  wire::Writer writer(out);
  writer.begin(type);
  writer.bytes(body);
  EXPECT_TRUE(writer.end().ok());
  return out;
}
inline std::string ready(char status = 'I') { return message('Z', std::string_view(&status, 1)); }
inline std::string complete(const std::string& tag) { return message('C', tag + '\0'); }
inline std::string error(const std::string& code, const std::string& text, const std::string& severity = "ERROR") {
  return message('E', "S" + severity + '\0' + "V" + severity + '\0' + "C" + code + '\0' + "M" + text + '\0' + '\0');
}
inline std::string notice(const std::string& text) {
  return message('N', std::string("SNOTICE") + '\0' + "VNOTICE" + '\0' + "C00000" + '\0' + "M" + text + '\0' + '\0');
}
inline std::string parameter(const std::string& name, const std::string& value) {
  return message('S', name + '\0' + value + '\0');
}

// Stands where a session would: writes down what happens.
struct Client final : ServerHandler {
  std::string replies;  // bytes for the client
  std::vector<std::string> events;
  ClientStatements statements;
  std::optional<base::Error> lost;

  void on_reply(std::string_view bytes) override { replies += bytes; }
  void on_reply_end() override {}
  void on_ready(wire::TxStatus status, bool forwarded) override {
    events.push_back(std::string("ready ") + static_cast<char>(status) + (forwarded ? "" : " hidden"));
  }
  void on_parameter(std::string_view name, std::string_view value) override {
    events.push_back(std::string(name) + "=" + std::string(value));
  }
  void on_error_reply(const wire::ServerReport& report) override { events.push_back("error " + report.error.sqlstate); }
  std::string_view on_completed(const Watch& watch, std::size_t index, std::string_view tag) override {
    events.push_back("completed " + std::to_string(index) + " " + std::string(tag));
    return index < watch.reworded.size() ? watch.reworded[index].tag : std::string_view();
  }
  bool hold_ready(wire::TxStatus) override { return holds_ready; }
  void on_guard_failed(const base::Error& error) override { events.push_back("guard failed " + error.sqlstate); }
  bool may_send_again(std::string_view batch, std::size_t owed) const override {
    return in_short(batch) == repeats && owed > 0;
  }
  void send_again(std::string_view batch) override { events.push_back("again " + in_short(batch)); }
  std::string repeats = "nothing";  // the batch that it would rather send again
  bool holds_ready = false;
  ClientStatements* client_statements() override { return &statements; }
  void on_server_drained() override { events.emplace_back("drained"); }
  void on_server_lost(const base::Error& error) override {
    EXPECT_FALSE(lost) << "told twice";
    lost = error;
  }

  // The types of what was received, in order; whole messages only.
  std::string types() const {
    std::string out;
    std::string_view rest = replies;
    while (const auto header = wire::peek_frame(rest)) {
      if (rest.size() < header->size) return out + '~';
      out += header->type;
      rest.remove_prefix(header->size);
    }
    return rest.empty() ? out : out + '~';
  }
};

class ServerFixture : public testing::Test {
 protected:
  ServerFixture() {
    runtime_.loops.push_back(&loop_);
    runtime_.worker_list.push_back(nullptr);
    pool_ = std::make_shared<Pool>(runtime_, "app", "alice");
    connect();
  }
  ~ServerFixture() override {
    server_->close();
    loop_.defer_delete(std::move(server_));
    support::turn(loop_, 1);
  }

  // A new connection in the place of the old one, lent to the client.
  void connect() {
    if (server_) {
      server_->close();
      loop_.defer_delete(std::move(server_));
      support::turn(loop_, 1);
    }
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    postgres_ = base::Fd(ends[1]);
    ServerConnection connection{.stream = std::make_unique<wire::SocketStream>(ends[0]),
                                .key = wire::CancelKey(7, "secret"),
                                .reported = {{"TimeZone", "UTC"}, {"client_encoding", "UTF8"}},
                                .address = {"127.0.0.1", 5432, "127.0.0.1"},
                                .keys = std::nullopt};
    server_ = std::make_unique<Server>(ServerId(runtime_.new_id()), std::move(connection), *pool_);
    server_->attach(loop_);
    server_->set_handler(&client_);
  }

  // PostgreSQL says this, in pieces cut at `cut` if that is inside.
  void says(std::string_view bytes, std::size_t cut = std::string_view::npos) {
    for (const auto part : {bytes.substr(0, cut), cut < bytes.size() ? bytes.substr(cut) : std::string_view()}) {
      if (part.empty()) continue;
      ASSERT_EQ(::send(postgres_.get(), part.data(), part.size(), MSG_NOSIGNAL), static_cast<ssize_t>(part.size()));
      support::turn(loop_);
    }
  }
  // What PostgreSQL has heard since the last call.
  std::string heard_bytes() {
    if (!server_->lost()) server_->flush();
    std::string all;
    std::array<char, 8192> room{};
    for (ssize_t got = 0; (got = ::recv(postgres_.get(), room.data(), room.size(), MSG_DONTWAIT)) > 0;)
      all.append(room.data(), static_cast<std::size_t>(got));
    return all;
  }
  std::string heard() { return in_short(heard_bytes()); }
  bool hung_up() {
    (void)heard_bytes();
    char byte = 0;
    return ::recv(postgres_.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

  base::EventLoop loop_;
  base::Offload offload_{"test", 1};
  wire::Resolver resolver_{wire::ResolverSettings{}};
  CancelKeys cancel_keys_{0};
  Throttle throttle_{ThrottleLimits{}};
  AuthQueries auth_queries_;
  Runtime runtime_{offload_, offload_, resolver_, cancel_keys_, throttle_, auth_queries_, "secret"};
  std::shared_ptr<Pool> pool_;
  Client client_;
  base::Fd postgres_;
  std::unique_ptr<Server> server_;
};

}  // namespace pooler
