// Session: what follows from its statements, between it and its Follower.

#include <utility>

#include "pooler/replay.h"
#include "pooler/session.h"
#include "pooler/worker.h"
#include "wire/build.h"
#include "wire/codec.h"
#include "wire/frame.h"

namespace pooler {

// Clients that connect and never ask need none of this.
void Session::on_first_request() {
  statements_ = std::make_unique<ClientStatements>();
  if (login_values_)
    follower_ = std::make_unique<Follower>(worker_, pool_, id_, std::exchange(login_values_, nullptr), params_,
                                           static_cast<Follower::Host&>(*this));
  catalogue_.reset();  // the follower has it
  guard_as_set();
}

std::string_view Session::on_completed(const Watch& watch, std::size_t index, std::string_view tag) {
  return followed() ? follower_->on_completed(watch, index, tag, *lease_, *statements_) : std::string_view();
}

bool Session::hold_ready(wire::TxStatus status) { return followed() && follower_->hold_ready(status); }

void Session::on_guard_failed(const base::Error& error) {
  stalled_ = false;
  replay_failed_ = true;
  release();
  refuse_request(error);
}

// A statement that a server of this pool has parsed before needs no server to be named again, and to forget a name
// needs none either.
bool Session::answer_alone(const wire::FrameHeader& header, std::string_view rest) {
  if ((header.type != 'P' && header.type != 'C') || rest.size() < header.size || worker_.max_prepared_statements() == 0)
    return false;
  wire::Reader reader(rest.substr(wire::kHeaderSize, header.size - wire::kHeaderSize));
  std::string answer;
  if (header.type == 'P') {
    const std::string_view name = reader.cstring();
    if (!reader.ok() || name.empty() || statements_->find(name) != nullptr) return false;
    const std::string_view body = reader.rest();
    PreparedPtr statement;
    if (followed()) {
      follower_->begin();
      statement = intern_statement(body, follower_->path, follower_->analysis_of(body));
    } else {
      statement = intern_statement(body);
    }
    if (!pool_->has_parsed(*statement)) return false;
    pool_->stats(worker_.index()).client_parses.add(1);
    if (meter_) meter_->parsed(header.size, {statement->analysis.get(), statement->text()}, params_);
    statements_->add(name, std::move(statement));
    wire::append_parse_complete(answer);
  } else {
    const char kind = static_cast<char>(reader.u8());
    const std::string_view name = reader.cstring();
    if (!reader.ok() || kind != 'S') return false;
    if (name.empty())
      statements_->unnamed.reset();
    else
      statements_->remove(name);
    wire::append_close_complete(answer);
  }
  client_.write(answer);
  return true;
}

// ---- what has to be prepared again ----

Translator Session::translator() {
  Tracking* tracking = nullptr;
  if (followed()) {
    follower_->begin();
    tracking = follower_.get();
  }
  return {*lease_, *statements_, worker_.max_prepared_statements(), pool_->stats(worker_.index()), tracking};
}

bool Session::may_send_again(std::string_view batch, std::size_t owed) const {
  if (ended_ || worker_.max_prepared_statements() == 0) return false;
  const auto replay = replayable(batch);
  if (!replay || replay->replies != owed) return false;
  if (replay->unless_told && statements_->told(replay->statement)) return false;
  return replay->query || statements_->find(replay->statement) != nullptr;
}

void Session::send_again(std::string_view batch) {
  auto replay = replayable(batch);
  std::string_view name = replay->statement;
  if (replay->query && followed())
    name = follower_->analysis_of(replay->messages.substr(wire::kHeaderSize))->statements.front().name;
  if (const PreparedPtr old = statements_->find(name)) statements_->add(name, renewed(*old));
  while (const auto header = wire::peek_frame(replay->messages)) {
    Translator again = translator();
    if (again.message(*header, replay->messages) != Translator::Step::kWritten) {
      fail(base::connection_failure("a statement could not be prepared again"));
      return;
    }
    if (meter_) count_sent(*header, replay->messages, again.said());
    replay->messages.remove_prefix(header->size);
  }
}

void Session::resume_input() {
  stalled_ = false;
  proceed();
}

// The server was asked what the transaction has left there.
void Session::on_settled() {
  if (ended_) return;
  if (lease_->lost()) {
    on_server_lost(base::connection_failure("server connection lost"));
    return;
  }
  end_of_transaction();
}

void Session::on_news() {
  if (ended_ || !welcomed_ || follower_->busy() || (lease_ && !lease_->clean())) return;
  std::string news;
  follower_->deliver(news);
  client_.write(news);
  client_.flush();
}

void Session::on_ready_due() {
  if (ended_) return;
  std::string last;
  follower_->deliver(last);
  wire::append_ready_for_query(last, wire::TxStatus::kIdle);
  client_.write(last);
  client_.flush();
  resume_input();
}

void Session::end(const base::Error& error) { fail(error); }

}  // namespace pooler
