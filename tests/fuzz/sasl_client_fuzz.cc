// A hostile client against our challenge, in every method. The first byte picks the set-up; then messages,
// each with a type byte and two bytes of length. Nothing gets in: the secret is not in the input.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/client_auth.h"
#include "wire/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::Reader input({reinterpret_cast<const char*>(data), size});
  const uint8_t choice = input.u8();
  static const conf::ScramVerifier verifier =
      wire::scram_verifier(wire::scram_keys(wire::salted_password("not in any input", "salt", 1), "salt", 1));
  wire::ClientAuth::Setup setup;
  setup.method = static_cast<wire::ClientAuthMethod>(1 + choice % 4);
  setup.user = "bob";
  setup.made_up_key = std::string(32, 'k');
  setup.nonce.fill('n');
  if (choice & 0x10) setup.secret = verifier;
  if (choice & 0x20) setup.secret = conf::Md5Secret{conf::Secret("md5900150983cd24fb0d6963f7d28e17f72")};
  if (choice & 0x40) setup.binding = "certificate";
  wire::ClientAuth auth(setup);
  auto step = auth.start();
  while (input.remaining() > 0) {
    if (std::holds_alternative<wire::ClientAuth::Done>(step)) std::abort();
    if (std::holds_alternative<wire::Fail>(step)) return 0;  // the connection is closed: nothing more is heard
    if (std::holds_alternative<wire::NeedKey>(step)) {
      step = auth.on_key(conf::Secret(std::string(wire::kScramKeySize, 'x')));
    } else if (std::holds_alternative<wire::NeedExternal>(step)) {
      step = auth.on_external(base::invalid_authorization("no"));
    } else {
      const char type = static_cast<char>(input.u8());
      const std::size_t length = input.u16();
      step = auth.on_message(type, input.bytes(length < input.remaining() ? length : input.remaining()));
    }
  }
  if (std::holds_alternative<wire::ClientAuth::Done>(step)) std::abort();
  return 0;
}
