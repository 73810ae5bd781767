#include "wire/scram_client.h"

#include <charconv>

#include "base/random.h"
#include "wire/base64.h"
#include "wire/scram_message.h"

namespace wire {
namespace {

base::Error lying_server(std::string reason) {
  return base::with_detail(base::protocol_violation("server sent an invalid SCRAM message"),
                           std::move(reason));
}

// Our words for what the reader of text found.
base::Error lying_server(const base::Error& error) { return lying_server(error.detail); }

}  // namespace

std::string ScramClient::gs2_header() const {
  switch (setup_.binding) {
    case Binding::kUsed: return "p=tls-server-end-point,,";
    case Binding::kNotOffered: return "y,,";
    case Binding::kUnsupported: break;
  }
  return "n,,";
}

std::string ScramClient::first() {
  first_bare_ = "n=,r=" + setup_.nonce;  // the server takes the user of the startup packet
  return gs2_header() + first_bare_;
}

base::Result<ScramClient::Challenge> ScramClient::on_server_first(std::string_view message) {
  ScramText text(message);
  auto nonce = text.attribute('r');
  if (!nonce.ok()) return lying_server(nonce.error());
  if (!is_scram_nonce(*nonce)) return lying_server("Its nonce is too long or not printable.");
  if (!nonce->starts_with(setup_.nonce) || nonce->size() == setup_.nonce.size()) {
    return lying_server("Its nonce does not extend ours.");
  }
  auto salt_text = text.attribute('s');
  if (!salt_text.ok()) return lying_server(salt_text.error());
  auto salt = from_base64(*salt_text);
  if (!salt || salt->empty() || salt->size() > kScramMaxSalt) return lying_server("Its salt is not one.");
  auto iterations_text = text.attribute('i');
  if (!iterations_text.ok()) return lying_server(iterations_text.error());
  if (!text.at_end()) return lying_server("There is garbage behind it.");

  int iterations = 0;
  const char* const end = iterations_text->data() + iterations_text->size();
  const auto parsed = std::from_chars(iterations_text->data(), end, iterations);
  if (parsed.ec == std::errc::result_out_of_range || iterations > setup_.max_iterations) {
    return base::with_detail(
        base::invalid_authorization("server asks for too many SCRAM iterations"),
        "It asks for " +
            (iterations > 0 ? std::to_string(iterations) : std::string("more than can be counted")) +
            ", and at most " + std::to_string(setup_.max_iterations) + " are allowed.");
  }
  if (parsed.ec != std::errc() || parsed.ptr != end || iterations < 1) {
    return lying_server("Its iteration count is not one.");
  }
  nonce_ = *nonce;
  server_first_ = message;
  return Challenge{*std::move(salt), iterations};
}

std::string ScramClient::final(const ScramKeys& keys) {
  std::string bound = gs2_header();
  if (setup_.binding == Binding::kUsed) bound += setup_.binding_data;
  const std::string without_proof = "c=" + to_base64(bound) + ",r=" + nonce_;
  const std::string auth_message = first_bare_ + ',' + server_first_ + ',' + without_proof;
  expected_signature_ = server_signature(keys.server_key, auth_message);
  return without_proof + ",p=" + to_base64(client_proof(keys, auth_message));
}

base::Status ScramClient::on_server_final(std::string_view message) const {
  ScramText text(message);
  if (text.peek() == 'e') {
    return base::invalid_password("server refused the SCRAM login");
  }
  auto signature_text = text.attribute('v');
  if (!signature_text.ok()) return lying_server(signature_text.error());
  auto signature = from_base64(*signature_text);
  if (!signature || !text.at_end()) return lying_server("Its signature is not one.");
  if (expected_signature_.size() != kScramKeySize || !base::constant_time_equal(*signature, expected_signature_)) {
    return base::with_detail(base::invalid_authorization("server could not prove that it knows the user"),
                             "Its SCRAM signature is wrong: it is not the server that keeps this password.");
  }
  return base::Ok{};
}

}  // namespace wire
