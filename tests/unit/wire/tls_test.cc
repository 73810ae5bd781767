#include "wire/tls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <filesystem>

#include "base/fd.h"
#include "base/handle.h"
#include "tests/support/certificates.h"

namespace wire {
namespace {

using conf::TlsMode;
using support::Authority;
using testing::HasSubstr;
using testing::StartsWith;

// Made once: making keys takes longer than all that is tested with them.
struct Papers {
  Papers() {
    ours.issue("server", "/O=Weir/CN=db.example.com", "DNS:localhost,DNS:*.example.com,IP:127.0.0.1");
    ours.issue("alice", "/O=Weir/CN=alice");
    ours.issue("revoked", "/O=Weir/CN=mallory");
    ours.issue("two-names", "/CN=alice/CN=bob");
    ours.revoke({"revoked"});
    theirs.issue("server", "/CN=localhost", "DNS:localhost");
    theirs.issue("alice", "/CN=alice");
  }
  Authority ours{"Weir test"}, theirs{"somebody else"};
};
const Papers& papers() {
  static const Papers the_papers;
  return the_papers;
}

TlsSettings as_server(TlsMode mode = TlsMode::kRequire) {
  return {.mode = mode, .cert_file = papers().ours.cert("server"), .key_file = papers().ours.key("server")};
}
TlsSettings as_client(TlsMode mode = TlsMode::kRequire) {
  return {.mode = mode, .ca_file = mode >= TlsMode::kVerifyCa ? papers().ours.ca() : ""};
}
TlsSettings with_identity(TlsSettings settings, const Authority& authority, const std::string& name) {
  settings.cert_file = authority.cert(name);
  settings.key_file = authority.key(name);
  return settings;
}

TlsContextPtr must(base::Result<TlsContextPtr> context) {
  EXPECT_TRUE(context.ok()) << context.error().message;
  return context.ok() ? *context : nullptr;
}

// Both ends of one connection, driven by hand.
struct Pair {
  Pair(const TlsContextPtr& server_context, const TlsContextPtr& client_context, const std::string& name = "localhost") {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    server_fd = base::Fd(ends[0]);
    client_fd = base::Fd(ends[1]);
    server = *TlsSession::accept(server_context, server_fd.get());
    client = *TlsSession::connect(client_context, client_fd.get(), name);
  }
  Pair(const TlsSettings& server_settings, const TlsSettings& client_settings, const std::string& name = "localhost")
      : Pair(must(TlsContext::for_clients(server_settings)), must(TlsContext::for_servers(client_settings)), name) {}

  // True if both sides are satisfied.
  bool shake_hands() {
    TlsIo at_server = TlsIo::kWantRead;
    TlsIo at_client = TlsIo::kWantRead;
    const auto pending = [](TlsIo io) { return io == TlsIo::kWantRead || io == TlsIo::kWantWrite; };
    for (int turn = 0; turn < 20 && (pending(at_server) || pending(at_client)); ++turn) {
      if (pending(at_client)) at_client = client->handshake().io;
      if (pending(at_server)) at_server = server->handshake().io;
    }
    if (at_server != TlsIo::kDone || at_client != TlsIo::kDone) return false;
    // In TLS 1.3 the client is done before the server has looked at its certificate.
    std::array<char, 1> nothing{};
    return client->read(nothing.data(), 1).io == TlsIo::kWantRead;
  }

