#include "admin/prepared.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/sql_parameters.h"
#include "base/text.h"

namespace admin {

namespace {

constexpr wire::Oid kText{25}, kInt2{21}, kInt4{23}, kInt8{20};
// Parameters of one statement: no console command has more than one.
constexpr std::size_t kMaxParameters = 16;

base::Error limit(std::string message) { return {"54000", std::move(message), {}, {}}; }

// The declared types, text where the client leaves the choice to us, one for each $n that occurs.
base::Result<std::vector<wire::Oid>> parameter_types(const Statement& statement, const wire::Parse& message) {
  std::vector<wire::Oid> types = message.parameter_types;
  for (const Token& token : statement) {
    if (token.kind != Token::Kind::kParameter) continue;
    const auto number = base::parse_int(token.text);
    if (!number || *number < 1 || *number > static_cast<int64_t>(kMaxParameters)) {
      return base::Error{"42P02", fmt::format("there is no parameter ${}", token.text.substr(0, 20)), {}, {}};
    }
    types.resize(std::max(types.size(), static_cast<std::size_t>(*number)));
  }
  std::replace(types.begin(), types.end(), wire::Oid{}, kText);
  return types;
}

// The same for a SELECT, which knows what it takes each one for.
std::vector<wire::Oid> parameter_types(const Query& query, const wire::Parse& message) {
  std::vector<wire::Oid> types = message.parameter_types;
  types.resize(query.parameters.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == wire::Oid{}) types[i] = oid_of(query.parameters[i]);
  }
  return types;
}

// A parameter as the text it stands for. Integers may come in binary; every other type is its text.
base::Result<std::string> parameter_text(std::string_view value, wire::Oid type, wire::Format format) {
  if (format == wire::Format::kText) return std::string(value);
  wire::Reader reader(value);
  std::string text;
  if (type == kInt2) {
    text = fmt::to_string(reader.i16());
  } else if (type == kInt4) {
    text = fmt::to_string(reader.i32());
  } else if (type == kInt8) {
    const uint64_t high = reader.u32();
    text = fmt::to_string(static_cast<int64_t>((high << 32) | reader.u32()));
  } else {
    text = std::string(reader.rest());
  }
  if (!reader.finish().ok()) {
    return base::Error{"22P03", "incorrect binary data format in bind parameter", {}, {}};
  }
  return text;
}

base::Status check_formats(const std::vector<wire::Format>& formats) {
  for (wire::Format format : formats) {
    if (format != wire::Format::kText && format != wire::Format::kBinary) {
      return base::invalid_parameter(fmt::format("unsupported format code: {}", static_cast<int>(format)));
    }
  }
  return base::Ok{};
}

base::Status check_counts(const wire::Bind& message, const Prepared& prepared) {
  const std::size_t values = message.values.size();
  if (message.formats.size() > 1 && message.formats.size() != values) {
    return base::protocol_violation(fmt::format("bind message has {} parameter formats but {} parameters",
                                                message.formats.size(), values));
  }
  if (values != prepared.parameter_types.size()) {
    return base::protocol_violation(
        fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" requires {}", values,
                    std::string_view(message.statement), prepared.parameter_types.size()));
  }
  const std::size_t results = message.results.size();
  if (results > 1 && results != prepared.columns.size()) {
    return base::protocol_violation(fmt::format("bind message has {} result formats but query has {} columns",
                                                results, prepared.columns.size()));
  }
  return base::Ok{};
}

wire::Format format_of(const wire::Bind& message, std::size_t parameter) {
  if (message.formats.empty()) return wire::Format::kText;
  return message.formats.size() == 1 ? message.formats[0] : message.formats[parameter];
}

// The values of a SELECT's parameters.
base::Result<std::vector<Cell>> values_of(const wire::Bind& message, const Prepared& prepared) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < message.values.size(); ++i) {
    TRY(Cell cell, parameter_cell(message.values[i], prepared.parameter_types[i],
                                  prepared.invocation->query->parameters[i], format_of(message, i)));
    cells.push_back(std::move(cell));
  }
  return cells;
}

// The statement with its parameters in place, as texts.
base::Result<Statement> with_values(const wire::Bind& message, const Prepared& prepared) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < message.values.size(); ++i) {
    if (!message.values[i]) return base::Error{"22004", "a console command takes no NULL", {}, {}};
    TRY(std::string text, parameter_text(*message.values[i], prepared.parameter_types[i], format_of(message, i)));
    texts.push_back(std::move(text));
  }
  Statement statement = prepared.statement;
  for (Token& token : statement) {
    if (token.kind != Token::Kind::kParameter) continue;
    const auto number = static_cast<std::size_t>(base::parse_int(token.text).value_or(0));
    token = {.kind = Token::Kind::kText, .text = texts.at(number - 1)};
  }
  return statement;
}

}  // namespace

