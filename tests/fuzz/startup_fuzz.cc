// First packets, their parameters and `options`.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/options.h"
#include "wire/startup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const wire::AskedBefore asked :
       {wire::AskedBefore{}, wire::AskedBefore{.ssl = true, .gssenc = true}}) {
    const auto parsed = wire::parse_startup(bytes, asked);
    if (!parsed.ok()) continue;
    if (parsed->consumed > size) std::abort();
    const auto* startup = std::get_if<wire::StartupMessage>(&parsed->packet);
    if (!startup) continue;
    (void)wire::negotiate(*startup);
    (void)wire::startup_user(*startup);
    (void)wire::parse_replication(startup->find("replication").value_or(""));
    (void)wire::parse_options(startup->find("options").value_or(""));
  }
  const auto settings = wire::parse_options(bytes);
  if (settings.ok() && settings->size() > size * 5) std::abort();  // -d5 is the most there is in a word
  return 0;
}
