#include "wire/server_auth.h"

#include <utility>

#include "wire/backend.h"
#include "wire/build.h"

namespace wire {
namespace {

std::string_view kind_of(const conf::UserSecret& secret, bool keys) {
  if (keys) return "SCRAM keys";
  if (std::holds_alternative<conf::PlainSecret>(secret)) return "a password";
  if (std::holds_alternative<conf::Md5Secret>(secret)) return "an md5 hash";
  if (std::holds_alternative<conf::ScramVerifier>(secret)) return "a SCRAM verifier";
  return "nothing";
}

}  // namespace

ServerAuth::Step ServerAuth::on_authentication(std::string_view body) {
  auto message = decode<Authentication>(body);
  if (!message.ok()) return fail(std::move(message).error());
  const auto expect = [&](State state) { return state_ == state; };
  switch (message->code) {
    case AuthCode::kOk:
      if (message->data.empty()) return on_ok();
      break;
    case AuthCode::kCleartextPassword:
      if (expect(State::kStart) && message->data.empty()) return on_cleartext();
      break;
    case AuthCode::kMd5Password:
      if (expect(State::kStart) && message->data.size() == kMd5SaltSize) return on_md5(message->data);
      break;
    case AuthCode::kSasl:
      if (expect(State::kStart)) return on_sasl(message->data);
      break;
    case AuthCode::kSaslContinue:
      if (expect(State::kAwaitChallenge)) return on_sasl_continue(message->data);
      break;
    case AuthCode::kSaslFinal:
      if (expect(State::kAwaitFinal)) return on_sasl_final(message->data);
      break;
    default:
      return fail(
          base::feature_not_supported("server asks for an authentication method that is not supported: " +
                                      std::to_string(static_cast<int32_t>(message->code))));
  }
  return fail(base::protocol_violation("server sent an unexpected authentication message"));
}

ServerAuth::Step ServerAuth::on_ok() {
  if (state_ != State::kStart && state_ != State::kAwaitOk && state_ != State::kVerified) {
    return fail(base::protocol_violation("server ended SCRAM authentication before it proved itself"));
  }
  if (setup_.channel_binding == ChannelBinding::kRequire && !(bound_ && state_ == State::kVerified)) {
    return fail(base::invalid_authorization(
        "channel binding required, but server authenticated without channel binding"));
  }
  state_ = State::kEnded;
  return AuthOk{std::move(used_)};
}

ServerAuth::Step ServerAuth::on_cleartext() {
  if (setup_.channel_binding == ChannelBinding::kRequire) {
    return fail(
        base::invalid_authorization("channel binding required, but server asks for a password in clear"));
  }
  const auto* plain = std::get_if<conf::PlainSecret>(&setup_.secret);
  if (!plain) return missing("the password in clear", "the password itself");
  Send answer;
  auto status = append_password(answer.bytes, plain->password.reveal());
  if (!status.ok()) return fail(std::move(status).error());
  state_ = State::kAwaitOk;
  return answer;
}

ServerAuth::Step ServerAuth::on_md5(std::string_view salt) {
  if (setup_.channel_binding == ChannelBinding::kRequire) {
    return fail(base::invalid_authorization("channel binding required, but server asks for an md5 password"));
  }
  conf::Secret hash;
  if (const auto* md5 = std::get_if<conf::Md5Secret>(&setup_.secret)) {
    hash = md5->hash;
  } else if (const auto* plain = std::get_if<conf::PlainSecret>(&setup_.secret)) {
    auto made = md5_hash(plain->password.reveal(), setup_.user);
    if (!made.ok()) return fail(std::move(made).error());
    hash = conf::Secret(*std::move(made));
  } else {
    return missing("an md5 password", "the password or its md5 hash");
  }
  auto response = md5_response(hash.reveal(), salt);
  if (!response.ok()) return fail(std::move(response).error());
  Send answer;
  auto status = append_password(answer.bytes, *response);
  if (!status.ok()) return fail(std::move(status).error());
  state_ = State::kAwaitOk;
  return answer;
}

ServerAuth::Step ServerAuth::on_sasl(std::string_view mechanisms) {
  bool scram = false, plus = false;
  Reader list(mechanisms);
  while (true) {
    const std::string_view mechanism = list.cstring();
    if (mechanism.empty()) break;
    scram = scram || mechanism == kScramSha256;
    plus = plus || mechanism == kScramSha256Plus;
  }
  auto whole = list.finish();
  if (!whole.ok()) return fail(std::move(whole).error());
  if (plus && !setup_.encrypted) {
    return fail(base::protocol_violation("server offered SCRAM-SHA-256-PLUS authentication without TLS"));
  }
  const bool can_bind = setup_.channel_binding != ChannelBinding::kDisable && !setup_.binding.empty();
  bound_ = plus && can_bind;
  if (setup_.channel_binding == ChannelBinding::kRequire && !bound_) {
    return fail(base::invalid_authorization(
        plus ? "channel binding required, but the server's certificate gives none"
             : "channel binding required, but server did not offer SCRAM-SHA-256-PLUS"));
  }
  if (!bound_ && !scram) {
    return fail(base::feature_not_supported("server offers no SASL mechanism that is supported"));
  }
  if (!setup_.keys && !std::holds_alternative<conf::PlainSecret>(setup_.secret)) {
    return missing("SCRAM-SHA-256", "the password itself", ", or let clients log in with SCRAM as that user");
  }
  ScramClient::Setup scram_setup{scram_nonce({setup_.nonce.data(), setup_.nonce.size()}),
                                 bound_     ? ScramClient::Binding::kUsed
                                 : can_bind ? ScramClient::Binding::kNotOffered
                                            : ScramClient::Binding::kUnsupported,
                                 setup_.binding, setup_.max_iterations};
  scram_.emplace(std::move(scram_setup));
  Send answer;
  append_sasl_initial_response(answer.bytes, bound_ ? kScramSha256Plus : kScramSha256, scram_->first());
  state_ = State::kAwaitChallenge;
  return answer;
}

ServerAuth::Step ServerAuth::on_sasl_continue(std::string_view data) {
  auto challenge = scram_->on_server_first(data);
  if (!challenge.ok()) return fail(std::move(challenge).error());
  challenge_ = *std::move(challenge);
  if (setup_.keys && setup_.keys->salt == challenge_.salt &&
      setup_.keys->iterations == challenge_.iterations) {
    return prove(*setup_.keys);
  }
  if (const auto* plain = std::get_if<conf::PlainSecret>(&setup_.secret)) {
    state_ = State::kAwaitKey;
    return NeedKey{plain->password, challenge_.salt, challenge_.iterations};
  }
  return fail(base::with_hint(
      base::invalid_authorization("cannot log in to the server as user \"" + setup_.user +
                                  "\": its SCRAM verifier is not the one in " + setup_.secret_origin),
      "Copy rolpassword from the server's pg_authid, or store the password itself."));
}

ServerAuth::Step ServerAuth::on_key(conf::Secret salted) {
  if (state_ != State::kAwaitKey) return fail(base::internal_error("authentication asked for no key"));
  if (salted.reveal().size() != kScramKeySize)
    return fail(base::internal_error("could not compute a SCRAM key"));
  return prove(scram_keys(salted, challenge_.salt, challenge_.iterations));
}

ServerAuth::Step ServerAuth::prove(ScramKeys keys) {
  Send answer;
  append_sasl_response(answer.bytes, scram_->final(keys));
  used_ = std::move(keys);
  state_ = State::kAwaitFinal;
  return answer;
}

ServerAuth::Step ServerAuth::on_sasl_final(std::string_view data) {
  auto status = scram_->on_server_final(data);
  if (!status.ok()) return fail(std::move(status).error());
  state_ = State::kVerified;
  return Send{};
}

ServerAuth::Step ServerAuth::fail(base::Error error) {
  state_ = State::kEnded;
  return Fail{std::move(error)};
}

ServerAuth::Step ServerAuth::missing(std::string_view asked, std::string_view to_store,
                                     std::string_view or_else) {
  return fail(base::with_hint(
      base::invalid_authorization("cannot log in to the server as user \"" + setup_.user +
                                  "\": it asks for " + std::string(asked) + ", but " + setup_.secret_origin +
                                  " has " + std::string(kind_of(setup_.secret, setup_.keys.has_value()))),
      "Store " + std::string(to_store) + " in " + setup_.secret_origin + std::string(or_else) + "."));
}

}  // namespace wire