base::Error no_such_statement(std::string_view name) {
  return {"26000", fmt::format("prepared statement \"{}\" does not exist", name), {}, {}};
}

base::Error no_such_portal(std::string_view name) {
  return {"34000", fmt::format("portal \"{}\" does not exist", name), {}, {}};
}

base::Result<Invocation> PreparedSet::understand_here(const Statement& statement, std::string_view text,
                                                      std::span<const wire::Oid> declared) const {
  auto invocation = understand(statement);
  if (invocation.ok()) {
    if (invocation->view != nullptr && context_.legacy_columns) invocation->view = with_legacy_columns(invocation->view);
    return invocation;
  }
  if (!may_be_select(statement)) return invocation;
  auto query = translate(text, context_, declared);
  if (query.ok()) {
    return Invocation{.command = Command::kSelect, .query = std::make_shared<const Query>(*std::move(query))};
  }
  // SELECT view means SHOW view, so a word alone is a view that is not there.
  const bool meant_a_view = statement.size() == 2 && query.error().sqlstate == "42703";
  return meant_a_view ? std::move(invocation).error() : std::move(query).error();
}

base::Status PreparedSet::parse(const wire::Parse& message) {
  const std::string_view name = message.name;
  if (name.empty()) close_statement(name);  // the unnamed one is gone even when the new one is wrong
  TRY(std::vector<Statement> parsed, admin::parse(message.sql));
  if (parsed.size() > 1) return base::syntax_error("cannot insert multiple commands into a prepared statement");

  Prepared prepared{.statement = parsed.empty() ? Statement() : std::move(parsed.front())};
  if (!prepared.statement.empty()) {
    const std::string_view text = text_of(prepared.statement, message.sql);
    TRY(prepared.invocation, understand_here(prepared.statement, text, message.parameter_types));
    prepared.columns = columns_of(*prepared.invocation);
  }
  if (prepared.invocation && prepared.invocation->query) {
    prepared.parameter_types = parameter_types(*prepared.invocation->query, message);
  } else {
    TRY(prepared.parameter_types, parameter_types(prepared.statement, message));
  }
  prepared.bytes = name.size() + message.sql.size();

  if (statements_.contains(name)) {
    return base::Error{"42P05", fmt::format("prepared statement \"{}\" already exists", name), {}, {}};
  }
  if (statements_.size() >= kMaxPrepared || bytes_ + prepared.bytes > kMaxPreparedBytes) {
    return limit("too many prepared statements in this console session");
  }
  bytes_ += prepared.bytes;
  statements_.emplace(std::string(name), std::move(prepared));
  return base::Ok{};
}

base::Status PreparedSet::bind(const wire::Bind& message) {
  const Prepared* prepared = statement(message.statement);
  if (prepared == nullptr) return no_such_statement(message.statement);
  TRY_STATUS(check_counts(message, *prepared));
  TRY_STATUS(check_formats(message.formats));
  TRY_STATUS(check_formats(message.results));
  const std::string_view name = message.portal;
  if (name.empty()) close_portal(name);
  if (portals_.contains(name)) {
    return base::Error{"42P03", fmt::format("cursor \"{}\" already exists", name), {}, {}};
  }
  if (portals_.size() >= kMaxPortals) return limit("too many portals in this console session");

  Portal portal{.invocation = prepared->invocation, .columns = prepared->columns, .formats = message.results};
  if (portal.invocation && portal.invocation->query) {
    TRY(portal.invocation->values, values_of(message, *prepared));
  } else if (!message.values.empty()) {
    TRY(const Statement statement, with_values(message, *prepared));
    TRY(portal.invocation, understand_here(statement, {}));
  }
  portals_.emplace(std::string(name), std::move(portal));
  return base::Ok{};
}

const Prepared* PreparedSet::statement(std::string_view name) const {
  const auto found = statements_.find(name);
  return found == statements_.end() ? nullptr : &found->second;
}

Portal* PreparedSet::portal(std::string_view name) {
  const auto found = portals_.find(name);
  return found == portals_.end() ? nullptr : &found->second;
}

std::size_t PreparedSet::open_answers() const {
  return static_cast<std::size_t>(std::count_if(portals_.begin(), portals_.end(), [](const auto& entry) {
    const Portal& one = entry.second;
    return one.invocation && one.invocation->query && one.reply && one.reply->table && !one.reply->table->rows.empty();
  }));
}

void PreparedSet::close_statement(std::string_view name) {
  const auto found = statements_.find(name);
  if (found == statements_.end()) return;
  bytes_ -= found->second.bytes;
  statements_.erase(found);
}

void PreparedSet::close_portal(std::string_view name) {
  const auto found = portals_.find(name);
  if (found != portals_.end()) portals_.erase(found);
}

void PreparedSet::close_all_statements() {
  statements_.clear();
  bytes_ = 0;
}

}  // namespace admin
