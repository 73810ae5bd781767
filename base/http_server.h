#pragma once
// HttpServer: answers GET and HEAD on a thread of its own, so that neither those who ask nor what is made for them takes
// time from anybody else.
//
//   HttpServer server(limits, [](HttpRequest request, HttpServer::Answer answer) { answer(http_text(200, "well")); });
//   server.add(listening_fd);
//   server.start();
//
// Everybody is bounded: how many at a time, how much a request may say, how long it may take to say it, how long the
// answer may take to be made and to be read. A connection beyond the limit waits with the kernel.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/http.h"
#include "base/loop.h"

namespace base {

struct HttpLimits {
  std::size_t connections = 16;
  std::size_t head_bytes = 8192;
  Duration request = std::chrono::seconds(2);   // for the whole request, from the connection on
  Duration answer = std::chrono::seconds(10);   // to make the answer; then 503
  Duration sending = std::chrono::seconds(10);  // to read the answer
};

class HttpServer {
 public:
  // Gives the answer: once, from any thread, inside of the call or later, also when the server is no more.
  using Answer = std::function<void(HttpResponse)>;
  // On the server's thread.
  using Handler = std::function<void(HttpRequest, Answer)>;

  HttpServer(const HttpLimits& limits, Handler handler);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // A socket that listens and does not block. Before start(); it stays the caller's, and open until stop().
  void add(int listening);
  void start();
  // Ends every connection and the thread.
  void stop();

  EventLoop& loop() { return loop_; }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }   // malformed, too large, too slow
  uint64_t requests() const { return requests_.load(std::memory_order_relaxed); } // handed to the handler

 private:
  class Listener;
  class Connection;
  // What answers find of the server when they come.
  struct Door {
    std::mutex mutex;
    HttpServer* server = nullptr;  // guarded by mutex
  };

  void take_from(int listening);
  void forget(uint64_t id);
  void watch_listeners();

  const HttpLimits limits_;
  const Handler handler_;
  std::shared_ptr<Door> door_;
  EventLoop loop_;
  Timer pause_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unordered_map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_id_ = 1;
  std::atomic<uint64_t> refused_{0}, requests_{0};
  std::thread thread_;
};

}  // namespace base
