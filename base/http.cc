#include "base/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/text.h"

namespace base {

namespace {

// A query has a parameter or two.
constexpr std::size_t kParametersMax = 16;

bool token_char(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool digit = c >= '0' && c <= '9';
  return letter || digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != '\x7f'; });
}

// Of a header's value: blanks, and bytes of other alphabets.
bool value_char(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); }

std::optional<unsigned> hex(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return std::nullopt;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const auto high = hex(text[i + 1]), low = hex(text[i + 2]);
      if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  return out;
}

std::string_view phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

HttpResponse bad(std::string_view why) { return http_text(400, why); }

// The next line without its end, which is taken off `rest`.
std::string_view next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Where the head ends, behind its blank line; nothing if that has not come.
std::optional<std::size_t> head_end(std::string_view bytes) {
  for (auto at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (bytes.substr(at + 1).starts_with("\r\n")) return at + 3;
    if (bytes.substr(at + 1).starts_with('\n')) return at + 2;
  }
  return std::nullopt;
}

std::optional<HttpResponse> read_target(std::string_view target, HttpRequest& request) {
  // A proxy's form: the host in front says nothing here.
  if (target.starts_with("http://")) {
    const auto slash = target.find('/', 7);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) return bad("the request's target must be a path");
  const auto question = target.find('?');
  auto path = decoded(target.substr(0, question), false);
  if (!path) return bad("the path is not well encoded");
  request.path = *std::move(path);
  if (question == std::string_view::npos) return std::nullopt;
  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (request.parameters.size() == kParametersMax) return bad("too many parameters");
    const auto equals = std::min(part.find('='), part.size());
    auto name = decoded(part.substr(0, equals), true);
    auto value = decoded(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return bad("the query is not well encoded");
    request.parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return std::nullopt;
}

std::optional<HttpResponse> read_request_line(std::string_view line, HttpRequest& request, bool& needs_host) {
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad("this is not HTTP");
  const std::string_view version = line.substr(last + 1);
  if (!version.starts_with("HTTP/")) return bad("this is not HTTP");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return http_text(505, "HTTP/1.1 is spoken here");
  needs_host = version == "HTTP/1.1";
  request.method = line.substr(0, first);
  if (!is_http_token(request.method)) return bad("this is not HTTP");
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refusal = http_text(405, "only GET and HEAD");
    refusal.headers.emplace_back("Allow", "GET, HEAD");
    return refusal;
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (!printable(target)) return bad("the request's target must be a path");
  return read_target(target, request);
}

std::optional<HttpResponse> read_header(std::string_view line, HttpRequest& request) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_http_token(line.substr(0, colon))) return bad("a header is malformed");
  const std::string_view value = trim(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), value_char)) return bad("a header is malformed");
  std::string name = to_lower(line.substr(0, colon));
  if (name == "transfer-encoding") return http_text(413, "a request has no body here");
  if (name == "content-length") {
    const auto length = parse_int(value);
    if (!length || *length < 0) return bad("Content-Length is malformed");
    if (*length > 0) return http_text(413, "a request has no body here");
  }
  request.headers.emplace_back(std::move(name), value);
  return std::nullopt;
}

}  // namespace

bool is_http_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), token_char); }

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

const std::string* HttpRequest::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters)
    if (key == name) return &value;
  return nullptr;
}

HttpResponse http_text(int status, std::string_view text) {
  HttpResponse response;
  response.status = status;
  response.body.assign(text).append(1, '\n');
  return response;
}

std::variant<HttpIncomplete, HttpRequest, HttpResponse> parse_http(std::string_view bytes, std::size_t head_max) {
  // A blank line in front is allowed (RFC 9112, 2.2).
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const auto end = head_end(bytes);
  if ((end ? *end : bytes.size()) > head_max)
    return http_text(431, fmt::format("a request has at most {} bytes here", head_max));
  if (!end) return HttpIncomplete{};
  HttpRequest request;
  bool needs_host = false;
  std::string_view rest = bytes.substr(0, *end);
  if (auto refusal = read_request_line(next_line(rest), request, needs_host)) return *std::move(refusal);
  for (std::string_view line = next_line(rest); !line.empty(); line = next_line(rest))
    if (auto refusal = read_header(line, request)) return *std::move(refusal);
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& header) { return header.first == "host"; });
  if (hosts > 1 || (needs_host && hosts == 0)) return bad("one Host header is needed");
  return request;
}

std::string to_bytes(const HttpResponse& response, bool with_body, WallTime now) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::string out = fmt::format(
      "HTTP/1.1 {} {}\r\nDate: {}, {:02} {} {} {:02}:{:02}:{:02} GMT\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
      "Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
      response.status, phrase(response.status), kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
      parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec, response.type, response.body.size());
  for (const auto& [name, value] : response.headers) out.append(name).append(": ").append(value).append("\r\n");
  out += "\r\n";
  if (with_body) out += response.body;
  return out;
}

Result<std::string> place_of_url(std::string_view url) {
  const auto bad_url = [](std::string_view why) { return invalid_parameter("is not a URL: " + std::string(why)); };
  static constexpr std::string_view kNeverBare = "\"<>\\^`{|}";
  const auto plain = [](char c) { return c > ' ' && c < 127 && kNeverBare.find(c) == std::string_view::npos; };
  if (!std::all_of(url.begin(), url.end(), plain)) return bad_url("a character in it must be written as %XX");
  const auto end_of_scheme = url.find("://");
  const std::string scheme = to_lower(url.substr(0, end_of_scheme));
  if (end_of_scheme == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return bad_url("it begins with http:// or https://");
  std::string_view place = url.substr(end_of_scheme + 3);
  place = place.substr(0, place.find_first_of("/?#"));
  if (const auto at = place.rfind('@'); at != std::string_view::npos) place.remove_prefix(at + 1);

  const auto end_of_host = place.starts_with('[') ? place.find(']') : place.find(':');
  std::string_view host = place.substr(0, end_of_host), rest = place.substr(host.size());
  std::string_view allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
  if (host.starts_with('[') && rest.starts_with(']')) {
    host.remove_prefix(1);
    rest.remove_prefix(1);
    allowed = "0123456789abcdefABCDEF:.";
  }
  if (host.empty() || host.find_first_not_of(allowed) != std::string_view::npos) return bad_url("it has no name of a host");
  if (rest.empty()) return scheme + "://" + std::string(place);
  const auto port = rest.starts_with(':') ? parse_int(rest.substr(1)) : std::nullopt;
  if (!port || *port < 1 || *port > 65535) return bad_url("its port is no number from 1 to 65535");
  return scheme + "://" + std::string(place);
}

}  // namespace base
