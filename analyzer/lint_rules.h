#pragma once
// The checks of the rules in lint.cc, by subject; and what they share.

#include <string>
#include <vector>

#include "analyzer/lint.h"

namespace analyzer::lint_rules {

using Hits = std::vector<LintHit>;

// lint_rules_wrong.cc: what it says is not what is meant.
void null_comparison(const LintContext& context, Hits& hits);
void not_in(const LintContext& context, Hits& hits);
void no_where(const LintContext& context, Hits& hits);
void limit_without_order(const LintContext& context, Hits& hits);
void cartesian(const LintContext& context, Hits& hits);
void idle_in_transaction(const LintContext& context, Hits& hits);
void long_transaction(const LintContext& context, Hits& hits);

// lint_rules_filter.cc: rows are found the long way.
void deep_offset(const LintContext& context, Hits& hits);
void function_on_column(const LintContext& context, Hits& hits);
void leading_wildcard(const LintContext& context, Hits& hits);
void cast_of_column(const LintContext& context, Hits& hits);
void or_over_tables(const LintContext& context, Hits& hits);
void random_order(const LintContext& context, Hits& hits);
void long_list(const LintContext& context, Hits& hits);

// lint_rules_shape.cc: more is asked for than is needed.
void star(const LintContext& context, Hits& hits);
void count_for_existence(const LintContext& context, Hits& hits);
void count_all(const LintContext& context, Hits& hits);
void unbounded(const LintContext& context, Hits& hits);
void distinct_join(const LintContext& context, Hits& hits);
void union_distinct(const LintContext& context, Hits& hits);
void correlated_select(const LintContext& context, Hits& hits);

// lint_rules_traffic.cc: it is run in a way that costs.
void insert_loop(const LintContext& context, Hits& hits);
void cacheable(const LintContext& context, Hits& hits);
void materialized_view(const LintContext& context, Hits& hits);
void partition(const LintContext& context, Hits& hits);
void old_statistics(const LintContext& context, Hits& hits);
void not_prepared(const LintContext& context, Hits& hits);

// ---- shared ----

// Comparisons of the statement, wherever they stand: A_Expr of the operators = <> < > <= >=, and IN.
std::vector<Node> comparisons(const LintText& text);
bool is_parameter(Node value);     // $n, or a cast of it
Node without_cast(Node value);
bool is_null(Node value);          // the word NULL
// "12,345"
std::string grouped(double number);
// The evidence, and what is true of all of the rule's findings.
LintHit hit(const LintContext& context, Node evidence, std::string note = {});

}  // namespace analyzer::lint_rules
