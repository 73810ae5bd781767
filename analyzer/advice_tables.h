#pragma once
// AdviceTables: the tables that a workload names, as the catalogue has them, and which statements name them and write to them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/advice.h"
#include "analyzer/advice_catalog.h"
#include "analyzer/advice_measure.h"
#include "analyzer/advice_uses.h"
#include "base/result.h"

namespace analyzer {

class AdviceTables {
 public:
  // Asks for them, by the names that the samples write, each in its own search_path; and for those of the views among them.
  base::Status read(const Workload& workload, Measure& measure);

  const AdviceCatalog& catalog() const { return catalog_; }
  // What a statement asks of them.
  std::vector<TableUse> uses_of(const Sample& sample) const;
  // Fingerprints of the statements that name it, the one with the most time first.
  std::vector<uint64_t> naming(const AdviceTable* table) const;
  // Rows an hour.
  double inserts(const AdviceTable* table) const;
  double updates(const AdviceTable* table, const std::string& column) const;

 private:
  using Path = std::optional<std::string>;
  using Named = std::pair<Path, WrittenTable>;  // a search_path, and what is written there
  using Names = std::map<Path, std::vector<WrittenTable>>;

  base::Status find(const Names& names, Measure& measure);
  base::Status read_catalog(Measure& measure);
  const AdviceTable* table_of(const Path& path, const WrittenTable& name) const;
  // The statement with its views written out, those of views too.
  std::string whole(const std::string& sql, const Path& path) const;
  void count(const Workload& workload);

  AdviceCatalog catalog_;
  std::map<Named, std::string> oid_of_;
  std::map<Named, const AdviceTable*> found_;
  std::map<const AdviceTable*, std::vector<uint64_t>> naming_;
  std::map<const AdviceTable*, double> inserts_;
  std::map<std::pair<const AdviceTable*, std::string>, double> updates_;
};

}  // namespace analyzer
