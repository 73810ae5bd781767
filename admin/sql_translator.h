#pragma once
// Translator: the walk over a parse tree that translate() makes; sql_select.cc has the statements, sql_expression.cc
// what stands in them, sql_functions.cc the functions.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/sql_query.h"
#include "analyzer/tree.h"

namespace admin {

// One expression: what SQLite reads, and what is known of it.
struct Expr {
  std::string sql;
  std::optional<Type> type{};            // none: a text in quotes, NULL, or a parameter that nobody has typed yet
  std::string name{};                    // of the column that it makes; empty: PostgreSQL calls it ?column?
  bool weak_name = false;                // that of a cast's type: a better one goes before it
  std::optional<std::string> literal{};  // the text in quotes
  int parameter = 0;                     // n of $n
  std::string ungrouped{};               // a column in it that is neither grouped by nor aggregated
  bool aggregate = false;                // calls an aggregate function
};

class Translator {
 public:
  // `text` is what the tree was made of; it and the context outlive the walk.
  Translator(std::string_view text, const QueryContext& context, std::span<const wire::Oid> declared);

  base::Result<Query> query(analyzer::Node select);

 private:
  // A column that can be named, with the text that stands for it in SQLite.
  struct Column {
    std::string name;
    Type type = Type::kText;
    std::string sql;
  };
  struct Relation {
    std::string alias;
    std::vector<Column> columns{};
  };
  // What a SELECT's names can mean. Lives as long as its SELECT is walked over.
  struct Scope {
    const Scope* outer = nullptr;
    std::vector<Relation> relations{};  // for alias.column
    std::vector<Column> columns{};      // for column and for *, in order; what USING merges is there once
    std::vector<std::string> keys{};    // of GROUP BY
  };
  // A SELECT that was translated.
  struct Selected {
    std::string sql;
    std::vector<ColumnInfo> columns;
  };
  struct Common {  // one WITH query
    std::string name, sql_name;
    std::vector<ColumnInfo> columns;
  };
  using Node = analyzer::Node;
  using Hook = std::function<void(const std::vector<ColumnInfo>&)>;

  // ---- sql_select.cc ----
  base::Result<Selected> select(Node node, const Scope* outer, const Hook& on_left = {});
  base::Result<Selected> plain_select(Node node, const Scope* outer);
  base::Result<Selected> values(Node node, const Scope* outer);
  base::Result<Selected> set_operation(Node node, const Scope* outer, const Hook& on_left);
  base::Result<std::string> operand(Node node, const Scope* outer, bool right, std::vector<ColumnInfo>& columns);
  base::Result<std::string> with_clause(Node node, const Scope* outer);
  base::Result<std::string> order_of_set(Node node, const std::vector<ColumnInfo>& columns);
  base::Result<std::string> order_by(Node list, const Scope& scope, const std::vector<ColumnInfo>* outputs,
                                     std::vector<Expr>* used);
  base::Result<std::string> limits(Node node, const Scope* outer);
  base::Result<std::string> from_item(Node node, Scope& scope, std::vector<Column>& columns);
  base::Result<std::string> from_table(Node table, Scope& scope, std::vector<Column>& columns);
  base::Result<std::string> from_select(Node item, Scope& scope, std::vector<Column>& columns);
  base::Result<std::string> from_join(Node join, Scope& scope, std::vector<Column>& columns);
  base::Result<std::string> join_using(const std::vector<std::string>& names, bool full, bool right,
                                       std::vector<Column>& left, std::vector<Column>& other);
  base::Status add_relation(Scope& scope, Relation relation);
  base::Result<std::vector<Expr>> targets(Node node, Scope& scope, std::vector<std::string>& keys);
  base::Result<Expr> condition(Node node, const Scope& scope, std::string_view where);

  // ---- sql_expression.cc ----
  base::Result<Expr> expression(Node node, const Scope& scope);
  base::Result<Expr> any_expression(Node node, const Scope& scope);
  base::Result<Expr> column(Node node, const Scope& scope);
  base::Result<Expr> named_column(const std::string& name, const Scope& scope);
  base::Result<std::optional<Expr>> find_column(const std::string& name, const Scope& scope);
  base::Result<Expr> constant(Node node);
  base::Result<Expr> parameter(int64_t number);
  base::Result<Expr> operation(Node node, const Scope& scope);
  base::Result<Expr> binary(std::string_view name, Expr left, Expr right);
  base::Result<Expr> arithmetic(std::string_view name, Expr left, Expr right);
  base::Result<Expr> comparison(std::string_view name, Expr left, Expr right);
  base::Result<Expr> like(Node node, const Scope& scope, bool ignore_case);
  base::Result<Expr> membership(Node node, const Scope& scope);
  base::Result<Expr> between(Node node, const Scope& scope, bool is_not);
  base::Result<Expr> boolean(Node node, const Scope& scope);
  base::Result<Expr> case_of(Node node, const Scope& scope);
  base::Result<Expr> sublink(Node node, const Scope& scope);
  base::Result<Expr> value_function(Node node, const Scope& scope);
  base::Result<std::vector<Expr>> expressions(Node list, const Scope& scope);

  // ---- sql_types.cc ----
  base::Result<Expr> cast(Expr value, Type type);                      // as written
  base::Status coerce(Expr& value, Type type, std::string_view what);  // where a type is expected
  base::Result<Type> common_type(std::vector<Expr>& values, std::string_view what);
  void assume(Expr& value, Type type);  // of a parameter without one

  // ---- sql_functions.cc ----
  base::Result<Expr> call(Node node, const Scope& scope);
  base::Result<Expr> percentile(Node node, const Scope& scope, const std::string& name);
  base::Result<std::string> window(Node node, const Scope& scope, Expr& result);

  const std::string_view text_;
  const QueryContext& context_;
  Query query_;
  std::vector<std::optional<Type>> parameters_;
  std::vector<Common> commons_;  // in sight, the nearest last
  int names_ = 0;                // given so far
};

// What several of these files say.
std::string sql_text(std::string_view text);        // 'it''s'
std::string output_name(std::size_t index);         // c1
std::string output_list(std::size_t count);         // c1, c2, ...
std::string list_of(const std::vector<std::string>& parts);  // parted by commas
std::string list_of(std::span<const Expr> values);
std::string last_name(analyzer::Node list);         // of a list of String nodes
void absorb(Expr& into, const Expr& part);          // what a part says of the whole
std::string_view type_word(const std::optional<Type>& type);  // in messages
bool numeric(const std::optional<Type>& type);
base::Result<Type> type_named(analyzer::Node type_name);
std::string text_of_any(const Expr& value);         // as PostgreSQL's ::text
base::Error unsupported(std::string_view what);     // 0A000

}  // namespace admin
