#include "wire/scram_server.h"

#include "base/random.h"
#include "wire/base64.h"
#include "wire/scram_message.h"

namespace wire {
namespace {

base::Status check_text(std::string_view message) {
  if (message.empty()) return malformed_scram("The message is empty.");
  if (message.find('\0') != std::string_view::npos) {
    return malformed_scram("Message length does not match input length.");
  }
  return base::Ok{};
}

base::Error negotiation_error() {
  return base::with_detail(base::invalid_authorization("SCRAM channel binding negotiation error"),
                           "The client supports SCRAM channel binding but thinks the server does not.  "
                           "However, this server does support channel binding.");
}

// The flag that begins the GS2 header: does the client bind to the TLS channel, and what does it think of us?
base::Status read_binding_flag(ScramText& text, bool plus, bool offered) {
  switch (text.peek()) {
    case 'n':
    case 'y':
      if (plus) {
        return malformed_scram(
            "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding "
            "data.");
      }
      // Somebody between us took SCRAM-SHA-256-PLUS out of our offer.
      if (text.peek() == 'y' && offered) return negotiation_error();
      TRY_STATUS(text.character(text.peek()));
      return text.character(',');
    case 'p': {
      if (!plus) {
        return malformed_scram(
            "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes "
            "channel "
            "binding data.");
      }
      TRY(const std::string_view type, text.attribute('p'));
      if (type != "tls-server-end-point") {
        std::string shown;
        for (char c : type.substr(0, 30)) shown += c >= 0x21 && c <= 0x7e ? c : '?';
        return base::protocol_violation("unsupported SCRAM channel-binding type \"" + shown + "\"");
      }
      return base::Ok{};
    }
    default: return malformed_scram("Unexpected channel-binding flag \"" + shown_byte(text.peek()) + "\".");
  }
}

}  // namespace

base::Result<std::string> ScramServer::on_client_first(bool plus, std::string_view message) {
  TRY_STATUS(check_text(message));
  plus_ = plus;
  ScramText text(message);
  TRY_STATUS(read_binding_flag(text, plus, !setup_.binding.empty()));
  if (text.peek() == 'a') {
    return base::feature_not_supported("client uses authorization identity, but it is not supported");
  }
  if (text.peek() != ',') {
    return malformed_scram("Unexpected attribute \"" + shown_byte(text.peek()) +
                           "\" in client-first-message.");
  }
  TRY_STATUS(text.character(','));
  gs2_header_ = message.substr(0, text.position());
  client_first_bare_ = message.substr(text.position());
  if (text.peek() == 'm')
    return base::feature_not_supported("client requires an unsupported SCRAM extension");
  TRY_STATUS(text.attribute('n'));  // PostgreSQL takes the user of the startup packet, not this one
  TRY(const std::string_view nonce, text.attribute('r'));
  if (!is_scram_nonce(nonce)) return base::protocol_violation("non-printable characters in SCRAM nonce");
  while (!text.at_end()) {
    TRY_STATUS(text.any_attribute());
  }  // optional extensions

  nonce_ = std::string(nonce) + setup_.nonce;
  server_first_ = "r=" + nonce_ + ",s=" + to_base64(setup_.salt) + ",i=" + std::to_string(setup_.iterations);
  return server_first_;
}

base::Status ScramServer::on_client_final(std::string_view message) {
  TRY_STATUS(check_text(message));
  ScramText text(message);
  TRY(const std::string_view binding, text.attribute('c'));
  if (!base::constant_time_equal(binding, expected_binding())) {
    if (plus_) return base::invalid_authorization("SCRAM channel binding check failed");
    return base::protocol_violation("unexpected SCRAM channel-binding attribute in client-final-message");
  }
  TRY(const std::string_view nonce, text.attribute('r'));
  while (true) {
    const std::size_t begin = text.position();
    TRY(const ScramText::Attribute attribute, text.any_attribute());
    if (attribute.name != 'p') continue;  // optional extensions
    auto proof = from_base64(attribute.value);
    if (!proof || proof->size() != kScramKeySize) {
      return malformed_scram("Malformed proof in client-final-message.");
    }
    if (!text.at_end()) return malformed_scram("Garbage found at the end of client-final-message.");
    final_without_proof_ = message.substr(0, begin - 1);
    proof_ = *std::move(proof);
    break;
  }
  if (!base::constant_time_equal(nonce, nonce_)) {
    return base::with_detail(base::protocol_violation("invalid SCRAM response"), "Nonce does not match.");
  }
  return base::Ok{};
}

std::optional<ScramServer::Proven> ScramServer::check(const conf::ScramVerifier& verifier) const {
  const std::string auth_message = client_first_bare_ + ',' + server_first_ + ',' + final_without_proof_;
  auto client_key = check_client_proof(proof_, verifier.stored_key, auth_message);
  if (!client_key) return std::nullopt;
  return Proven{"v=" + to_base64(server_signature(verifier.server_key, auth_message)),
                ScramKeys{verifier.salt, verifier.iterations, *std::move(client_key), verifier.server_key}};
}

std::string ScramServer::expected_binding() const {
  return to_base64(plus_ ? gs2_header_ + setup_.binding : gs2_header_);
}

}  // namespace wire
