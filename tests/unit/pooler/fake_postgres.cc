#include "fake_postgres.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "wire/codec.h"

namespace test {
namespace {

std::optional<std::string> read_exactly(int fd, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    const ssize_t got = ::recv(fd, bytes.data() + have, count - have, 0);
    if (got <= 0) return std::nullopt;
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void message(std::string& out, char type, const std::function<void(wire::Writer&)>& body) {
  wire::Writer writer(out);
  writer.begin(type);
  body(writer);
  EXPECT_TRUE(writer.end().ok());
}

void empty(wire::Writer&) {}

std::string ready() {
  std::string out;
  message(out, 'Z', [](wire::Writer& w) { w.u8('I'); });
  return out;
}

std::string answer_bytes(const Answer& answer, bool extended) {
  std::string out;
  if (!answer.error_code.empty()) {
    message(out, 'E', [&answer](wire::Writer& w) {
      for (const auto& [code, text] : {std::pair('S', std::string("ERROR")), std::pair('C', answer.error_code),
                                       std::pair('M', answer.error_text)}) {
        w.u8(static_cast<uint8_t>(code));
        w.cstring(text);
      }
      w.u8(0);
    });
    return out + ready();
  }
  if (extended) {
    message(out, '1', empty);
    message(out, '2', empty);
  }
  message(out, 'T', [&answer](wire::Writer& w) {
    w.u16(static_cast<uint16_t>(answer.columns.size()));
    for (const std::string& column : answer.columns) {
      w.cstring(column);
      w.u32(0);
      w.u16(0);
      w.u32(25);
      w.i16(-1);
      w.i32(-1);
      w.i16(0);
    }
  });
  for (const auto& row : answer.rows) {
    message(out, 'D', [&row](wire::Writer& w) {
      w.u16(static_cast<uint16_t>(row.size()));
      for (const auto& value : row) w.value(value ? wire::Value(*value) : wire::Value());
    });
  }
  message(out, 'C', [&answer](wire::Writer& w) { w.cstring("SELECT " + std::to_string(answer.rows.size())); });
  return out + ready();
}

}  // namespace

FakePostgres::FakePostgres(Script script, int port) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener_, 50), 0);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FakePostgres::~FakePostgres() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    held_ = false;
  }
  changed_.notify_all();
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  close_connections();
  for (std::thread& thread : threads_) thread.join();
}

void FakePostgres::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    {
      const std::lock_guard lock(mutex_);
      open_.insert(fd);
    }
    threads_.emplace_back([this, fd] {
      serve(fd);
      const std::lock_guard lock(mutex_);
      open_.erase(fd);
      ::close(fd);
    });
  }
}

void FakePostgres::serve(int fd) {
  const auto length = read_exactly(fd, 4);
  if (!length) return;
  const auto startup = read_exactly(fd, wire::Reader(*length).u32() - 4);
  if (!startup) return;
  wire::Reader reader(*startup);
  reader.u32();
  std::map<std::string, std::string> parameters;
  while (reader.remaining() > 1) {
    const std::string name(reader.cstring());
    parameters[name] = std::string(reader.cstring());
  }
  {
    const std::lock_guard lock(mutex_);
    seen_.startups.push_back(parameters);
  }
  std::string hello;
  message(hello, 'R', [](wire::Writer& w) { w.u32(0); });
  send_all(fd, hello + ready());

  std::string parameter;
  for (;;) {
    const auto header = read_exactly(fd, 5);
    if (!header) return;
    const char type = header->front();
    const auto body = read_exactly(fd, wire::Reader(header->substr(1)).u32() - 4);
    if (!body || type == 'X') return;
    wire::Reader fields(*body);
    std::unique_lock lock(mutex_);
    if (type == 'P') {
      fields.cstring();
      seen_.statements.emplace_back(fields.cstring());
    } else if (type == 'Q') {
      seen_.statements.emplace_back(fields.cstring());
    } else if (type == 'B') {
      fields.cstring();
      fields.cstring();
      fields.bytes(2u * fields.u16());
      if (fields.u16() > 0) parameter = fields.bytes(fields.u32());
      seen_.parameters.push_back(parameter);
    }
    changed_.notify_all();
    if (type != 'S' && !(type == 'Q' && answers_queries_)) continue;
    changed_.wait(lock, [this] { return !held_; });
    if (ending_) return;
    lock.unlock();
    send_all(fd, answer_bytes(script_(parameter), type == 'S'));
  }
}

FakePostgres::Seen FakePostgres::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void FakePostgres::forget() {
  const std::lock_guard lock(mutex_);
  seen_ = {};
}

void FakePostgres::answer_queries() {
  const std::lock_guard lock(mutex_);
  answers_queries_ = true;
}

void FakePostgres::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void FakePostgres::let_go() {
  {
    const std::lock_guard lock(mutex_);
    held_ = false;
  }
  changed_.notify_all();
}

bool FakePostgres::wait_for_statements(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return seen_.parameters.size() >= count; });
}

void FakePostgres::close_connections() {
  const std::lock_guard lock(mutex_);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

}  // namespace test
