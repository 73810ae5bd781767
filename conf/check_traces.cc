#include "conf/check_traces.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/http.h"
#include "base/text.h"

namespace conf {
namespace {

using Severity = Finding::Severity;

constexpr std::string_view kSection = "traces";

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
}

// The host and port of an http or https URL; empty where it is none, or names a user: that would be a secret in the open.
std::string_view authority(std::string_view url) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string_view rest = url.substr(scheme.size());
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    if (host.find('@') != std::string_view::npos || host.starts_with(':')) return {};
    return host;
  }
  return {};
}

bool on_this_machine(std::string_view host) {
  const std::string_view name = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  return name == "localhost" || name == "[::1]" || name.starts_with("127.");
}

}  // namespace

std::vector<Finding> check_traces(const Config& config) {
  const Traces& traces = config.traces;
  std::vector<Finding> out;
  const auto problem = [&out](std::string_view key, std::string message) {
    out.push_back({Severity::kProblem, std::string(kSection), std::string(key), std::move(message)});
  };
  const auto warning = [&out](std::string_view key, std::string message) {
    out.push_back({Severity::kWarning, std::string(kSection), std::string(key), std::move(message)});
  };
  const std::string_view url = traces.endpoint;
  const std::string_view host = authority(url);
  if (!url.empty() && (host.empty() || !printable(url) || url.find(' ') != std::string_view::npos))
    problem("endpoint",
            fmt::format("endpoint {} is not of the form http://HOST:4318/v1/traces, with https where it is and without a user",
                        base::escape_for_log(url, 80)));
  if (traces.token) {
    const std::string_view token = traces.token->reveal();
    if (token.empty() || !printable(token) || token.find(' ') != std::string_view::npos)
      problem("token", "token must be printable characters without blanks, and at least one");
  }
  if (traces.headers && !http_headers(traces.headers->reveal()))
    problem("headers", "headers must be name=value pairs with commas between them");
  if (traces.service_name.empty()) problem("service_name", "service_name is empty: every service in a trace has a name");
  if (traces.batch_size > traces.queue_max)
    problem("batch_size", fmt::format("batch_size ({}) must not be more than queue_max ({})", traces.batch_size,
                                      traces.queue_max));
  if (url.empty()) {
    if (traces.sample > 0) warning("sample", "sample has no effect without endpoint");
  } else if ((traces.token || traces.headers) && url.starts_with("http://") && !on_this_machine(host)) {
    warning("endpoint", "the token and the headers for the collector are sent as they are: use https");
  }
  return out;
}

std::optional<HttpHeaders> http_headers(std::string_view text) {
  HttpHeaders out;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = one.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = base::trim(one.substr(0, equals)), value = base::trim(one.substr(equals + 1));
    if (!base::is_http_token(name) || !printable(value)) return std::nullopt;
    out.emplace_back(name, value);
  }
  return out;
}

}  // namespace conf
