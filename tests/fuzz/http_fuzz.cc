// HTTP requests.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "base/http.h"

namespace {

constexpr std::size_t kHeadMax = 1024;

// What came of it, in a form that can be compared.
std::string outcome(std::string_view bytes) {
  const auto parsed = base::parse_http(bytes, kHeadMax);
  if (const auto* refusal = std::get_if<base::HttpResponse>(&parsed)) {
    if (refusal->status < 400 || refusal->status > 599 || refusal->body.empty()) std::abort();
    const std::string answer = base::to_bytes(*refusal, true, base::WallTime());
    if (!answer.ends_with("\r\n\r\n" + refusal->body)) std::abort();
    return std::to_string(refusal->status);
  }
  const auto* request = std::get_if<base::HttpRequest>(&parsed);
  if (request == nullptr) return "";
  if (request->method != "GET" && request->method != "HEAD") std::abort();
  if (!request->path.starts_with('/') || request->path.find('\0') != std::string::npos) std::abort();
  std::string all = request->method + ' ' + request->path;
  for (const auto& [name, value] : request->parameters) all += '\n' + name + '=' + value;
  for (const auto& [name, value] : request->headers) {
    // Whoever writes them on would let the client write what it likes.
    if (name.find_first_of("\r\n") != std::string::npos || value.find_first_of("\r\n") != std::string::npos) std::abort();
    all += '\n' + name + ':' + value;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = outcome(bytes);
  if (whole.empty()) {
    if (size > kHeadMax + 2) std::abort();  // more is waited for, and that has an end
    return 0;
  }
  // What was decided is not changed by what comes behind.
  if (outcome(std::string(bytes) + "GET / HTTP/1.1\r\n\r\n") != whole) std::abort();
  return 0;
}
