#pragma once
// What is known of a user's password, and the user list file (userlist.txt) that says it.
//
// A stored secret is one of PostgreSQL's own forms, as pg_authid.rolpassword holds them: a SCRAM-SHA-256
// verifier, an md5 hash, or the password itself.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "conf/secret.h"

namespace conf {

struct NoSecret {
  bool operator==(const NoSecret&) const = default;
};
struct PlainSecret {
  Secret password;
  bool operator==(const PlainSecret&) const = default;
};
struct Md5Secret {
  Secret hash;  // "md5" and 32 lower-case hex digits: md5(password + user name)
  bool operator==(const Md5Secret&) const = default;
};
struct ScramVerifier {
  int iterations = 0;
  std::string salt;   // decoded
  Secret stored_key;  // 32 bytes, decoded
  Secret server_key;  // 32 bytes, decoded
  bool operator==(const ScramVerifier&) const = default;
};
using UserSecret = std::variant<NoSecret, PlainSecret, Md5Secret, ScramVerifier>;

// Recognises the form. What is not a well-formed verifier or hash is a plain password, as in PostgreSQL; an
// empty text is NoSecret.
UserSecret parse_secret(std::string_view text);

// The users of userlist.txt.
struct UserList {
  std::map<std::string, UserSecret, std::less<>> users;

  const UserSecret* find(std::string_view user) const;
  bool operator==(const UserList&) const = default;
};

// A line of a file that is wrong, for the list of problems. `line` and `column` count from 1.
struct TextProblem {
  int line = 0;
  int column = 0;
  std::string message;
  bool operator==(const TextProblem&) const = default;
};

// Lines of "user" "secret" with "" for a quote inside; ; and # start comments. Wrong lines become problems
// and the rest is still read. Never quotes a secret in a problem.
UserList parse_userlist(std::string_view text, std::vector<TextProblem>& problems);

}  // namespace conf
