#include "wire/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "wire/hostname.h"
#include "wire/resolver.h"

namespace wire {
namespace {

using BioPtr = base::Handle<BIO, BIO_free_all>;
using NamesPtr = base::Handle<GENERAL_NAMES, GENERAL_NAMES_free>;

// Clients that poll can sleep on decrypted bytes that their libpq did not fetch yet; PostgreSQL never sends them a
// record longer than its own buffer, and neither do we.
constexpr long kRecordToClients = 8192;

// The protocol's name (length first), which direct TLS must agree on.
constexpr std::array<unsigned char, 11> kAlpn = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

// ---- OpenSSL's words ----

std::string errno_text(int code) { return std::system_category().message(code); }

// The oldest error of this thread; clears them all.
std::string take_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  if (ERR_SYSTEM_ERROR(code)) return errno_text(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "TLS error " + std::to_string(code);
}

base::Error file_error(std::string_view what, const std::string& file) {
  return base::config_file_error("could not load " + std::string(what) + " \"" + file + "\": " + take_error());
}

// ---- The socket under OpenSSL: send() with MSG_NOSIGNAL instead of write() ----

int bio_fd(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

bool would_block(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR || code == ENOBUFS; }

int bio_send(BIO* bio, const char* bytes, std::size_t size, std::size_t* sent) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(bio_fd(bio), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) {
    if (would_block(errno)) BIO_set_retry_write(bio);
    return 0;
  }
  *sent = static_cast<std::size_t>(count);
  return 1;
}

int bio_receive(BIO* bio, char* into, std::size_t room, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(bio_fd(bio), into, room, MSG_DONTWAIT);
  if (count <= 0) {
    if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (count < 0 && would_block(errno)) BIO_set_retry_read(bio);
    return 0;
  }
  *got = static_cast<std::size_t>(count);
  return 1;
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "weir socket");
    BIO_meth_set_write_ex(made, bio_send);
    BIO_meth_set_read_ex(made, bio_receive);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

// ---- Settings ----

bool insists_on_certificate(conf::TlsMode mode) {
  return mode == conf::TlsMode::kVerifyCa || mode == conf::TlsMode::kVerifyFull;
}

// ---- Certificates ----

// RFC 5929, section 4.1: the hash of the certificate's own signature, but never a weak one.
std::string end_point_hash(const X509* certificate) {
  int digest_id = NID_undef;
  if (X509_get_signature_info(const_cast<X509*>(certificate), &digest_id, nullptr, nullptr, nullptr) != 1) return {};
  if (digest_id == NID_md5 || digest_id == NID_sha1) digest_id = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(digest_id);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int size = 0;
  if (digest == nullptr || X509_digest(certificate, digest, hash.data(), &size) != 1) {
    ERR_clear_error();
    return {};
  }
  return {hash.begin(), hash.begin() + size};
}

std::string bytes_of(const ASN1_STRING* text) {
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(text));
  const std::span bytes(ASN1_STRING_get0_data(text), size);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> common_names(const X509* certificate) {
  std::vector<std::string> names;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    names.push_back(bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

CertificateNames names_of(const X509* certificate) {
  CertificateNames names;
  const NamesPtr alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = alternatives ? sk_GENERAL_NAME_num(alternatives.get()) : 0;
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) names.dns.push_back(bytes_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.addresses.push_back(bytes_of(name->d.iPAddress));
  }
  auto common = common_names(certificate);
  if (!common.empty()) names.common_name = std::move(common.front());
  return names;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  // The type has no const for an answer that points into one of the two lists.
  if (SSL_select_next_proto(&found, chosen_size, kAlpn.data(), kAlpn.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

void free_ssl_ctx(ssl_ctx_st* context) { SSL_CTX_free(context); }
void free_ssl(ssl_st* ssl) { SSL_free(ssl); }

// ---- TlsContext ----

TlsContext::TlsContext(TlsRole role, TlsSettings settings) : role_(role), settings_(std::move(settings)) {}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::for_clients(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> context(new TlsContext(TlsRole::kServer, settings));
  TRY_STATUS(context->load());
  return std::shared_ptr<const TlsContext>(std::move(context));
}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::for_servers(const TlsSettings& settings) {
  std::shared_ptr<TlsContext> context(new TlsContext(TlsRole::kClient, settings));
  TRY_STATUS(context->load());
  return std::shared_ptr<const TlsContext>(std::move(context));
}

base::Status TlsContext::load() {
  ERR_clear_error();
  context_.reset(SSL_CTX_new(role_ == TlsRole::kServer ? TLS_server_method() : TLS_client_method()));
  if (!context_) return base::internal_error("could not make a TLS context: " + take_error());
  SSL_CTX* context = context_.get();
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Connections of a pooler live long: resuming saves nothing and would keep secrets around.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  TRY_STATUS(set_protocols());
  TRY_STATUS(set_ciphers());
  TRY_STATUS(load_identity());
  TRY_STATUS(load_authorities());
  if (role_ == TlsRole::kServer) {
    SSL_CTX_set_max_send_fragment(context, kRecordToClients);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  } else if (SSL_CTX_set_alpn_protos(context, kAlpn.data(), kAlpn.size()) != 0) {
    return base::internal_error("could not set the TLS application protocol: " + take_error());
  }
  return base::Ok{};
}

base::Status TlsContext::set_protocols() {
  TRY(const auto protocols, tls_protocols(settings_.protocols));
  SSL_CTX_set_min_proto_version(context_.get(), protocols.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), protocols.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  return base::Ok{};
}

base::Status TlsContext::set_ciphers() {
  SSL_CTX* context = context_.get();
  if (SSL_CTX_set_cipher_list(context, tls_cipher_list(settings_.ciphers).c_str()) != 1)
    return base::config_file_error("could not use TLS ciphers \"" + settings_.ciphers + "\": " + take_error());
  if (!settings_.tls13_ciphers.empty() && SSL_CTX_set_ciphersuites(context, settings_.tls13_ciphers.c_str()) != 1)
    return base::config_file_error("could not use TLS 1.3 ciphers \"" + settings_.tls13_ciphers + "\": " + take_error());
  if (settings_.curves != "auto" && !settings_.curves.empty() &&
      SSL_CTX_set1_groups_list(context, settings_.curves.c_str()) != 1)
    return base::config_file_error("could not use TLS curves \"" + settings_.curves + "\": " + take_error());
  if (role_ == TlsRole::kServer) SSL_CTX_set_dh_auto(context, settings_.dheparams == "none" ? 0 : 1);
  return base::Ok{};
}

// Our own certificate and key, which must belong together.
base::Status TlsContext::load_identity() {
  SSL_CTX* context = context_.get();
  if (settings_.cert_file.empty() && settings_.key_file.empty()) {
    if (role_ == TlsRole::kClient) return base::Ok{};
    return base::config_file_error("TLS for clients needs a certificate file and a key file");
  }
  if (settings_.cert_file.empty() || settings_.key_file.empty())
    return base::config_file_error("a TLS certificate file and a key file need each other; only \"" +
                                   settings_.cert_file + settings_.key_file + "\" is set");
  // A key behind a pass phrase is refused: there is nobody to ask.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context, settings_.cert_file.c_str()) != 1)
    return file_error("certificate file", settings_.cert_file);
  if (SSL_CTX_use_PrivateKey_file(context, settings_.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return file_error("private key file", settings_.key_file);
  if (SSL_CTX_check_private_key(context) != 1) {
    return base::config_file_error("private key file \"" + settings_.key_file + "\" does not belong to certificate file \"" +
                                   settings_.cert_file + "\": " + take_error());
  }
  if (role_ == TlsRole::kServer) channel_binding_ = end_point_hash(SSL_CTX_get0_certificate(context));
  return base::Ok{};
}

base::Status TlsContext::load_authorities() {
  SSL_CTX* context = context_.get();
  const std::string& file = settings_.ca_file;
  // libpq, 34.19.1: with authorities at hand, require is verify-ca.
  const bool as_verify_ca = role_ == TlsRole::kClient && settings_.mode == conf::TlsMode::kRequire && !file.empty();
  const bool insists = insists_on_certificate(settings_.mode) || as_verify_ca;
  if (!file.empty()) {
    if (SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) return file_error("CA file", file);
    if (role_ == TlsRole::kServer) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));
  } else if (insists && role_ == TlsRole::kServer) {
    return base::config_file_error("checking the certificates of clients needs a CA file");
  } else if (insists && SSL_CTX_set_default_verify_paths(context) != 1) {
    return base::config_file_error("could not load the system's certificate authorities: " + take_error());
  }
  if (!settings_.crl_file.empty()) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, settings_.crl_file.c_str(), X509_FILETYPE_PEM) < 1)
      return file_error("certificate revocation list", settings_.crl_file);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  }
  if (insists) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  } else if (role_ == TlsRole::kServer && !file.empty()) {
    // Asked for, and good for logging in by certificate; a stranger's is as if none had been shown.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &TlsSession::note_distrust);
  }
  return base::Ok{};
}

// ---- TlsSession ----

TlsSession::TlsSession(TlsContextPtr context, ssl_st* ssl, std::string server_name)
    : context_(std::move(context)), ssl_(ssl), server_name_(std::move(server_name)) {
  SSL_set_app_data(ssl, this);
}

TlsSession::~TlsSession() = default;

base::Result<std::unique_ptr<TlsSession>> TlsSession::make(TlsContextPtr context, int fd, std::string server_name) {
  ERR_clear_error();
  SSL* ssl = SSL_new(context->context_.get());
  if (ssl == nullptr) return base::out_of_memory("could not make a TLS session: " + take_error());
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), ssl, std::move(server_name)));
  BIO* bio = BIO_new(bio_method());
  if (bio == nullptr) return base::out_of_memory("could not make a TLS session: " + take_error());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);  // takes it
  return session;
}

