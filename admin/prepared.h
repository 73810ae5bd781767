#pragma once
// Prepared statements and portals of one console session: the extended protocol's memory, bounded.

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/commands.h"
#include "admin/run.h"
#include "base/result.h"
#include "wire/frontend.h"
#include "wire/types.h"

namespace admin {

// Far above what a driver prepares against a console; together they bound what one session can hold.
inline constexpr std::size_t kMaxPrepared = 256;
inline constexpr std::size_t kMaxPortals = 64;
inline constexpr std::size_t kMaxPreparedBytes = 1024 * 1024;  // of text and names, over all of them
// Portals of SELECTs with rows still to come. Each may hold an answer of SqlLimits::answer_bytes.
inline constexpr std::size_t kMaxOpenAnswers = 4;

struct Prepared {
  Statement statement;                     // empty: an empty query
  std::optional<Invocation> invocation{};  // none for an empty query
  std::vector<wire::Oid> parameter_types{};
  std::vector<ColumnInfo> columns{};
  std::size_t bytes = 0;  // what it counts against kMaxPreparedBytes
};

struct Portal {
  std::optional<Invocation> invocation{};  // none for an empty query
  std::vector<ColumnInfo> columns{};
  std::vector<wire::Format> formats{};  // none, one, or one per column
  std::optional<Reply> reply{};         // since it ran
  std::size_t next_row = 0;
};

class PreparedSet {
 public:
  PreparedSet() = default;
  explicit PreparedSet(QueryContext context) : context_(std::move(context)) {}

  // Prepares what a Parse asks for. 42601, 42P05, 54000.
  base::Status parse(const wire::Parse& message);
  // Makes a portal of a statement. 26000, 42P03, 08P01, 22023, 22P03, 54000.
  base::Status bind(const wire::Bind& message);

  // Null if there is none.
  const Prepared* statement(std::string_view name) const;
  Portal* portal(std::string_view name);
  // How many portals of SELECTs hold rows.
  std::size_t open_answers() const;

  // Closing what is not there is no error.
  void close_statement(std::string_view name);
  void close_portal(std::string_view name);
  void close_all_statements();
  void close_all_portals() { portals_.clear(); }

  // From now on views are those with legacy columns, or not.
  void use_legacy_columns(bool wanted) { context_.legacy_columns = wanted; }
  // understand(), with the view this session gets; and translate(), of what understand() leaves to it. `text` is the
  // statement's own, `declared` the types of its parameters.
  base::Result<Invocation> understand_here(const Statement& statement, std::string_view text,
                                           std::span<const wire::Oid> declared = {}) const;

 private:
  std::map<std::string, Prepared, std::less<>> statements_;
  std::map<std::string, Portal, std::less<>> portals_;
  std::size_t bytes_ = 0;
  QueryContext context_;
};

base::Error no_such_statement(std::string_view name);  // 26000
base::Error no_such_portal(std::string_view name);     // 34000

}  // namespace admin
