#include "wire/client_auth.h"

#include <utility>
#include <vector>

#include "base/random.h"
#include "wire/build.h"
#include "wire/frontend.h"

namespace wire {
namespace {

template <typename T>
const T* as(const std::optional<conf::UserSecret>& secret) {
  return secret ? std::get_if<T>(&*secret) : nullptr;
}

std::string_view view(const auto& bytes) { return {bytes.data(), bytes.size()}; }

// A verifier that no password fits, for those who have none: its keys are as secret as `key`.
conf::ScramVerifier made_up_verifier(std::string_view key, std::string_view user, int iterations) {
  const std::string salt = made_up_salt(key, user);
  return scram_verifier(scram_keys(conf::Secret(std::string(key) + '\0' + salt), salt, iterations));
}

}  // namespace

ClientAuth::ClientAuth(Setup setup) : setup_(std::move(setup)) {
  // Always: it takes time that could be measured.
  verifier_ = made_up_verifier(setup_.made_up_key, setup_.user, setup_.iterations);
  if (const auto* verifier = as<conf::ScramVerifier>(setup_.secret)) verifier_ = *verifier;
}

ClientAuth::Step ClientAuth::start() {
  if (state_ != State::kStart) return fail(base::internal_error("authentication started twice"));
  Send ask;
  switch (setup_.method) {
    case ClientAuthMethod::kNone: return done(Done{});
    case ClientAuthMethod::kPassword:
    case ClientAuthMethod::kExternal:
      doomed_ = setup_.method == ClientAuthMethod::kPassword &&
                (!setup_.secret || as<conf::NoSecret>(setup_.secret) != nullptr);
      state_ = State::kAwaitPassword;
      append_authentication_cleartext(ask.bytes);
      return ask;
    case ClientAuthMethod::kMd5:
      if (looks_like_scram()) return start_scram();
      doomed_ = !as<conf::Md5Secret>(setup_.secret) && !as<conf::PlainSecret>(setup_.secret);
      state_ = State::kAwaitMd5;
      append_authentication_md5(ask.bytes, view(setup_.md5_salt));
      return ask;
    case ClientAuthMethod::kScram: return start_scram();
  }
  return fail(base::internal_error("unknown authentication method"));
}

ClientAuth::Step ClientAuth::start_scram() {
  // An md5 hash cannot check a SCRAM proof; PostgreSQL goes through the motions, too.
  doomed_ = !as<conf::ScramVerifier>(setup_.secret) && !as<conf::PlainSecret>(setup_.secret);
  scram_.emplace(ScramServer::Setup{scram_nonce(view(setup_.nonce)), verifier_.salt, verifier_.iterations,
                                    setup_.binding});
  std::vector<std::string_view> mechanisms;
  if (!setup_.binding.empty()) mechanisms.push_back(kScramSha256Plus);
  mechanisms.push_back(kScramSha256);
  Send ask;
  append_authentication_sasl(ask.bytes, mechanisms);
  state_ = State::kAwaitSaslInitial;
  return ask;
}

ClientAuth::Step ClientAuth::on_message(char type, std::string_view body) {
  const State state = state_;
  const bool password = state == State::kAwaitPassword || state == State::kAwaitMd5;
  const bool sasl =
      state == State::kAwaitSaslInitial || state == State::kAwaitSaslFirst || state == State::kAwaitSaslFinal;
  if (!password && !sasl) return fail(base::protocol_violation("unexpected message during authentication"));
  if (type != PasswordMessage::kType) {
    return fail(base::protocol_violation(std::string("expected ") + (sasl ? "SASL" : "password") +
                                         " response, got message type " +
                                         std::to_string(static_cast<unsigned char>(type))));
  }
  if (body.size() > kMaxAuthMessage) return fail(base::protocol_violation("invalid message length"));
  switch (state) {
    case State::kAwaitSaslInitial: return on_sasl_initial(body);
    case State::kAwaitSaslFirst: return on_client_first(body);
    case State::kAwaitSaslFinal: return on_client_final(body);
    default: return on_password(body);
  }
}

ClientAuth::Step ClientAuth::on_password(std::string_view body) {
  const auto message = decode<PasswordMessage>(body);
  if (!message.ok()) return fail(base::protocol_violation("invalid password packet size"));
  // No stored secret is empty: an empty password is a client that has none, or CVE-2017-7546.
  if (message->password.empty()) return fail(base::invalid_password("empty password returned by client"));
  conf::Secret password{std::string(message->password)};
  if (state_ == State::kAwaitMd5) return check_md5(password);
  if (setup_.method == ClientAuthMethod::kExternal) {
    state_ = State::kAwaitExternal;
    password_ = password;
    return NeedExternal{std::move(password)};
  }
  return check_clear_password(std::move(password));
}

ClientAuth::Step ClientAuth::check_clear_password(conf::Secret password) {
  if (looks_like_scram()) {
    password_ = password;
    return need_key(std::move(password));
  }
  bool right = false;
  if (const auto* plain = as<conf::PlainSecret>(setup_.secret)) {
    right = base::constant_time_equal(password.reveal(), plain->password.reveal());
  } else {
    const auto* md5 = as<conf::Md5Secret>(setup_.secret);
    auto hash = md5_hash(password.reveal(), setup_.user);
    if (!hash.ok()) return fail(std::move(hash).error());
    right = base::constant_time_equal(*hash, md5 ? md5->hash.reveal() : std::string_view(setup_.made_up_key));
  }
  if (!right || doomed()) return wrong_password();
  return done(Done{{}, {std::move(password), std::nullopt}});
}

ClientAuth::Step ClientAuth::check_md5(const conf::Secret& response) {
  conf::Secret hash;
  if (const auto* md5 = as<conf::Md5Secret>(setup_.secret)) {
    hash = md5->hash;
  } else {
    const auto* plain = as<conf::PlainSecret>(setup_.secret);
    auto made =
        md5_hash(plain ? plain->password.reveal() : std::string_view(setup_.made_up_key), setup_.user);
    if (!made.ok()) return fail(std::move(made).error());
    hash = conf::Secret(*std::move(made));
  }
  auto right = md5_response_matches(response.reveal(), hash.reveal(), view(setup_.md5_salt));
  if (!right.ok()) return fail(std::move(right).error());
  if (!*right || doomed()) return wrong_password();
  return done(Done{});
}

ClientAuth::Step ClientAuth::on_sasl_initial(std::string_view body) {
  auto message = decode<SaslInitialResponse>(body);
  if (!message.ok()) return fail(std::move(message).error());
  plus_ = message->mechanism == kScramSha256Plus && !setup_.binding.empty();
  if (!plus_ && message->mechanism != kScramSha256) {
    return fail(base::protocol_violation("client selected an invalid SASL authentication mechanism"));
  }
  if (message->response) return on_client_first(*message->response);
  Send ask;  // the client sends its first message after an empty challenge
  append_authentication_sasl_continue(ask.bytes, {});
  state_ = State::kAwaitSaslFirst;
  return ask;
}

ClientAuth::Step ClientAuth::on_client_first(std::string_view message) {
  auto server_first = scram_->on_client_first(plus_, message);
  if (!server_first.ok()) return fail(std::move(server_first).error());
  Send challenge;
  append_authentication_sasl_continue(challenge.bytes, *server_first);
  state_ = State::kAwaitSaslFinal;
  return challenge;
}

ClientAuth::Step ClientAuth::on_client_final(std::string_view message) {
  auto status = scram_->on_client_final(message);
  if (!status.ok()) return fail(std::move(status).error());
  if (const auto* plain = as<conf::PlainSecret>(setup_.secret)) return need_key(plain->password);
  return finish_scram(verifier_);
}

ClientAuth::Step ClientAuth::on_key(conf::Secret salted) {
  if (state_ != State::kAwaitKey) return fail(base::internal_error("authentication asked for no key"));
  if (salted.reveal().size() != kScramKeySize)
    return fail(base::internal_error("could not compute a SCRAM key"));
  ScramKeys keys = scram_keys(salted, verifier_.salt, verifier_.iterations);
  const conf::ScramVerifier made = scram_verifier(keys);
  if (scram_) return finish_scram(made);
  const bool right = base::constant_time_equal(made.stored_key.reveal(), verifier_.stored_key.reveal());
  if (!right || doomed()) return wrong_password();
  return done(Done{{}, {std::move(password_), std::move(keys)}});
}

ClientAuth::Step ClientAuth::finish_scram(const conf::ScramVerifier& verifier) {
  auto proven = scram_->check(verifier);
  if (!proven || doomed()) return wrong_password();
  Done outcome;
  append_authentication_sasl_final(outcome.bytes, proven->server_final);
  outcome.learned.keys = std::move(proven->keys);
  return done(std::move(outcome));
}

ClientAuth::Step ClientAuth::on_external(base::Status verdict) {
  if (state_ != State::kAwaitExternal)
    return fail(base::internal_error("authentication asked for no verdict"));
  if (!verdict.ok()) return fail(std::move(verdict).error());
  return done(Done{{}, {std::move(password_), std::nullopt}});
}

ClientAuth::Step ClientAuth::wrong_password() {
  return fail(base::invalid_password("password authentication failed for user \"" + setup_.user + "\""));
}

ClientAuth::Step ClientAuth::fail(base::Error error) {
  state_ = State::kEnded;
  return Fail{std::move(error)};
}

ClientAuth::Step ClientAuth::done(Done outcome) {
  state_ = State::kEnded;
  return outcome;
}

NeedKey ClientAuth::need_key(conf::Secret password) {
  state_ = State::kAwaitKey;
  return NeedKey{std::move(password), verifier_.salt, verifier_.iterations};
}

bool ClientAuth::looks_like_scram() const {
  if (!setup_.secret || as<conf::NoSecret>(setup_.secret)) return setup_.unknown_has_verifier;
  return as<conf::ScramVerifier>(setup_.secret) != nullptr;
}

}  // namespace wire