  base::Fd server_fd, client_fd;
  std::unique_ptr<TlsSession> server, client;
};

// ---- Contexts ----

TEST(TlsContext, a_file_that_cannot_be_read_is_named) {
  TlsSettings settings = as_server();
  settings.cert_file = "/nonexistent/server.crt";
  const auto context = TlsContext::for_clients(settings);
  ASSERT_FALSE(context.ok());
  EXPECT_EQ(context.error().sqlstate, "F0000");
  EXPECT_EQ(context.error().message,
            "could not load certificate file \"/nonexistent/server.crt\": No such file or directory");
}

TEST(TlsContext, a_key_of_another_certificate_is_refused) {
  TlsSettings settings = as_server();
  settings.key_file = papers().ours.key("alice");
  const auto context = TlsContext::for_clients(settings);
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(context.error().message, HasSubstr("alice.key"));
  EXPECT_THAT(context.error().message, HasSubstr("key values mismatch"));
}

TEST(TlsContext, clients_need_our_certificate_and_a_key_needs_its_certificate) {
  EXPECT_FALSE(TlsContext::for_clients({.mode = TlsMode::kRequire}).ok());
  EXPECT_FALSE(TlsContext::for_servers({.mode = TlsMode::kRequire, .key_file = papers().ours.key("alice")}).ok());
  EXPECT_TRUE(TlsContext::for_servers({.mode = TlsMode::kRequire}).ok());
}

TEST(TlsContext, checking_clients_needs_a_ca_file) {
  const auto context = TlsContext::for_clients(as_server(TlsMode::kVerifyCa));
  ASSERT_FALSE(context.ok());
  EXPECT_THAT(context.error().message, HasSubstr("needs a CA file"));
}

TEST(TlsContext, garbage_in_any_setting_is_refused) {
  for (const auto& spoil : std::vector<std::function<void(TlsSettings&)>>{
           [](TlsSettings& s) { s.protocols = "tlsv1.1"; }, [](TlsSettings& s) { s.protocols = "secure,!secure"; },
           [](TlsSettings& s) { s.protocols = "sslv9"; }, [](TlsSettings& s) { s.protocols = ""; },
           [](TlsSettings& s) { s.ciphers = "no-such-cipher"; }, [](TlsSettings& s) { s.tls13_ciphers = "nonsense"; },
           [](TlsSettings& s) { s.curves = "circle"; }, [](TlsSettings& s) { s.ca_file = "/nonexistent"; },
           [](TlsSettings& s) { s.crl_file = "/nonexistent"; }, [](TlsSettings& s) { s.ca_file = "/dev/null"; }}) {
    TlsSettings settings = as_server();
    spoil(settings);
    const auto context = TlsContext::for_clients(settings);
    ASSERT_FALSE(context.ok()) << settings.protocols << settings.ciphers;
    EXPECT_EQ(context.error().sqlstate, "F0000");
  }
}

TEST(TlsContext, a_key_behind_a_pass_phrase_is_refused_without_asking_for_it) {
  const support::TempFolder folder;
  ASSERT_EQ(support::run_command({"openssl", "ec", "-aes128", "-passout", "pass:secret", "-in",
                                  papers().ours.key("server"), "-out", folder.file("locked.key")})
                .status,
            0);
  TlsSettings settings = as_server();
  settings.key_file = folder.file("locked.key");
  EXPECT_FALSE(TlsContext::for_clients(settings).ok());
}

// ---- Handshakes ----

TEST(Tls, both_sides_talk_and_know_what_they_use) {
  Pair pair(as_server(), as_client());
  ASSERT_TRUE(pair.shake_hands()) << pair.server->error() << pair.client->error();
  EXPECT_EQ(pair.client->write("hello").bytes, 5U);
  std::array<char, 100> buffer{};
  const auto got = pair.server->read(buffer.data(), buffer.size());
  EXPECT_EQ(got.io, TlsIo::kDone);
  EXPECT_EQ(std::string_view(buffer.data(), got.bytes), "hello");
  EXPECT_THAT(pair.server->version_text(), StartsWith("TLSv1.3/TLS_"));
  EXPECT_EQ(pair.server->version_text(), pair.client->version_text());
  EXPECT_EQ(pair.server->alpn(), "postgresql");
  EXPECT_EQ(pair.client->alpn(), "postgresql");
}

TEST(Tls, protocols_are_as_set) {
  TlsSettings old = as_server();
  old.protocols = "tlsv1.2";
  Pair pair(old, as_client());
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_THAT(pair.server->version_text(), StartsWith("TLSv1.2/"));

  TlsSettings modern = as_client();
  modern.protocols = "secure,!tlsv1.2";
  Pair strangers(old, modern);
  EXPECT_FALSE(strangers.shake_hands());
  EXPECT_FALSE(strangers.server->error().empty());
}

TEST(Tls, both_sides_compute_the_same_channel_binding) {
  for (const char* protocols : {"tlsv1.2", "tlsv1.3"}) {
    TlsSettings settings = as_server();
    settings.protocols = protocols;
    Pair pair(settings, as_client());
    ASSERT_TRUE(pair.shake_hands());
    EXPECT_EQ(pair.server->channel_binding().size(), 32U);  // SHA-256, as the certificate is signed
    EXPECT_EQ(pair.server->channel_binding(), pair.client->channel_binding());
  }
}

TEST(Tls, a_server_is_believed_only_if_our_authority_signed_it) {
  EXPECT_TRUE(Pair(as_server(), as_client(TlsMode::kVerifyCa), "whatever").shake_hands());

  const TlsSettings stranger = with_identity(as_server(), papers().theirs, "server");
  Pair pair(stranger, as_client(TlsMode::kVerifyCa));
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(pair.client->error(), "certificate verify failed: unable to get local issuer certificate");
  EXPECT_TRUE(Pair(stranger, as_client(TlsMode::kRequire)).shake_hands());
}

TEST(Tls, with_authorities_at_hand_require_believes_only_them) {
  TlsSettings client = as_client(TlsMode::kRequire);
  client.ca_file = papers().ours.ca();
  EXPECT_TRUE(Pair(as_server(), client, "whatever").shake_hands());
  EXPECT_FALSE(Pair(with_identity(as_server(), papers().theirs, "server"), client).shake_hands());
  client.mode = TlsMode::kPrefer;
  EXPECT_TRUE(Pair(with_identity(as_server(), papers().theirs, "server"), client).shake_hands());
}

TEST(Tls, verify_full_demands_the_name) {
  const auto accepts = [](const std::string& name) {
    return Pair(as_server(), as_client(TlsMode::kVerifyFull), name).shake_hands();
  };
  EXPECT_TRUE(accepts("localhost"));
  EXPECT_TRUE(accepts("LOCALHOST"));
  EXPECT_TRUE(accepts("a.example.com"));
  EXPECT_TRUE(accepts("127.0.0.1"));
  EXPECT_FALSE(accepts("a.b.example.com"));
  EXPECT_FALSE(accepts("127.0.0.2"));
  Pair pair(as_server(), as_client(TlsMode::kVerifyFull), "elsewhere");
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(pair.client->error(),
            "server certificate for \"localhost\" (and 2 other names) does not match host name \"elsewhere\"");
}

TEST(Tls, a_client_without_a_certificate_is_turned_away_where_one_is_demanded) {
  TlsSettings strict = as_server(TlsMode::kVerifyFull);
  strict.ca_file = papers().ours.ca();
  Pair pair(strict, as_client());
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(pair.server->error(), "peer did not return a certificate");
}

TEST(Tls, a_client_shows_who_it_is) {
  TlsSettings strict = as_server(TlsMode::kVerifyFull);
  strict.ca_file = papers().ours.ca();
  Pair pair(strict, with_identity(as_client(), papers().ours, "alice"));
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_TRUE(pair.server->has_peer_certificate());
  EXPECT_EQ(pair.server->peer_common_name(), "alice");
  EXPECT_EQ(pair.server->peer_dn(), "CN=alice,O=Weir");
}

TEST(Tls, a_certificate_with_two_common_names_names_nobody) {
  TlsSettings strict = as_server(TlsMode::kVerifyFull);
  strict.ca_file = papers().ours.ca();
  Pair pair(strict, with_identity(as_client(), papers().ours, "two-names"));
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.server->peer_common_name(), "");
}

TEST(Tls, where_none_is_demanded_a_strangers_certificate_counts_as_none) {
  TlsSettings lenient = as_server(TlsMode::kRequire);
  lenient.ca_file = papers().ours.ca();
  for (const char* protocols : {"tlsv1.2", "tlsv1.3"}) {
    lenient.protocols = protocols;
    Pair stranger(lenient, with_identity(as_client(), papers().theirs, "alice"));
    ASSERT_TRUE(stranger.shake_hands()) << stranger.server->error();
    EXPECT_FALSE(stranger.server->has_peer_certificate());
    Pair friendly(lenient, with_identity(as_client(), papers().ours, "alice"));
    ASSERT_TRUE(friendly.shake_hands());
    EXPECT_TRUE(friendly.server->has_peer_certificate());
    Pair anonymous(lenient, as_client());
    ASSERT_TRUE(anonymous.shake_hands());
    EXPECT_FALSE(anonymous.server->has_peer_certificate());
  }
}

TEST(Tls, a_revoked_certificate_is_refused) {
  TlsSettings strict = as_server(TlsMode::kVerifyFull);
  strict.ca_file = papers().ours.ca();
  strict.crl_file = papers().ours.crl();
  Pair pair(strict, with_identity(as_client(), papers().ours, "revoked"));
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_EQ(pair.server->error(), "certificate verify failed: certificate revoked");
  EXPECT_TRUE(Pair(strict, with_identity(as_client(), papers().ours, "alice")).shake_hands());
}

TEST(Tls, a_client_that_speaks_another_protocol_is_turned_away) {
  const auto context = must(TlsContext::for_clients(as_server()));
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  const base::Fd server_end(ends[0]), client_end(ends[1]);
  const auto server = *TlsSession::accept(context, server_end.get());
  const base::Handle<SSL_CTX, SSL_CTX_free> stranger(SSL_CTX_new(TLS_client_method()));
  constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(stranger.get(), kHttp.data(), kHttp.size());
  const base::Handle<SSL, SSL_free> client(SSL_new(stranger.get()));
  SSL_set_fd(client.get(), client_end.get());
  EXPECT_NE(SSL_connect(client.get()), 1);
  EXPECT_EQ(server->handshake().io, TlsIo::kError);
  EXPECT_EQ(server->error(), "no application protocol");
}

TEST(Tls, plaintext_and_garbage_instead_of_a_handshake_are_errors) {
  std::string long_record("\x16\x03\x01\xff\xff", 5);
  long_record.append(1000, 'x');
  for (const std::string& bytes : {std::string(100, 'Q'), std::string(100, '\0'), long_record}) {
    Pair pair(as_server(), as_client());
    ASSERT_EQ(send(pair.client_fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(pair.server->handshake().io, TlsIo::kError);
    EXPECT_FALSE(pair.server->error().empty());
  }
}

TEST(Tls, an_end_of_file_in_the_handshake_or_later_is_a_close_with_or_without_goodbye) {
  Pair early(as_server(), as_client());
  early.client_fd.reset();
  EXPECT_EQ(early.server->handshake().io, TlsIo::kClosed);
  EXPECT_EQ(early.server->error(), "");

  Pair halfway(as_server(), as_client());
  ASSERT_EQ(send(halfway.client_fd.get(), "\x16\x03\x01\x01", 4, 0), 4);
  EXPECT_EQ(halfway.server->handshake().io, TlsIo::kWantRead);
  halfway.client_fd.reset();
  EXPECT_EQ(halfway.server->handshake().io, TlsIo::kClosed);

  std::array<char, 10> buffer{};
  Pair rude(as_server(), as_client());
  ASSERT_TRUE(rude.shake_hands());
  rude.client_fd.reset();
  EXPECT_EQ(rude.server->read(buffer.data(), buffer.size()).io, TlsIo::kClosed);

  Pair polite(as_server(), as_client());
  ASSERT_TRUE(polite.shake_hands());
  polite.client->shutdown();
  EXPECT_EQ(polite.server->read(buffer.data(), buffer.size()).io, TlsIo::kClosed);
}

// ---- Data ----

TEST(Tls, a_megabyte_passes_whole_through_a_socket_that_keeps_filling_up) {
  Pair pair(as_server(), as_client());
  ASSERT_TRUE(pair.shake_hands());
  std::string sent(1 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 + (i >> 8));
  std::string got;
  std::string_view rest = sent;
  std::array<char, 16 * 1024> buffer{};
  int blocked = 0;
  while (got.size() < sent.size()) {
    if (!rest.empty()) {
      // The bytes move between two tries, as those of a growing buffer do.
      const std::string moved(rest);
      const auto result = pair.server->write(moved);
      ASSERT_TRUE(result.io == TlsIo::kDone || result.io == TlsIo::kWantWrite) << pair.server->error();
      blocked += result.io == TlsIo::kWantWrite;
      rest.remove_prefix(result.bytes);
    }
    const auto result = pair.client->read(buffer.data(), buffer.size());
    if (result.io == TlsIo::kDone) got.append(buffer.data(), result.bytes);
  }
  EXPECT_GT(blocked, 0);
  EXPECT_EQ(got, sent);
}

TEST(Tls, what_is_decrypted_but_not_read_shows_as_buffered) {
  Pair pair(as_server(), as_client());
  ASSERT_TRUE(pair.shake_hands());
  pair.client->write("two words");
  std::array<char, 4> buffer{};
  EXPECT_FALSE(pair.server->buffered());
  EXPECT_EQ(pair.server->read(buffer.data(), 4).bytes, 4U);
  EXPECT_TRUE(pair.server->buffered());
  EXPECT_EQ(pair.server->read(buffer.data(), 4).bytes, 4U);
  EXPECT_EQ(pair.server->read(buffer.data(), 4).bytes, 1U);
  EXPECT_FALSE(pair.server->buffered());
}

TEST(Tls, records_to_clients_are_at_most_8_kilobytes) {
  Pair pair(as_server(), as_client());
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.server->write(std::string(20'000, 'x')).bytes, 20'000U);
  std::array<char, 16 * 1024> buffer{};
  EXPECT_EQ(pair.client->read(buffer.data(), buffer.size()).bytes, 8192U);
}

TEST(Tls, writing_to_a_closed_socket_is_an_error_and_no_signal) {
  Pair pair(as_server(), as_client());
  ASSERT_TRUE(pair.shake_hands());
  pair.client_fd.reset();
  EXPECT_EQ(pair.server->write("x").io, TlsIo::kError);
  EXPECT_EQ(pair.server->error(), "Broken pipe");
}

TEST(Tls, sessions_outlive_the_reload_that_replaced_their_context) {
  auto old = must(TlsContext::for_clients(as_server()));
  Pair pair(old, must(TlsContext::for_servers(as_client())));
  ASSERT_TRUE(pair.shake_hands());
  const std::string binding = pair.server->channel_binding();
  old.reset();
  EXPECT_EQ(pair.server->write("still here").io, TlsIo::kDone);
  EXPECT_EQ(pair.server->channel_binding(), binding);
}

TEST(Tls, an_idle_session_takes_less_than_20_kilobytes) {
  const auto server_context = must(TlsContext::for_clients(as_server()));
  const auto client_context = must(TlsContext::for_servers(as_client()));
  // Both ends live here; each is at most the half that it may be.
  { Pair warm(server_context, client_context); ASSERT_TRUE(warm.shake_hands()); }
  constexpr std::size_t kPairs = 50;
  std::vector<std::unique_ptr<Pair>> pairs;
  pairs.reserve(kPairs);
  const std::size_t before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>(server_context, client_context));
    ASSERT_TRUE(pairs.back()->shake_hands());
    std::array<char, 4096> buffer{};
    pairs.back()->client->write(std::string(4096, 'x'));
    pairs.back()->server->read(buffer.data(), buffer.size());
    pairs.back()->server->write(std::string(4096, 'x'));
    pairs.back()->client->read(buffer.data(), buffer.size());
  }
  const std::size_t each = (mallinfo2().uordblks - before) / kPairs / 2;
  RecordProperty("bytes_per_session", static_cast<int>(each));
#if !defined(WEIR_SANITIZE_ADDRESS) && !defined(WEIR_SANITIZE_THREAD)
  EXPECT_GT(each, 1024U);  // it was measured at all
#endif
  EXPECT_LE(each, 20U * 1024);
}

}  // namespace
}  // namespace wire
