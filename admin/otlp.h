#pragma once
// Traced statements as OTLP has them: an ExportTraceServiceRequest in JSON. Pure.
//
//   OtlpBody body({.service = "weir", .version = "0.1"});
//   body.add(trace);
//   post(body.finish());
//
// Of the two encodings that OTLP over HTTP has, JSON is the one that every collector reads, that needs no generated code, and
// that a person can read off the wire; it is about three times as long, which matters to nobody at these rates.
//
// A statement is a span of kind SERVER, as Weir serves it, with one child for each part of its time: the wait for a server,
// and the server's work, of kind CLIENT. Names of attributes are those of OpenTelemetry's conventions for databases; what
// these have no name for begins with "weir.".

#include <cstddef>
#include <string>

#include "analyzer/statement_trace.h"

namespace admin {

struct OtlpResource {
  std::string service, version;
  int pid = 0;
};

class OtlpBody {
 public:
  explicit OtlpBody(const OtlpResource& resource);

  void add(const analyzer::StatementTrace& trace);
  bool empty() const { return statements_ == 0; }
  std::size_t statements() const { return statements_; }
  std::size_t size() const { return text_.size(); }
  // To be called once, at the end.
  std::string finish();

 private:
  std::string text_;
  std::size_t statements_ = 0;
};

}  // namespace admin
