#pragma once
// TLS on a socket, both roles. All of OpenSSL's protocol side is behind this header.
//
// A TlsContext is what a configuration says: certificate, key, authorities, protocols. It is immutable and shared;
// a reload builds a new one, and connections keep the one they began with. Building reads files: not on a loop.
//
// A TlsSession is one connection's TLS over a non-blocking descriptor that it borrows. It never waits: it says what
// the socket must be ready for before the same call can go on.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"
#include "wire/tls_settings.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_store_ctx_st;

namespace wire {

void free_ssl_ctx(ssl_ctx_st* context);
void free_ssl(ssl_st* ssl);

enum class TlsRole { kServer, kClient };

class TlsContext {
 public:
  // For connections that clients make to us: needs a certificate and its key. Clients must show a certificate where
  // the mode is verify-ca or verify-full; where it is less and there is a ca_file, one that is shown is checked,
  // and counts only if it is good.
  static base::Result<std::shared_ptr<const TlsContext>> for_clients(const TlsSettings& settings);
  // For our connections to PostgreSQL, which is checked as the mode says. verify-ca and verify-full without a ca_file
  // believe the system's authorities.
  static base::Result<std::shared_ptr<const TlsContext>> for_servers(const TlsSettings& settings);

  conf::TlsMode mode() const { return settings_.mode; }
  TlsRole role() const { return role_; }
  const TlsSettings& settings() const { return settings_; }

 private:
  friend class TlsSession;
  TlsContext(TlsRole role, TlsSettings settings);
  base::Status load();
  base::Status load_identity();
  base::Status load_authorities();
  base::Status set_protocols();
  base::Status set_ciphers();

  TlsRole role_;
  TlsSettings settings_;
  base::Handle<ssl_ctx_st, free_ssl_ctx> context_;
  std::string channel_binding_;  // of our certificate; the server's role
};
using TlsContextPtr = std::shared_ptr<const TlsContext>;

enum class TlsIo {
  kDone,
  kWantRead,   // call again when the socket is readable
  kWantWrite,  // call again when it is writable
  kClosed,     // the other side said goodbye
  kError       // error() says what
};
struct TlsResult {
  TlsIo io = TlsIo::kError;
  std::size_t bytes = 0;
};

class TlsSession {
 public:
  // We are the server.
  static base::Result<std::unique_ptr<TlsSession>> accept(TlsContextPtr context, int fd);
  // We are the client. `server_name` is what we connected to: it is sent along (SNI) unless it is an address, and
  // verify-full demands that the certificate is made out to it.
  static base::Result<std::unique_ptr<TlsSession>> connect(TlsContextPtr context, int fd, std::string server_name);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  TlsResult handshake();
  TlsResult read(char* into, std::size_t room);
  TlsResult write(std::string_view bytes);
  // Received and decrypted, but not read yet: the socket will not become readable for these.
  bool buffered() const;
  // Says goodbye without waiting for an answer.
  void shutdown();

  // What went wrong last; empty after a plain end of file.
  const std::string& error() const { return error_; }

  // The binding data of SCRAM-SHA-256-PLUS, tls-server-end-point (RFC 5929, section 4). Empty when the certificate's
  // signature has no hash to go by.
  std::string channel_binding() const;
  // The other side showed a certificate, and it was found good.
  bool has_peer_certificate() const;
  std::string peer_common_name() const;  // empty if there is none, several, or one with a NUL in it
  std::string peer_dn() const;           // RFC 2253: CN=alice,O=Example
  std::string version_text() const;      // "TLSv1.3/TLS_AES_256_GCM_SHA384"
  std::string alpn() const;              // "postgresql" or empty

 private:
  TlsSession(TlsContextPtr context, ssl_st* ssl, std::string server_name);
  static base::Result<std::unique_ptr<TlsSession>> make(TlsContextPtr context, int fd, std::string server_name);
  TlsResult outcome(int returned, int system_error);
  base::Status check_server_name() const;
  // OpenSSL's word on a certificate, in the modes that go on without a good one.
  static int note_distrust(int verified, x509_store_ctx_st* store);
  friend class TlsContext;

  TlsContextPtr context_;
  base::Handle<ssl_st, free_ssl> ssl_;
  std::string server_name_;
  std::string error_;
  bool distrusted_ = false;  // the peer's certificate did not pass, in a mode that does not insist
  bool broken_ = false;      // after such an error not even a goodbye may be sent
};

}  // namespace wire
