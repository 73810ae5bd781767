#include "pooler/replay.h"

#include "wire/codec.h"
#include "wire/frame.h"

namespace pooler {
namespace {

struct Message {
  char type = 0;
  std::string_view body;
};

// Takes the first message off; nothing if it is not there as a whole.
std::optional<Message> take(std::string_view& messages) {
  const auto header = wire::peek_frame(messages);
  if (!header || !header->valid() || header->size > messages.size()) return std::nullopt;
  const Message message{header->type, messages.substr(wire::kHeaderSize, header->size - wire::kHeaderSize)};
  messages.remove_prefix(header->size);
  return message;
}

struct Bind {
  std::string_view portal, statement;
  std::size_t result_formats = 0;
};

std::optional<Bind> read_bind(std::string_view body) {
  wire::Reader reader(body);
  Bind bind;
  bind.portal = reader.cstring();
  bind.statement = reader.cstring();
  (void)reader.bytes(std::size_t{reader.u16()} * 2);
  for (std::size_t values = reader.u16(); values > 0 && reader.ok(); --values)
    if (const int32_t size = reader.i32(); size > 0) (void)reader.bytes(static_cast<std::size_t>(size));
  bind.result_formats = reader.u16();
  if (!reader.ok()) return std::nullopt;
  return bind;
}

struct Named {
  char kind = 0;
  std::string_view name;
};

Named read_name(std::string_view body) {
  wire::Reader reader(body);
  const char kind = static_cast<char>(reader.u8());
  return {kind, reader.cstring()};
}

}  // namespace

bool told_of_columns(std::string_view messages) {
  const auto first = take(messages);
  const auto next = take(messages);
  if (!first || !next || next->type != 'D') return false;
  const auto bind = read_bind(first->body);
  const Named described = read_name(next->body);
  return bind && bind->result_formats <= 1 && described.kind == 'P' && described.name == bind->portal;
}

std::optional<Replay> replayable(std::string_view batch) {
  std::string_view rest = batch, parsed_here;
  bool parsed = false;
  for (;;) {
    const std::string_view from_here = rest;
    const auto message = take(rest);
    if (!message) return std::nullopt;
    Replay replay{from_here, 1, {}, false, false};
    switch (message->type) {
      case 'Q':
        replay.query = true;
        return rest.empty() && from_here.size() == batch.size() ? std::optional(replay) : std::nullopt;
      case 'P':
        parsed = true;
        parsed_here = wire::Reader(message->body).cstring();
        continue;
      case 'C': continue;
      case 'D': {  // alone: what it tells is what the client knows from then on
        const Named described = read_name(message->body);
        if (described.kind != 'S') return std::nullopt;
        replay.statement = described.name;
        break;
      }
      case 'B': {
        const auto bind = read_bind(message->body);
        if (!bind) return std::nullopt;
        replay.statement = bind->statement;
        const bool fresh = parsed && parsed_here == bind->statement;
        if (!fresh && !told_of_columns(from_here)) {
          if (bind->result_formats > 1) return std::nullopt;
          replay.unless_told = true;
        }
        std::string_view ahead = rest;
        if (const auto next = take(ahead); next && next->type == 'D') {
          rest = ahead;
          ++replay.replies;
        }
        ahead = rest;
        if (const auto next = take(ahead); next && next->type == 'E') {
          rest = ahead;
          ++replay.replies;
        }
        break;
      }
      default: return std::nullopt;
    }
    if (replay.statement.empty()) return std::nullopt;
    const auto last = take(rest);
    ++replay.replies;
    return last && last->type == 'S' && rest.empty() ? std::optional(replay) : std::nullopt;
  }
}

std::string changed_result() {
  std::string out;
  wire::Writer writer(out);
  writer.begin('E');
  for (const std::string_view field : {"SERROR", "VERROR", "C0A000", "Mcached plan must not change result type",
                                       "Fplancache.c", "RRevalidateCachedQuery"})
    writer.cstring(field);
  writer.bytes(std::string_view("\0", 1));
  (void)writer.end();  // small
  return out;
}

bool is_changed_result(std::string_view report) {
  wire::Reader reader(report);
  bool state = false, routine = false;
  while (const char field = static_cast<char>(reader.u8())) {
    const std::string_view value = reader.cstring();
    if (!reader.ok()) return false;
    if (field == 'C') state = value == "0A000";
    if (field == 'R') routine = value == "RevalidateCachedQuery";
  }
  return state && routine;
}

}  // namespace pooler
