#include "pooler/pin_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "analyzer/redact.h"
#include "base/log.h"
#include "base/lru.h"

namespace pooler {
namespace {

const base::Logger log{"pins"};

}  // namespace

struct PinBook::Row {
  PinCountRow counts;  // its time is that of pins that have ended
  // Of those that are there, the sum of their beginnings.
  base::Duration begun{};
  bool made_room = false;  // added to State::others
};

struct PinBook::State {
  explicit State(Clock its_clock) : clock(std::move(its_clock)) {}
  void make_room(Row& row);

  const Clock clock;
  mutable std::mutex mutex;  // guards what follows, and every Row
  base::Lru<std::string, std::shared_ptr<Row>> rows{kRowsMax};
  Row others;
  std::size_t dropped = 0;
};

PinBook::PinBook() : PinBook(Clock{}) {}
PinBook::PinBook(Clock clock) : state_(std::make_shared<State>(std::move(clock))) {}
PinBook::~PinBook() = default;

PinBook::Stay PinBook::begin(const std::string& database, const std::string& user, const std::string& reasons,
                             uint64_t fingerprint, const std::string& statement) {
  Stay stay;
  stay.book_ = state_;
  stay.since_ = state_->clock.now();
  const std::string key = fmt::format("{}{}{}{}{:016x}{}", database, '\0', user, '\0', fingerprint, reasons);
  bool full = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (std::shared_ptr<Row>* known = state_->rows.find(key)) {
      stay.row_ = *known;
    } else {
      stay.row_ = std::make_shared<Row>();
      stay.row_->counts = {.database = database,
                           .user = user,
                           .reasons = reasons,
                           .statement = analyzer::without_values(statement),
                           .fingerprint = fingerprint};
      const auto evict = [this](const std::string&, std::shared_ptr<Row>& row) { state_->make_room(*row); };
      full = state_->dropped == 0;
      state_->rows.put(key, stay.row_, 1, evict);
      full = full && state_->dropped != 0;
    }
    Row& row = *stay.row_;
    ++row.counts.pins;
    ++row.counts.pinned;
    row.counts.last_seen = state_->clock.wall_now();
    row.begun += stay.since_.time_since_epoch();
  }
  if (full)
    log.info("{} kinds of pins are counted; SHOW PIN_COUNTS sums up those seen least recently from now on", kRowsMax);
  return stay;
}

void PinBook::State::make_room(Row& row) {
  row.made_room = true;
  ++dropped;
  others.counts.pins += row.counts.pins;
  others.counts.pinned += row.counts.pinned;
  others.counts.time += row.counts.time;
  others.begun += row.begun;
  others.counts.last_seen = std::max(others.counts.last_seen, row.counts.last_seen);
}

PinBook::Stay& PinBook::Stay::operator=(Stay&& other) noexcept {
  if (this == &other) return *this;
  end();
  book_ = std::move(other.book_);
  row_ = std::move(other.row_);
  since_ = other.since_;
  return *this;
}

void PinBook::Stay::end() {
  if (!row_) return;
  {
    const base::TimePoint now = book_->clock.now();
    const std::lock_guard lock(book_->mutex);
    Row& row = row_->made_room ? book_->others : *row_;
    --row.counts.pinned;
    row.begun -= since_.time_since_epoch();
    row.counts.time += now - since_;
  }
  row_.reset();
  book_.reset();
}

std::vector<PinCountRow> PinBook::rows() const {
  const base::Duration now = state_->clock.now().time_since_epoch();
  const auto so_far = [now](const Row& row) {
    PinCountRow counts = row.counts;
    counts.time += counts.pinned * now - row.begun;
    return counts;
  };
  std::vector<PinCountRow> all;
  const std::lock_guard lock(state_->mutex);
  all.reserve(state_->rows.size() + 1);
  state_->rows.for_each([&](const std::string&, const std::shared_ptr<Row>& row) { all.push_back(so_far(*row)); });
  if (state_->dropped != 0) {
    PinCountRow& others = all.emplace_back(so_far(state_->others));
    others.reasons = fmt::format("others ({} rows that made room)", state_->dropped);
  }
  return all;
}

}  // namespace pooler
