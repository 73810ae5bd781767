#pragma once
// HTTP as a pooler needs it: what a GET or a HEAD asks for, and what is answered. Pure; http_server.h is the shell.
//
// One request for each connection, without a body: whoever wants to know something asks anew. The grammar is RFC 9112's,
// and what it leaves open is read strictly: nobody stands behind this who could read it otherwise.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace base {

struct HttpRequest {
  std::string method;  // GET or HEAD
  std::string path;    // decoded: "/metrics"
  std::vector<std::pair<std::string, std::string>> parameters{};  // of the query, decoded
  std::vector<std::pair<std::string, std::string>> headers{};     // names in lower case

  // The first of that name; empty if there is none.
  std::string_view header(std::string_view name) const;
  // Null if there is none.
  const std::string* parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body{};
  std::string type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones
};

// A method or a header's name can be this (RFC 9110, section 5.6.2).
bool is_http_token(std::string_view text);

// A short text that ends with its line.
HttpResponse http_text(int status, std::string_view text);

struct HttpIncomplete {};

// What has come so far: a whole request, not yet one, or why it is refused. `head_max`: bytes up to the blank line.
std::variant<HttpIncomplete, HttpRequest, HttpResponse> parse_http(std::string_view bytes, std::size_t head_max);

// The bytes to send. After them the connection is closed.
std::string to_bytes(const HttpResponse& response, bool with_body, WallTime now);

// What may be shown of a URL of http or https: "https://alerts.example.com:9093". User, password, path and query stay out;
// a path too can be a secret. An error that repeats nothing of it if it is no such URL.
Result<std::string> place_of_url(std::string_view url);

}  // namespace base
