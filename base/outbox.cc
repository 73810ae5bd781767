#include "base/outbox.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/handle.h"
#include "base/thread.h"

namespace base {

namespace {

using EasyPtr = Handle<CURL, curl_easy_cleanup>;
using MultiPtr = Handle<CURLM, curl_multi_cleanup>;
using HeadersPtr = Handle<curl_slist, curl_slist_free_all>;

// How long the thread sleeps where nothing wakes it: something is under way, or nothing is.
constexpr Duration kNap = std::chrono::milliseconds(500), kSleep = std::chrono::minutes(10);
// Connections that are kept for the next request.
constexpr long kConnectionsKept = 4;
constexpr std::string_view kLateInLine = "the deadline passed while it was in line";

bool start_curl() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

// What a header may not contain: the end of its line, and with it another header.
bool one_line(const std::string& header) {
  return std::none_of(header.begin(), header.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::size_t size_of(const PostRequest& request) {
  std::size_t size = sizeof request + request.url.size() + request.type.size() + request.body.size();
  for (const std::string& header : request.headers) size += header.size();
  return size;
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::max<int64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count(), 1));
}

}  // namespace

// A request from post() to its outcome.
struct Outbox::Held {
  PostRequest request;
  Done done;
  std::size_t size = 0;
  TimePoint due{};
};

// Those under way, and libcurl. Of the outbox's thread, except wake().
class Outbox::Courier {
 public:
  Courier(const std::string& user_agent, const OutboxLimits& limits)
      : user_agent_(user_agent), limits_(limits), multi_(start_curl() ? curl_multi_init() : nullptr) {
    if (multi_) curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, kConnectionsKept);
  }
  ~Courier() {
    for (auto& [easy, one] : under_way_) curl_multi_remove_handle(multi_.get(), easy);
  }
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  bool idle() const { return under_way_.empty(); }
  bool has_room() const { return under_way_.size() < limits_.at_once; }

  // Gives it back with the reason if it cannot even begin.
  std::unique_ptr<Held> begin(std::unique_ptr<Held> held, std::string& why) {
    auto one = std::make_unique<UnderWay>();
    one->easy.reset(multi_ ? curl_easy_init() : nullptr);
    one->held = std::move(held);
    why = prepare(*one);
    if (!why.empty()) return std::move(one->held);
    CURL* easy = one->easy.get();
    curl_multi_add_handle(multi_.get(), easy);
    under_way_.emplace(easy, std::move(one));
    return nullptr;
  }

  // What has come to an end since the last call.
  std::vector<std::pair<std::unique_ptr<Held>, PostOutcome>> work() {
    std::vector<std::pair<std::unique_ptr<Held>, PostOutcome>> ended;
    if (!multi_) return ended;
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const auto found = under_way_.find(message->easy_handle);
      curl_multi_remove_handle(multi_.get(), message->easy_handle);
      if (found == under_way_.end()) continue;
      auto outcome = outcome_of(*found->second, code);
      ended.emplace_back(std::move(found->second->held), std::move(outcome));
      under_way_.erase(found);
    }
    return ended;
  }

  std::vector<std::unique_ptr<Held>> give_up() {
    std::vector<std::unique_ptr<Held>> all;
    for (auto& [easy, one] : under_way_) {
      curl_multi_remove_handle(multi_.get(), easy);
      all.push_back(std::move(one->held));
    }
    under_way_.clear();
    return all;
  }

  // Until something happens, somebody calls wake(), or for so long.
  void wait(Duration patience) {
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(milliseconds(patience)), nullptr);
  }
  void wake() { curl_multi_wakeup(multi_.get()); }
  bool works() const { return multi_ != nullptr; }

 private:
  struct UnderWay {
    std::unique_ptr<Held> held;  // before `easy`, which reads its body
    HeadersPtr headers;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::string answer;
    std::size_t answer_max = 0;
    EasyPtr easy;
  };

  // Empty, or why not.
  std::string prepare(UnderWay& one) {
    const PostRequest& request = one.held->request;
    if (!one.easy) return "out of memory";
    const Duration left = one.held->due - now();
    if (left <= Duration{}) return std::string(kLateInLine);
    one.answer_max = limits_.answer;
    const auto header = [&one](const std::string& line) {
      curl_slist* longer = one_line(line) ? curl_slist_append(one.headers.get(), line.c_str()) : nullptr;
      if (longer == nullptr) return false;
      (void)one.headers.release();
      one.headers.reset(longer);
      return true;
    };
    // Without the second, libcurl waits a second for permission to send a large body.
    bool good = header("Content-Type: " + request.type) && header("Expect:");
    for (const std::string& line : request.headers) good = good && header(line);
    if (!good) return "a header has a line break in it";

    CURL* easy = one.easy.get();
    const auto set = [easy, &good](CURLoption option, auto value) {
      good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!request.ca_file.empty()) {
      set(CURLOPT_CAINFO, request.ca_file.c_str());
      set(CURLOPT_CAPATH, nullptr);
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name that is being looked up does not hold us up when we give up
    set(CURLOPT_TIMEOUT_MS, milliseconds(left));
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(left));
    set(CURLOPT_USERAGENT, user_agent_.c_str());
    set(CURLOPT_HTTPHEADER, one.headers.get());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_ERRORBUFFER, one.error.data());
    set(CURLOPT_WRITEDATA, static_cast<void*>(&one));
    set(CURLOPT_WRITEFUNCTION, &Courier::read);
    return good ? "" : "libcurl cannot do what is asked of it";
  }

  // Of an answer that is too long the rest is not waited for.
  static std::size_t read(const char* data, std::size_t, std::size_t size, void* self) {
    auto& one = *static_cast<UnderWay*>(self);
    const std::size_t room = one.answer_max - one.answer.size();
    one.answer.append(data, std::min(room, size));
    return size <= room ? size : 0;
  }

  static PostOutcome outcome_of(UnderWay& one, CURLcode code) {
    PostOutcome outcome;
    long status = 0;
    curl_easy_getinfo(one.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status != 0)) {
      curl_off_t retry_after = 0;
      curl_easy_getinfo(one.easy.get(), CURLINFO_RETRY_AFTER, &retry_after);
      outcome.status = static_cast<int>(status);
      outcome.answer = std::move(one.answer);
      outcome.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 86'400));
      return outcome;
    }
    switch (code) {
      case CURLE_OPERATION_TIMEDOUT: outcome.error = "no answer before the deadline"; break;
      // What libcurl writes about these may have pieces of a URL in it that is not one.
      case CURLE_URL_MALFORMAT: outcome.error = "not a URL"; break;
      case CURLE_UNSUPPORTED_PROTOCOL: outcome.error = "neither http:// nor https://"; break;
      default: outcome.error = one.error[0] != '\0' ? one.error.data() : curl_easy_strerror(code);
    }
    return outcome;
  }

  const std::string& user_agent_;
  const OutboxLimits& limits_;
  MultiPtr multi_;
  std::map<CURL*, std::unique_ptr<UnderWay>> under_way_;  // ends before multi_
};

