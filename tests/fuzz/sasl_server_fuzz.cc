// A hostile server against our login. The first byte picks the set-up; then bodies of Authentication
// messages, each behind two bytes of length. With channel binding required it can never end in a login.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/server_auth.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::Reader input({reinterpret_cast<const char*>(data), size});
  const uint8_t choice = input.u8();
  wire::ServerAuth::Setup setup;
  setup.user = "bob";
  setup.nonce.fill('n');
  setup.channel_binding = static_cast<wire::ChannelBinding>(choice % 3);
  if (choice & 0x10) setup.secret = conf::PlainSecret{conf::Secret("secret")};
  if (choice & 0x20) setup.secret = conf::Md5Secret{conf::Secret("md5900150983cd24fb0d6963f7d28e17f72")};
  if (choice & 0x40)
    setup.keys = wire::scram_keys(conf::Secret(std::string(wire::kScramKeySize, 'x')), "salt", 1);
  setup.encrypted = (choice & 0x80) != 0;
  if (setup.encrypted) setup.binding = "certificate";
  wire::ServerAuth auth(setup);
  while (input.remaining() > 0) {
    const std::size_t length = input.u16();
    auto step = auth.on_authentication(input.bytes(length < input.remaining() ? length : input.remaining()));
    if (const auto* need = std::get_if<wire::NeedKey>(&step)) {
      if (need->iterations < 1 || need->iterations > wire::kScramMaxIterations) std::abort();
      if (need->salt.empty() || need->salt.size() > wire::kScramMaxSalt) std::abort();
      step = auth.on_key(conf::Secret(std::string(wire::kScramKeySize, 'y')));
    }
    const bool logged_in = std::holds_alternative<wire::ServerAuth::AuthOk>(step);
    if (std::holds_alternative<wire::Fail>(step)) return 0;  // the connection is closed: nothing more is heard
    if (logged_in && setup.channel_binding == wire::ChannelBinding::kRequire) std::abort();
  }
  return 0;
}
