#include "admin/trace_export.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "conf/check_traces.h"

namespace admin {
namespace {

const base::Logger log{"traces"};

// Of what a collector says of its reasons, that is shown.
constexpr std::size_t kReasonShown = 200;

// While a request is under way, it is looked so often whether the process ends.
constexpr base::Duration kLookUp = std::chrono::milliseconds(100);

// What one request came to, between the thread that waits for it and the outbox's.
struct Answer {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<base::PostOutcome> outcome;
};

std::string reason(const base::PostOutcome& outcome) {
  if (outcome.status == 0) return outcome.error;
  std::string text = fmt::format("the collector answered {}", outcome.status);
  if (!outcome.answer.empty()) text += ": " + base::escape_for_log(base::trim(outcome.answer), kReasonShown);
  return text;
}

}  // namespace

bool may_retry(const base::PostOutcome& outcome) {
  switch (outcome.status) {
    case 0:  // nobody was there
    case 429:
    case 502:
    case 503:
    case 504: return true;
    default: return false;
  }
}

// ExportTraceServiceResponse: {"partialSuccess":{"rejectedSpans":"3","errorMessage":"..."}}. The number may be without quotes.
uint64_t rejected_spans(std::string_view answer) {
  constexpr std::string_view kKey = "\"rejectedSpans\"";
  const auto found = answer.find(kKey);
  if (found == std::string_view::npos) return 0;
  answer.remove_prefix(found + kKey.size());
  const auto begin = answer.find_first_not_of(" \t\r\n:\"");
  if (begin == std::string_view::npos) return 0;
  answer.remove_prefix(begin);
  const auto number = base::parse_int(answer.substr(0, answer.find_first_not_of("0123456789")));
  return static_cast<uint64_t>(std::max<int64_t>(number.value_or(0), 0));
}

TraceExporter::TraceExporter(pooler::Traces& traces, Post post, std::string version, base::Duration first_backoff)
    : traces_(traces), post_(std::move(post)), version_(std::move(version)), first_backoff_(first_backoff) {
  traces_.when_ready([this] {
    const std::lock_guard lock(mutex_);
    ready_ = true;
    changed_.notify_one();
  });
}

TraceExporter::~TraceExporter() { finish({}); }

void TraceExporter::configure(const conf::Traces& settings) {
  traces_.configure(static_cast<std::size_t>(settings.queue_max), static_cast<std::size_t>(settings.batch_size));
  Settings next{.endpoint = settings.endpoint,
                .headers = {},
                .service = settings.service_name,
                .batch = static_cast<std::size_t>(settings.batch_size),
                .interval = settings.flush_interval,
                .timeout = settings.timeout};
  if (settings.token) next.headers.push_back(fmt::format("Authorization: Bearer {}", settings.token->reveal()));
  if (settings.headers) {
    const auto further = conf::http_headers(settings.headers->reveal()).value_or(conf::HttpHeaders());
    for (const auto& [name, value] : further) next.headers.push_back(fmt::format("{}: {}", name, value));
  }
  const std::lock_guard lock(mutex_);
  settings_ = std::move(next);
  ready_ = true;
  if (!thread_.joinable() && !finishing_ && !settings_.endpoint.empty())
    thread_ = base::start_thread("weir-traces", [this] { run(); });
  changed_.notify_one();
}

void TraceExporter::finish(base::Duration patience) {
  {
    const std::lock_guard lock(mutex_);
    if (!finishing_) give_up_ = base::now() + patience;
    finishing_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void TraceExporter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    (void)changed_.wait_for(lock, settings_.interval, [this] {
      return ready_ || finishing_ || traces_.waiting() >= settings_.batch;
    });
    const bool last = finishing_;
    ready_ = false;
    const Settings settings = settings_;
    lock.unlock();
    // So many as there are now; those that come meanwhile have their own time.
    for (std::size_t left = traces_.waiting(); left > 0; left -= std::min(left, settings.batch)) send_batch(settings);
    lock.lock();
    if (last) return;
  }
}

void TraceExporter::send_batch(const Settings& settings) {
  const auto batch = traces_.take(settings.batch);
  if (settings.endpoint.empty()) return traces_.lost(batch.size(), "endpoint was taken out of [traces]");
  const OtlpResource resource{.service = settings.service, .version = version_, .pid = static_cast<int>(getpid())};
  OtlpBody body(resource);
  for (const auto& trace : batch) {
    body.add(*trace);
    if (body.size() < kBodyMax) continue;
    const std::size_t statements = body.statements();
    send(settings, std::exchange(body, OtlpBody(resource)).finish(), statements);
  }
  if (const std::size_t statements = body.statements(); statements > 0) send(settings, body.finish(), statements);
}

void TraceExporter::send(const Settings& settings, std::string body, std::size_t statements) {
  base::Duration backoff = first_backoff_;
  for (int turn = 0;; ++turn) {
    traces_.sent(turn > 0);
    const base::PostOutcome outcome = post(settings, body);
    if (outcome.delivered()) {
      const uint64_t rejected = rejected_spans(outcome.answer);
      return traces_.exported(statements, rejected, rejected > 0 ? reason(outcome) : "");
    }
    // Half of it by chance: those who found the collector away together do not come back together.
    const auto chance = base::Duration(static_cast<int64_t>(base::random_u64() % static_cast<uint64_t>(backoff.count() / 2 + 1)));
    const base::Duration asked = outcome.retry_after > base::Duration{} ? outcome.retry_after : backoff / 2 + chance;
    if (!may_retry(outcome) || turn == kRetries || asked > kBackoffMax || !pause(asked)) {
      const std::string why = reason(outcome);
      log.limited("lost").warn("{} traced statements were not taken by the collector: {}", statements, why);
      return traces_.lost(statements, why);
    }
    backoff = std::min(backoff * 2, kBackoffMax);
  }
}

base::PostOutcome TraceExporter::post(const Settings& settings, const std::string& body) {
  const base::Duration deadline = time_left(settings.timeout);
  if (deadline <= base::Duration{}) return {.status = 0, .error = "the process ends"};
  auto answer = std::make_shared<Answer>();
  const bool taken = post_({.url = settings.endpoint,
                            .type = "application/json",
                            .body = body,
                            .headers = settings.headers,
                            .deadline = deadline},
                           [answer](const base::PostOutcome& outcome) {
                             const std::lock_guard lock(answer->mutex);
                             answer->outcome = outcome;
                             answer->came.notify_one();
                           });
  if (!taken) return {.status = 0, .error = "the outbox is full"};
  std::unique_lock lock(answer->mutex);
  while (!answer->came.wait_for(lock, kLookUp, [&answer] { return answer->outcome.has_value(); }))
    if (time_left(settings.timeout) <= base::Duration{}) return {.status = 0, .error = "the process ends"};
  return *std::move(answer->outcome);
}

// False: there is no time for that, as the process ends.
bool TraceExporter::pause(base::Duration length) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, length, [this] { return finishing_; });
}

base::Duration TraceExporter::time_left(base::Duration wanted) {
  const std::lock_guard lock(mutex_);
  return finishing_ ? std::min(wanted, give_up_ - base::now()) : wanted;
}

}  // namespace admin