Outbox::Outbox(std::string user_agent, const OutboxLimits& limits)
    : user_agent_(std::move(user_agent)), limits_(limits) {}

Outbox::~Outbox() { stop(); }

bool Outbox::post(PostRequest request, Done done) {
  auto held = std::make_unique<Held>();
  held->size = size_of(request);
  held->due = now() + request.deadline;
  held->request = std::move(request);
  held->done = std::move(done);
  const std::lock_guard lock(mutex_);
  if (stopping_ || held_ >= limits_.items || held->size > limits_.bytes - held_bytes_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!courier_) {
    auto courier = std::make_unique<Courier>(user_agent_, limits_);
    if (!courier->works()) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    courier_ = std::move(courier);
    thread_ = start_thread("outbox", [this] { serve(); });
  }
  ++held_;
  held_bytes_ += held->size;
  line_.push_back(std::move(held));
  courier_->wake();
  return true;
}

void Outbox::stop(Duration patience) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_ = now() + patience;
    if (courier_) courier_->wake();
  }
  if (thread_.joinable()) thread_.join();
}

OutboxCounts Outbox::counts() const {
  const std::lock_guard lock(mutex_);
  return {.sent = sent_.load(std::memory_order_relaxed),
          .failed = failed_.load(std::memory_order_relaxed),
          .dropped = dropped_.load(std::memory_order_relaxed),
          .held = held_};
}

void Outbox::serve() {
  std::string why;
  while (!over()) {
    expire();
    while (courier_->has_room()) {
      auto held = next();
      if (!held) break;
      if (auto back = courier_->begin(std::move(held), why)) finish(std::move(back), {.error = why});
    }
    for (auto& [held, outcome] : courier_->work()) finish(std::move(held), outcome);
    if (const Duration nap = free_time(); nap > Duration{}) courier_->wait(nap);
  }
  for (auto& held : courier_->give_up()) finish(std::move(held), {.error = "given up: the process ends"});
  while (auto held = next()) finish(std::move(held), {.error = "given up: the process ends"});
}

bool Outbox::over() const {
  const std::lock_guard lock(mutex_);
  return stopping_ && (held_ == 0 || now() >= give_up_);
}

Duration Outbox::free_time() const {
  const Duration nap = courier_->idle() ? kSleep : kNap;
  const std::lock_guard lock(mutex_);
  if (!line_.empty() && courier_->has_room()) return {};
  if (!stopping_) return nap;
  return held_ == 0 ? Duration{} : std::clamp(give_up_ - now(), Duration{}, nap);
}

// Ends those in line whose time is over: all places may be taken by servers that hang.
void Outbox::expire() {
  std::vector<std::unique_ptr<Held>> late;
  {
    const std::lock_guard lock(mutex_);
    const TimePoint time = now();
    const auto in_time = [time](const std::unique_ptr<Held>& held) { return held->due > time; };
    const auto from = std::stable_partition(line_.begin(), line_.end(), in_time);
    late.assign(std::make_move_iterator(from), std::make_move_iterator(line_.end()));
    line_.erase(from, line_.end());
  }
  for (auto& held : late) finish(std::move(held), {.error = std::string(kLateInLine)});
}

std::unique_ptr<Outbox::Held> Outbox::next() {
  const std::lock_guard lock(mutex_);
  if (line_.empty()) return nullptr;
  auto held = std::move(line_.front());
  line_.pop_front();
  return held;
}

void Outbox::finish(std::unique_ptr<Held> held, const PostOutcome& outcome) {
  (outcome.delivered() ? sent_ : failed_).fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    --held_;
    held_bytes_ -= held->size;
  }
  if (held->done) held->done(outcome);
}

}  // namespace base
