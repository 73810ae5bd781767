#include "pooler/catalogue_rows.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "analyzer/functions.h"
#include "base/text.h"

namespace pooler {
namespace {

// Characters of a piece of a body, and pieces in a page: at most four bytes a character, that stays below what a
// SideConnection reads.
constexpr int kPieceSize = 16384;
constexpr std::size_t kPageMax = 200;

// Where nobody defines functions of his own.
constexpr std::string_view kOwnSchemas =
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'";

// Functions of PostgreSQL's own with effects, as a condition on pg_proc. Nearly every default calls nextval(); that is
// seen otherwise.
std::string known_names() {
  std::string condition = "p.proname = 'pg_notify'";
  for (const analyzer::KnownFunction& known : analyzer::known_functions()) {
    if (known.effects.without(analyzer::Effect::kSequenceMade).empty()) continue;
    std::string_view name = known.name;
    const bool prefix = name.ends_with('*');
    if (prefix) name.remove_suffix(1);
    condition += prefix ? fmt::format(" OR pg_catalog.starts_with(p.proname, {})", base::quote_literal(name))
                        : fmt::format(" OR p.proname = {}", base::quote_literal(name));
  }
  return condition;
}

template <typename Number>
std::optional<Number> number(const std::optional<std::string>& text) {
  Number value{};
  if (!text) return std::nullopt;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (problem != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

base::Error unexpected() { return base::protocol_violation("the catalogue was not answered as it was asked"); }

}  // namespace

std::string fingerprint_query() {
  // Each row's oid and the transaction that wrote it, of all that the other queries read.
  const auto part = [](std::string_view table, std::string_view id, std::string_view where = "true") {
    return fmt::format(
        "(SELECT count(*) || ':' || coalesce(sum(pg_catalog.hashtext({}::text || ' ' || x.xmin::text)), 0) "
        "FROM pg_catalog.{} x WHERE {})",
        id, table, where);
  };
  return "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.concat_ws('/', " +
         part("pg_proc", "x.oid") + ", " + part("pg_trigger", "x.oid") + ", " + part("pg_rewrite", "x.oid") + ", " +
         part("pg_attrdef", "x.oid") + ", " + part("pg_policy", "x.oid") + ", " +
         part("pg_constraint", "x.oid", "x.contype IN ('c', 'f')") + ", " + part("pg_event_trigger", "x.oid") + ", " +
         part("pg_namespace", "x.oid") + ", " + part("pg_inherits", "x.inhrelid") + ", " +
         part("pg_class", "x.oid || x.relname", "x.relhastriggers OR x.relhasrules OR x.relrowsecurity") + ")";
}

std::string functions_query(int server_version, const FunctionsPage& after) {
  // Bodies in standard SQL have no text of their own (PostgreSQL 14).
  const std::string_view source =
      server_version >= 140000
          ? "CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_catalog.pg_get_function_sqlbody(p.oid) END"
          : "p.prosrc";
  return fmt::format(
      "SELECT p.oid, n.nspname, p.proname, l.lanname, p.prokind = 'p', g.piece, "
      "pg_catalog.substr(s.source, g.piece * {0} + 1, {0}) "
      "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
      "JOIN pg_catalog.pg_language l ON l.oid = p.prolang "
      "CROSS JOIN LATERAL (SELECT {1} AS source OFFSET 0) s "
      "CROSS JOIN LATERAL pg_catalog.generate_series(0, greatest(pg_catalog.length(s.source) - 1, 0) / {0}) g(piece) "
      "WHERE p.oid >= {2} AND (p.oid, g.piece) > ({2}, {3}) AND l.lanname NOT IN ('c', 'internal') AND {4} "
      "ORDER BY p.oid, g.piece LIMIT {5}",
      kPieceSize, source, after.oid, after.piece, kOwnSchemas, kPageMax);
}

std::string uses_query() {
  return fmt::format(
      // Expressions that run when a relation is read or written.
      "WITH own AS (SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c "
      "  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {0}), "
      "expression AS ("
      "  SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass::oid AS classid, x.oid AS objid, x.adrelid AS relid, "
      "    true AS written, x.adbin::text AS node FROM pg_catalog.pg_attrdef x "
      "  UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, x.oid, x.conrelid, true, x.conbin::text "
      "    FROM pg_catalog.pg_constraint x WHERE x.contype = 'c' AND x.conrelid <> 0 "
      "  UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, x.oid, x.tgrelid, true, x.tgqual::text "
      "    FROM pg_catalog.pg_trigger x WHERE NOT x.tgisinternal AND x.tgqual IS NOT NULL "
      "  UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, x.oid, x.polrelid, false, "
      "    pg_catalog.concat(x.polqual::text, x.polwithcheck::text) FROM pg_catalog.pg_policy x "
      "  UNION ALL SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, x.oid, x.ev_class, "
      "    x.ev_type <> '1' OR o.relkind = 'm', pg_catalog.concat(x.ev_action::text, x.ev_qual::text) "
      "    FROM pg_catalog.pg_rewrite x JOIN own o ON o.oid = x.ev_class), "
      "used AS ("
      "  SELECT t.tgrelid AS relid, true AS written, t.tgfoid AS function FROM pg_catalog.pg_trigger t "
      "    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' "
      "  UNION SELECT e.relid, e.written, d.refobjid FROM expression e JOIN pg_catalog.pg_depend d "
      "    ON d.classid = e.classid AND d.objid = e.objid AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass "
      // Of PostgreSQL's own functions no dependency is kept; their oids stand in the expressions.
      "  UNION SELECT e.relid, e.written, m[1]::pg_catalog.oid FROM expression e CROSS JOIN LATERAL "
      "    pg_catalog.regexp_matches(e.node, (SELECT ':funcid (' || pg_catalog.string_agg(p.oid::text, '|') || ') ' "
      "      FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace "
      "      AND ({1})), 'g') m), "
      // Relations behind relations: views, rules, partitions and children, foreign keys that cascade.
      "behind AS ("
      "  SELECT x.ev_class AS relid, w.written, d.refobjid AS other FROM pg_catalog.pg_rewrite x "
      "    JOIN own o ON o.oid = x.ev_class "
      "    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = x.oid "
      "      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> x.ev_class "
      "    JOIN (VALUES (false), (true)) w(written) ON w.written OR (x.ev_type = '1' AND o.relkind <> 'm') "
      "  UNION SELECT i.inhparent, true, i.inhrelid FROM pg_catalog.pg_inherits i "
      "  UNION SELECT k.confrelid, true, k.conrelid FROM pg_catalog.pg_constraint k "
      "    WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))) "
      "SELECT 'f', o.nspname, o.relname, u.written, p.oid, n.nspname, p.proname "
      "  FROM used u JOIN own o ON o.oid = u.relid "
      "  JOIN pg_catalog.pg_proc p ON p.oid = u.function JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
      "UNION ALL SELECT 'r', o.nspname, o.relname, b.written, 0, t.nspname, t.relname FROM behind b "
      "  JOIN own o ON o.oid = b.relid JOIN own t ON t.oid = b.other "
      "UNION ALL SELECT 'd', '', '', true, p.oid, n.nspname, p.proname FROM pg_catalog.pg_event_trigger e "
      "  JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
      "  WHERE e.evtenabled <> 'D' "
      "LIMIT {2}",
      kOwnSchemas, known_names(), kUsesMax);
}

base::Result<Fingerprint> read_fingerprint(const wire::PgRows& rows) {
  if (rows.rows.size() != 1 || rows.rows[0].size() != 2 || !rows.rows[0][1]) return unexpected();
  const auto version = number<int>(rows.rows[0][0]);
  if (!version) return unexpected();
  return Fingerprint{*version, *rows.rows[0][1]};
}

base::Result<FunctionsPage> read_functions(const wire::PgRows& rows, CatalogueRows& into) {
  FunctionsPage page;
  std::size_t bytes = 0;
  for (const CatalogueFunction& function : into.functions) bytes += function.source.size();
  for (const auto& row : rows.rows) {
    if (row.size() != 7 || !row[1] || !row[2] || !row[3]) return unexpected();
    const auto oid = number<uint64_t>(row[0]);
    const auto piece = number<int>(row[5]);
    if (!oid || !piece) return unexpected();
    page.oid = *oid;
    page.piece = *piece;
    const std::string text = row[6].value_or("");
    bytes += text.size();
    if (*piece > 0) {
      // A piece whose beginning was dropped meanwhile belongs to nothing.
      if (!into.functions.empty() && into.functions.back().oid == *oid) into.functions.back().source += text;
    } else {
      into.functions.push_back({*oid, *row[1], *row[2], *row[3], row[4] == "t", text});
    }
  }
  page.more = rows.rows.size() == kPageMax && into.functions.size() < kFunctionsMax && bytes < kSourceBytesMax;
  return page;
}

base::Status read_uses(const wire::PgRows& rows, CatalogueRows& into) {
  for (const auto& row : rows.rows) {
    if (row.size() != 7 || !row[0] || !row[1] || !row[2] || !row[5] || !row[6]) return unexpected();
    const auto oid = number<uint64_t>(row[4]);
    if (!oid || row[0]->size() != 1) return unexpected();
    CatalogueUse use;
    use.who = *row[0] == "d" ? CatalogueUse::Who::kDdl : CatalogueUse::Who::kRelation;
    use.what = *row[0] == "r" ? CatalogueUse::What::kRelation : CatalogueUse::What::kFunction;
    use.schema = *row[1];
    use.name = *row[2];
    use.written = row[3] == "t";
    use.oid = *oid;
    use.other_schema = *row[5];
    use.other_name = *row[6];
    into.uses.push_back(std::move(use));
  }
  return base::Ok{};
}

}  // namespace pooler
