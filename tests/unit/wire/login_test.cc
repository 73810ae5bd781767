// Both halves of every login against each other: what we challenge with, we can answer.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "wire/client_auth.h"
#include "wire/frame.h"
#include "wire/server_auth.h"

namespace wire {
namespace {

conf::UserSecret plain(std::string_view password) {
  return conf::PlainSecret{conf::Secret(std::string(password))};
}
conf::UserSecret md5(std::string_view password) {
  return conf::Md5Secret{conf::Secret(*md5_hash(password, "bob"))};
}
ScramKeys keys(std::string_view password) {
  return scram_keys(salted_password(password, "saltsaltsaltsalt", 128), "saltsaltsaltsalt", 128);
}

struct Outcome {
  std::string client = "never asked", server = "never asked";  // "ok", or an error
  LearnedSecrets learned;
  std::optional<ScramKeys> kept;
};

// `change` may alter any message on its way.
struct Wire {
  std::function<void(std::string&)> change = [](std::string&) {};
};

Outcome log_in(ClientAuth::Setup challenger, ServerAuth::Setup applicant, const Wire& wire = {}) {
  challenger.user = applicant.user = "bob";
  challenger.made_up_key = std::string(32, 'k');
  challenger.nonce.fill('c');
  applicant.nonce.fill('s');
  ClientAuth server(std::move(challenger));
  ServerAuth client(std::move(applicant));
  Outcome outcome;
  ClientAuth::Step step = server.start();
  while (true) {
    std::string to_client;
    bool finished = false;
    if (auto* need = std::get_if<NeedKey>(&step)) {
      step = server.on_key(salted_password(need->password.reveal(), need->salt, need->iterations));
      continue;
    }
    if (auto* fail = std::get_if<Fail>(&step)) {
      outcome.server = fail->error.sqlstate + " " + fail->error.message;
      return outcome;
    }
    if (auto* send = std::get_if<Send>(&step)) to_client = send->bytes;
    if (auto* done = std::get_if<ClientAuth::Done>(&step)) {
      finished = true;
      outcome.server = "ok";
      outcome.learned = std::move(done->learned);
      to_client = done->bytes + std::string("R\0\0\0\x8\0\0\0\0", 9);
    }
    std::string to_server;
    while (!to_client.empty()) {
      const std::size_t size = peek_frame(to_client)->size;
      std::string body = to_client.substr(kHeaderSize, size - kHeaderSize);
      to_client.erase(0, size);
      wire.change(body);
      ServerAuth::Step answer = client.on_authentication(body);
      if (auto* need = std::get_if<NeedKey>(&answer)) {
        answer = client.on_key(salted_password(need->password.reveal(), need->salt, need->iterations));
      }
      if (auto* fail = std::get_if<Fail>(&answer)) {
        outcome.client = fail->error.sqlstate + " " + fail->error.message;
        return outcome;
      }
      if (auto* ok = std::get_if<ServerAuth::AuthOk>(&answer)) {
        outcome.client = "ok";
        outcome.kept = std::move(ok->keys);
      }
      if (auto* send = std::get_if<Send>(&answer)) to_server += send->bytes;
    }
    if (finished) return outcome;
    std::string body = to_server.substr(kHeaderSize);
    wire.change(body);
    step = server.on_message(to_server[0], body);
  }
}

ClientAuth::Setup challenger(ClientAuthMethod method, conf::UserSecret secret, std::string binding = {}) {
  ClientAuth::Setup made;
  made.method = method;
  made.secret = std::move(secret);
  made.binding = std::move(binding);
  return made;
}

ServerAuth::Setup applicant(conf::UserSecret secret, std::string binding = {}) {
  ServerAuth::Setup made;
  made.secret = std::move(secret);
  made.encrypted = !binding.empty();
  made.binding = std::move(binding);
  return made;
}

TEST(Login, EveryMethodLetsTheRightPasswordInAndNoOther) {
  using Method = ClientAuthMethod;
  for (Method method : {Method::kPassword, Method::kMd5, Method::kScram}) {
    for (const auto& stored :
         {plain("secret"), md5("secret"), conf::UserSecret(scram_verifier(keys("secret")))}) {
      const bool possible = method != Method::kScram || !std::holds_alternative<conf::Md5Secret>(stored);
      const Outcome right = log_in(challenger(method, stored), applicant(plain("secret")));
      EXPECT_EQ(right.server, possible ? "ok" : "28P01 password authentication failed for user \"bob\"");
      EXPECT_EQ(right.client == "ok", possible);
      const Outcome wrong = log_in(challenger(method, stored), applicant(plain("Secret")));
      EXPECT_EQ(wrong.server, "28P01 password authentication failed for user \"bob\"");
      EXPECT_NE(wrong.client, "ok");
    }
  }
}

TEST(Login, AnUnknownUserFailsLikeAWrongPassword) {
  for (auto method : {ClientAuthMethod::kPassword, ClientAuthMethod::kMd5, ClientAuthMethod::kScram}) {
    for (const bool looks : {true, false}) {
      ClientAuth::Setup unknown = challenger(method, conf::NoSecret{});
      unknown.secret.reset();
      unknown.unknown_has_verifier = looks;
      EXPECT_EQ(log_in(unknown, applicant(plain("secret"))).server,
                "28P01 password authentication failed for user \"bob\"");
    }
  }
}

TEST(Login, AClientsScramLoginLogsInAtTheServer) {
  const conf::UserSecret stored = scram_verifier(keys("secret"));
  const Outcome first = log_in(challenger(ClientAuthMethod::kScram, stored), applicant(plain("secret")));
  ASSERT_TRUE(first.learned.keys);
  ServerAuth::Setup pass_through = applicant(stored);
  pass_through.keys = first.learned.keys;
  const Outcome second = log_in(challenger(ClientAuthMethod::kScram, stored), pass_through);
  EXPECT_EQ(second.server, "ok");
  EXPECT_EQ(second.client, "ok");
}

TEST(Login, KeysKeptFromALoginSaveTheNextOneItsWork) {
  const conf::UserSecret stored = scram_verifier(keys("secret"));
  const Outcome first = log_in(challenger(ClientAuthMethod::kScram, stored), applicant(plain("secret")));
  ASSERT_TRUE(first.kept);
  ServerAuth::Setup again = applicant(conf::NoSecret{});
  again.keys = first.kept;
  EXPECT_EQ(log_in(challenger(ClientAuthMethod::kScram, stored), again).server, "ok");
}

TEST(Login, BindingTiesTheLoginToTheCertificate) {
  const conf::UserSecret stored = scram_verifier(keys("secret"));
  const auto method = ClientAuthMethod::kScram;
  EXPECT_EQ(log_in(challenger(method, stored, "cert"), applicant(plain("secret"), "cert")).client, "ok");
  // A man in the middle has another certificate.
  EXPECT_EQ(log_in(challenger(method, stored, "cert"), applicant(plain("secret"), "evil")).server,
            "28000 SCRAM channel binding check failed");
  // Or takes -PLUS out of the offer.
  const Wire downgrade{[](std::string& body) {
    const std::size_t plus = body.find("SCRAM-SHA-256-PLUS");
    if (plus != std::string::npos) body.erase(plus, sizeof "SCRAM-SHA-256-PLUS");
  }};
  EXPECT_EQ(log_in(challenger(method, stored, "cert"), applicant(plain("secret"), "cert"), downgrade).server,
            "28000 SCRAM channel binding negotiation error");
}

TEST(Login, NoByteOfAScramLoginCanBeChanged) {
  const conf::UserSecret stored = scram_verifier(keys("secret"));
  // Count the bytes of a login first, then change each.
  std::size_t total = 0;
  const Wire count{[&](std::string& body) { total += body.size(); }};
  ASSERT_EQ(log_in(challenger(ClientAuthMethod::kScram, stored), applicant(plain("secret")), count).client,
            "ok");
  ASSERT_GT(total, 300u);
  for (std::size_t target = 0; target < total; ++target) {
    std::size_t seen = 0;
    const Wire flip{[&](std::string& body) {
      if (target >= seen && target < seen + body.size()) {
        body[target - seen] = static_cast<char>(body[target - seen] ^ 1);
      }
      seen += body.size();
    }};
    const Outcome outcome =
        log_in(challenger(ClientAuthMethod::kScram, stored), applicant(plain("secret")), flip);
    EXPECT_FALSE(outcome.client == "ok" && outcome.server == "ok") << "byte " << target;
  }
}

}  // namespace
}  // namespace wire
