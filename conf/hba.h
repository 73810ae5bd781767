#pragma once
// Host-based authentication, with the meaning PostgreSQL 15 gives pg_hba.conf and pg_ident.conf (manual,
// chapters 21.1 and 21.2): the first rule that matches a connection decides, and no rule means refused.
//
// Pure: files are read by conf/load.cc, and every fact about a connection comes in with HbaConnection.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/address.h"
#include "conf/secrets.h"

namespace conf {

enum class HbaType { kLocal, kHost, kHostSsl, kHostNoSsl, kHostGssEnc, kHostNoGssEnc };
enum class HbaMethod { kTrust, kReject, kMd5, kScram, kPassword, kCert, kPeer, kPam, kLdap };
enum class ClientCert { kNotAsked, kVerifyCa, kVerifyFull };

// One entry of a database or user list.
struct HbaName {
  enum class Kind {
    kName,         // exactly this name (also any quoted keyword)
    kAll,          // all
    kSameUser,     // database has the user's name
    kReplication,  // physical replication connections
  };
  Kind kind = Kind::kName;
  std::string name;
  bool operator==(const HbaName&) const = default;
};

struct HbaRule {
  int line = 0;  // where it stands in the file, for messages
  HbaType type = HbaType::kLocal;
  std::vector<HbaName> databases;
  std::vector<HbaName> users;
  enum class Addresses { kAny, kNetwork, kSameHost, kSameNet };
  Addresses addresses = Addresses::kAny;  // unused for local
  Cidr network;                           // with kNetwork
  HbaMethod method = HbaMethod::kReject;
  std::string map;                                           // map=, empty for none
  ClientCert clientcert = ClientCert::kNotAsked;             // clientcert=
  std::vector<std::pair<std::string, std::string>> options;  // the others: ldapserver=, pamservice=, ...

  std::string_view option(std::string_view name) const;  // empty if absent
  bool operator==(const HbaRule&) const = default;
};

// An interface of this machine, for samehost and samenet.
struct HostNetwork {
  IpAddress address;
  Cidr network;
};

struct HbaConnection {
  std::optional<IpAddress> address;  // nothing for a Unix socket
  bool tls = false;
  bool physical_replication =
      false;  // replication=true; logical replication names a database and counts as one
  std::string_view database;
  std::string_view user;
  std::span<const HostNetwork> host_networks{};
};

struct Hba {
  std::vector<HbaRule> rules;

  // The first rule that applies, or null: the connection is refused. Lives as long as this Hba.
  const HbaRule* match(const HbaConnection& connection) const;
  bool operator==(const Hba&) const = default;
};

// How the parser gets at @file lists: the text of a file named beside the HBA file, or nothing.
class HbaFiles {
 public:
  virtual ~HbaFiles() = default;
  virtual std::optional<std::string> read(std::string_view name) const = 0;
};

// Wrong lines become problems; the rules of the others are still returned.
Hba parse_hba(std::string_view text, const HbaFiles& files, std::vector<TextProblem>& problems);

// One line of pg_ident.conf.
class IdentPattern;  // a compiled regular expression, in ident.cc

struct IdentRule {
  std::string system_user;                      // as written; a leading / marks a regular expression
  std::shared_ptr<const IdentPattern> pattern;  // null for a plain name
  std::string database_user;                    // may hold \1, the first group of the pattern

  // The pattern follows from system_user.
  bool operator==(const IdentRule& other) const {
    return system_user == other.system_user && database_user == other.database_user;
  }
};

struct IdentMaps {
  std::map<std::string, std::vector<IdentRule>, std::less<>> maps;

  // May the person the system knows as `system_user` log in as `database_user`? An empty map name asks for
  // equal names.
  bool allows(std::string_view map, std::string_view system_user, std::string_view database_user) const;
  bool operator==(const IdentMaps&) const = default;
};

IdentMaps parse_ident(std::string_view text, std::vector<TextProblem>& problems);

}  // namespace conf
