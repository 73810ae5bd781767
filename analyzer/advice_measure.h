#pragma once
// Measuring: what PostgreSQL would plan for a statement if there were these indexes, by HypoPG. In READ ONLY transactions
// that are rolled back, because planning runs functions that say of themselves that they change nothing.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/advice_catalog.h"
#include "analyzer/advice_plan.h"
#include "analyzer/advice_samples.h"
#include "base/result.h"

namespace analyzer {

// A connection to PostgreSQL that waits for its answers. One statement at a time, with parameters as text.
class Asker {
 public:
  virtual ~Asker() = default;
  virtual base::Result<SqlRows> ask(std::string_view sql, const SqlRow& params) = 0;
  virtual bool out_of_time() const = 0;
};

// The text of a text[] or an oid[].
std::string array_text(const std::vector<std::string>& items);

class Measure {
 public:
  // `hypopg` is the schema that it is installed in.
  Measure(Asker& asker, std::string hypopg) : asker_(asker), hypopg_(std::move(hypopg)) {}

  // In a transaction with this search_path; an empty text is an empty path, nothing the role's own.
  base::Result<SqlRows> ask(const std::optional<std::string>& search_path, std::string_view sql, const SqlRow& params);
  // From now on there are these hypothetical indexes and no others. Ones that HypoPG refuses are left out.
  base::Status pretend(const std::vector<std::string>& definitions);
  // The plan of a statement that only reads.
  base::Result<Plan> plan(const Sample& sample);
  // The name of a hypothetical index in plans; empty for one that was refused.
  std::string name_of(const std::string& definition) const;
  void end();  // the transaction
  bool out_of_time() const { return asker_.out_of_time(); }
  uint64_t questions() const { return questions_; }

 private:
  base::Result<SqlRows> send(std::string_view sql, const SqlRow& params);
  base::Status find_refused(const std::vector<std::string>& definitions);

  Asker& asker_;
  const std::string hypopg_;
  bool open_ = false;
  std::optional<std::string> path_;  // of the open transaction
  std::vector<std::string> pretended_;
  std::map<std::string, std::string> names_;  // of these
  std::set<std::string> refused_;             // by HypoPG
  uint64_t questions_ = 0;
};

}  // namespace analyzer
