#pragma once
// For the tests of this folder: the facts of a text, and a short way to write them.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/analyze.h"

namespace analyzer {

inline AnalysisPtr facts_of(std::string_view sql, bool standard_conforming_strings = true) {
  Skeleton skeleton;
  skeleton.make(sql, standard_conforming_strings);
  return analyze(sql, standard_conforming_strings, skeleton, {}).analysis;
}

inline Statement statement_of(std::string_view sql) { return facts_of(sql)->statements.at(0); }

// "settings temporary": the names in the order of the bits.
inline std::string text_of(Effects effects) {
  constexpr std::string_view kNames[] = {"settings",    "any_setting", "temporary",    "advisory_lock", "hold_cursor",
                                         "prepared",    "listen",      "sequence_use", "sequence_made", "library",
                                         "lasting",     "unknown",     "discard",      "transaction"};
  std::string out;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (!effects.has(static_cast<Effect>(1U << i))) continue;
    out += (out.empty() ? "" : " ") + std::string(kNames[i]);
  }
  return out;
}

// "work_mem=4MB local"; op as "x=?" (query), "x reset", "reset all".
inline std::string text_of(const std::vector<Setting>& settings) {
  std::string out;
  for (const Setting& setting : settings) {
    if (!out.empty()) out += "; ";
    switch (setting.op) {
      case Setting::Op::kSet: out += setting.name + "=" + setting.value; break;
      case Setting::Op::kSetQuery: out += setting.name + "=?"; break;
      case Setting::Op::kReset: out += setting.name + " reset"; break;
      case Setting::Op::kResetAll: out += "reset all"; break;
    }
    if (setting.local) out += " local";
  }
  return out;
}

// "a s.b!": sorted, with ! where it is written.
inline std::string text_of(const std::vector<Table>& tables) {
  std::vector<std::string> names;
  for (const Table& table : tables) {
    names.push_back((table.schema.empty() ? "" : table.schema + ".") + table.name + (table.written ? "!" : ""));
  }
  std::sort(names.begin(), names.end());
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

inline std::string text_of(const std::vector<Function>& functions) {
  std::string out;
  for (const Function& function : functions) {
    out += (out.empty() ? "" : " ") + (function.schema.empty() ? "" : function.schema + ".") + function.name;
  }
  return out;
}

}  // namespace analyzer