base::Result<std::unique_ptr<TlsSession>> TlsSession::accept(TlsContextPtr context, int fd) {
  TRY(auto session, make(std::move(context), fd, {}));
  SSL_set_accept_state(session->ssl_.get());
  return session;
}

base::Result<std::unique_ptr<TlsSession>> TlsSession::connect(TlsContextPtr context, int fd, std::string server_name) {
  TRY(auto session, make(std::move(context), fd, std::move(server_name)));
  const std::string& name = session->server_name_;
  // SNI is for names (RFC 6066, section 3); a Unix socket's folder is none.
  const bool has_name = !name.empty() && !is_numeric_address(name) && !name.starts_with('/') && !name.starts_with('@');
  if (has_name && SSL_set_tlsext_host_name(session->ssl_.get(), name.c_str()) != 1)
    return base::cannot_connect("could not use \"" + name + "\" as TLS server name: " + take_error());
  SSL_set_connect_state(session->ssl_.get());
  return session;
}

int TlsSession::note_distrust(int verified, x509_store_ctx_st* store) {
  if (verified == 1) return 1;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  static_cast<TlsSession*>(SSL_get_app_data(ssl))->distrusted_ = true;
  return 1;
}

TlsResult TlsSession::outcome(int returned, int system_error) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {TlsIo::kWantRead};
    case SSL_ERROR_WANT_WRITE: return {TlsIo::kWantWrite};
    case SSL_ERROR_ZERO_RETURN: return {TlsIo::kClosed};
    default: break;
  }
  broken_ = true;
  const long verified = SSL_get_verify_result(ssl_.get());
  const unsigned long code = ERR_peek_error();
  if (code == 0 && system_error == 0) return {TlsIo::kClosed};
  if (code == 0) {
    error_ = errno_text(system_error);
  } else if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
    error_ = "certificate verify failed: " + std::string(X509_verify_cert_error_string(verified));
  } else {
    error_ = take_error();
  }
  ERR_clear_error();
  return {TlsIo::kError};
}

