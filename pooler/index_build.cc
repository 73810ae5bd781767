#include "pooler/index_build.h"

#include <fmt/core.h>

#include <optional>
#include <string_view>
#include <utility>

#include "base/loop.h"
#include "base/ticket.h"

namespace pooler {
namespace {

constexpr base::Duration kQuestion = std::chrono::seconds(10);
constexpr base::Duration kStopTick = std::chrono::milliseconds(200);
constexpr int kTicksOfProgress = 5;

constexpr std::string_view kStateSql =
    "SELECT i.indisvalid, EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
    " FROM pg_catalog.pg_index i WHERE i.indexrelid = pg_catalog.to_regclass($1)";
constexpr std::string_view kProgressSql =
    "SELECT p.phase, CASE WHEN p.blocks_total > 0 THEN 100 * p.blocks_done / p.blocks_total"
    " WHEN p.tuples_total > 0 THEN 100 * p.tuples_done / p.tuples_total END"
    " FROM pg_catalog.pg_stat_progress_create_index p WHERE p.pid = $1::pg_catalog.int4";

enum class Found { kNothing, kInvalid, kBeingBuilt, kValid };

class Build {
 public:
  Build(wire::Resolver& resolver, const wire::PgClientSettings& settings, const analyzer::IndexShape& shape,
        const std::function<void(std::string)>& progress, const std::atomic<bool>& stopping)
      : shape_(shape),
        name_(analyzer::qualified_name(shape.schema, analyzer::index_name(shape))),
        progress_(progress),
        stopping_(stopping),
        maker_(loop_, resolver, settings),
        watcher_(loop_, resolver, settings),
        timer_(loop_, [this] { tick(); }) {}

  base::Status run() {
    timer_.every(kStopTick);
    TRY(const Found found, look());
    if (found == Found::kValid)
      return base::Error{"42P07", fmt::format("there is an index {} already", name_), {}, {}};
    if (found == Found::kBeingBuilt) return base::object_in_use(fmt::format("somebody else is building {}", name_));
    if (found == Found::kInvalid) TRY_STATUS(drop());
    TRY(const wire::PgRows own, ask("SELECT pg_catalog.pg_backend_pid()", {}, kQuestion));
    if (!own.rows.empty()) pid_ = own.rows[0][0];
    const auto created = ask(analyzer::create_statement(shape_), {}, kIndexBuildMax);
    pid_.reset();
    if (stopping_) return base::admin_shutdown("Weir is shutting down; PostgreSQL may finish the index");
    const auto after = look();
    if (after.ok() && *after == Found::kInvalid) {
      const base::Status dropped = drop();
      if (!created.ok())
        return base::with_hint(created.error(), dropped.ok() ? "The invalid index that it left behind was removed."
                                                             : fmt::format("It left {} behind, invalid.", name_));
    }
    if (!created.ok()) return created.error();
    TRY_STATUS(after);
    if (*after != Found::kValid) return base::internal_error(fmt::format("{} was created and is not valid", name_));
    return base::Ok{};
  }

 private:
  base::Result<wire::PgRows> ask(std::string sql, wire::PgClient::Params params, base::Duration patience) {
    if (stopping_) return base::admin_shutdown("Weir is shutting down");
    auto answer = wire::query_and_wait(loop_, maker_, std::move(sql), std::move(params), patience);
    if (!answer) return base::admin_shutdown("Weir is shutting down");
    return *std::move(answer);
  }

  base::Result<Found> look() {
    TRY(const wire::PgRows seen, ask(std::string(kStateSql), {name_}, kQuestion));
    if (seen.rows.empty()) return Found::kNothing;
    if (seen.rows[0][0] == "t") return Found::kValid;
    return seen.rows[0][1] == "t" ? Found::kBeingBuilt : Found::kInvalid;
  }

  base::Status drop() {
    const auto dropped = ask("DROP INDEX CONCURRENTLY IF EXISTS " + name_, {}, kIndexBuildMax);
    return dropped.ok() ? base::Status(base::Ok{}) : base::Status(dropped.error());
  }

  void tick() {
    if (stopping_) return loop_.stop();
    if (!pid_ || !watcher_.idle() || ++ticks_ % kTicksOfProgress != 0) return;
    watching_ = watcher_.query(std::string(kProgressSql), {*pid_}, kQuestion, [this](base::Result<wire::PgRows> rows) {
      if (!rows.ok() || rows->rows.empty()) return;
      const auto& row = rows->rows[0];
      progress_(row[0].value_or("") + (row[1] ? ", " + *row[1] + " %" : ""));
    });
  }

  const analyzer::IndexShape& shape_;
  const std::string name_;
  const std::function<void(std::string)>& progress_;
  const std::atomic<bool>& stopping_;
  base::EventLoop loop_;
  wire::PgClient maker_, watcher_;
  base::Timer timer_;
  base::Ticket watching_;
  std::optional<std::string> pid_;  // of the server process that builds, while it does
  int ticks_ = 0;
};

}  // namespace

base::Status build_index(wire::Resolver& resolver, const wire::PgClientSettings& settings, const analyzer::IndexShape& shape,
                         const std::function<void(std::string)>& progress, const std::atomic<bool>& stopping) {
  return Build(resolver, settings, shape, progress, stopping).run();
}

}  // namespace pooler