TlsResult TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(ssl_.get());
  if (returned != 1) return outcome(returned, errno);
  const base::Status named = check_server_name();
  if (named.ok()) return {TlsIo::kDone};
  broken_ = true;
  error_ = named.error().message;
  return {TlsIo::kError};
}

base::Status TlsSession::check_server_name() const {
  if (context_->role() != TlsRole::kClient || context_->mode() != conf::TlsMode::kVerifyFull) return base::Ok{};
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return base::cannot_connect("the server showed no certificate");
  return verify_host(names_of(certificate), server_name_);
}

TlsResult TlsSession::read(char* into, std::size_t room) {
  ERR_clear_error();
  errno = 0;
  std::size_t got = 0;
  const int returned = SSL_read_ex(ssl_.get(), into, room, &got);
  if (returned == 1) return {TlsIo::kDone, got};
  return outcome(returned, errno);
}

TlsResult TlsSession::write(std::string_view bytes) {
  std::size_t sent = 0;
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    std::size_t taken = 0;
    const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
    if (returned != 1) {
      TlsResult result = outcome(returned, errno);
      result.bytes = sent;
      return result;
    }
    bytes.remove_prefix(taken);
    sent += taken;
  }
  return {TlsIo::kDone, sent};
}

bool TlsSession::buffered() const { return SSL_pending(ssl_.get()) > 0; }

void TlsSession::shutdown() {
  if (broken_ || SSL_is_init_finished(ssl_.get()) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::string TlsSession::channel_binding() const {
  if (context_->role() == TlsRole::kServer) return context_->channel_binding_;
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate != nullptr ? end_point_hash(certificate) : std::string();
}

bool TlsSession::has_peer_certificate() const {
  return !distrusted_ && SSL_get0_peer_certificate(ssl_.get()) != nullptr &&
         SSL_get_verify_result(ssl_.get()) == X509_V_OK;
}

std::string TlsSession::peer_common_name() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr) return {};
  const auto names = common_names(certificate);
  if (names.size() != 1 || names.front().find('\0') != std::string::npos) return {};
  return names.front();
}

std::string TlsSession::peer_dn() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (certificate == nullptr || !out) return {};
  if (X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string TlsSession::version_text() const {
  return std::string(SSL_get_version(ssl_.get())) + "/" + SSL_get_cipher_name(ssl_.get());
}

std::string TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  const std::span bytes(name, size);
  return {bytes.begin(), bytes.end()};
}

}  // namespace wire
