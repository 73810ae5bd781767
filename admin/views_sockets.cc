// SHOW CLIENTS, CLIENTS_EXTENDED, SERVERS, SOCKETS, ACTIVE_SOCKETS and FDS.
#include <algorithm>
#include <chrono>
#include <iterator>

#include "admin/views.h"

namespace admin {

namespace {

using pooler::ConsoleRole;
using pooler::Inspector;
using pooler::SocketRow;
using std::chrono::duration_cast;
using std::chrono::seconds;

Columns<SocketRow> connection_columns() {
  return {
      {"type", "C for a client, S for a server.", [](const SocketRow& row) { return std::string(1, row.type); }},
      {"user", "Name of the user.", &SocketRow::user},
      {"database", "Name of the database.", &SocketRow::database},
      {"replication", "none, logical or physical.", &SocketRow::replication},
      {"state",
       "Clients: active, idle, waiting, active_cancel_req, waiting_cancel_req. Servers: active, idle, used, "
       "tested, new, active_cancel, being_canceled.",
       &SocketRow::state},
      {"addr", "Address of the other end.", &SocketRow::addr},
      {"port", "Port of the other end.", &SocketRow::port},
      {"local_addr", "Address of this end.", &SocketRow::local_addr},
      {"local_port", "Port of this end.", &SocketRow::local_port},
      {"connect_time", "When the connection was made.", &SocketRow::connect_time},
      {"request_time", "When the last request came.", &SocketRow::request_time},
      {"wait", "Seconds the client has waited for a server.",
       [](const SocketRow& row) { return static_cast<int>(duration_cast<seconds>(row.wait).count()); }},
      {"wait_us", "Microseconds of that wait beyond the seconds.",
       [](const SocketRow& row) { return static_cast<int>((row.wait % seconds(1)).count()); }},
      {"close_needed", "1 when the connection will be closed as soon as it is free.", &SocketRow::close_needed},
      {"ptr", "The connection's id, in hexadecimal.", [](const SocketRow& row) { return pointer_text(row.id); }},
      {"link", "The id of the connection at the other side; empty if there is none.",
       [](const SocketRow& row) { return pointer_text(row.link_id); }},
      {"remote_pid", "Process id of the other end, where it is known.", &SocketRow::remote_pid},
      {"tls", "TLS version and cipher; empty without TLS.", &SocketRow::tls},
      {"application_name", "What the client calls itself.", &SocketRow::application_name},
      {"prepared_statements", "Prepared statements kept for this connection.", &SocketRow::prepared_statements},
      {"id", "The connection's id, for KILL_CLIENT.", [](const SocketRow& row) { return short_id(row.id); }},
  };
}

Columns<SocketRow> extended_columns() {
  Columns<SocketRow> columns = connection_columns();
  Columns<SocketRow> pin{
      {"pinned", "Why the client keeps its server between transactions; empty if it does not.",
       &SocketRow::pin_reasons},
      {"pinned_age", "Seconds since it does; NULL if it does not.",
       [](const SocketRow& row) {
         const int age = static_cast<int>(duration_cast<seconds>(row.pinned).count());
         return row.pin_reasons.empty() ? std::optional<int>() : std::optional<int>(age);
       }},
      {"pinned_statement", "The statement that brought it about, with ? for its values.", &SocketRow::pin_statement},
      {"pinned_fingerprint", "That statement's fingerprint, in hexadecimal.",
       [](const SocketRow& row) { return fingerprint_text(row.pin_fingerprint); }},
  };
  std::move(pin.begin(), pin.end(), std::back_inserter(columns));
  return columns;
}

Columns<SocketRow> socket_columns() {
  Columns<SocketRow> columns = connection_columns();
  Columns<SocketRow> buffers{
      {"recv_pos", "Bytes received.", &SocketRow::recv_pos},
      {"pkt_pos", "Bytes of them looked at.", &SocketRow::pkt_pos},
      {"pkt_remain", "Bytes of the current message still to come.", &SocketRow::pkt_remain},
      {"send_pos", "Bytes sent.", &SocketRow::send_pos},
      {"send_remain", "Bytes of the current message still to be sent.", &SocketRow::send_remain},
      {"pkt_avail", "Bytes received and not looked at.", &SocketRow::pkt_avail},
      {"send_avail", "Bytes that wait to be sent.", &SocketRow::send_avail},
  };
  std::move(buffers.begin(), buffers.end(), std::back_inserter(columns));
  return columns;
}

// Clients first, then servers, their states with the prefix that tells them apart.
void read_sockets(const Sources& sources, const Inspector::Then<SocketRow>& then) {
  Inspector& inspector = sources.inspector;
  inspector.clients([&inspector, then](std::vector<SocketRow> clients) {
    inspector.servers([then, clients = std::move(clients)](const std::vector<SocketRow>& servers) {
      std::vector<SocketRow> all = clients;
      all.insert(all.end(), servers.begin(), servers.end());
      for (SocketRow& row : all) row.state = (row.type == 'C' ? "cl_" : "sv_") + row.state;
      then(std::move(all));
    });
  });
}

// In use, or with bytes on their way.
bool busy(const SocketRow& row) {
  return row.state.ends_with("_active") || row.pkt_remain > 0 || row.send_remain > 0 || row.pkt_avail > 0 ||
         row.send_avail > 0;
}

void read_active_sockets(const Sources& sources, const Inspector::Then<SocketRow>& then) {
  read_sockets(sources, [then](std::vector<SocketRow> rows) {
    std::erase_if(rows, [](const SocketRow& row) { return !busy(row); });
    then(std::move(rows));
  });
}

// Log-ins under way have no place in PgBouncer's CLIENTS; SOCKETS has them.
void read_clients(const Sources& sources, const Inspector::Then<SocketRow>& then) {
  sources.inspector.clients([then](std::vector<SocketRow> rows) {
    std::erase_if(rows, [](const SocketRow& row) { return row.state == "login"; });
    then(std::move(rows));
  });
}

// PgBouncer calls a server that logs in "new" here and "login" in SOCKETS.
void read_servers(const Sources& sources, const Inspector::Then<SocketRow>& then) {
  sources.inspector.servers([then](std::vector<SocketRow> rows) {
    for (SocketRow& row : rows) {
      if (row.state == "login") row.state = "new";
    }
    then(std::move(rows));
  });
}

struct FdRow {
  int fd = 0;
  std::string task;
  std::optional<std::string> user, database;
  std::string addr;
  int port = 0;
  int64_t cancel = 0;
  int link = 0;
  std::optional<std::string> client_encoding, std_strings, datestyle, timezone, password;
  std::optional<Bytes> scram_client_key, scram_server_key;
};

Columns<FdRow> fd_columns() {
  return {
      {"fd", "Number of the descriptor.", &FdRow::fd},
      {"task", "pooler, client or server.", &FdRow::task},
      {"user", "Name of the user.", &FdRow::user},
      {"database", "Name of the database.", &FdRow::database},
      {"addr", "Address of the other end.", &FdRow::addr},
      {"port", "Port of the other end.", &FdRow::port},
      {"cancel", "Cancel key; never shown by Weir.", &FdRow::cancel},
      {"link", "Descriptor of the other side.", &FdRow::link},
      {"client_encoding", "The setting of that name.", &FdRow::client_encoding},
      {"std_strings", "standard_conforming_strings.", &FdRow::std_strings},
      {"datestyle", "The setting of that name.", &FdRow::datestyle},
      {"timezone", "The setting of that name.", &FdRow::timezone},
      {"password", "Never shown by Weir.", &FdRow::password},
      {"scram_client_key", "Never shown by Weir.", &FdRow::scram_client_key},
      {"scram_server_key", "Never shown by Weir.", &FdRow::scram_server_key},
  };
}

}  // namespace

std::vector<View> socket_views() {
  std::vector<View> views;
  views.push_back(make_view("CLIENTS", "Client connections.", ConsoleRole::kStats, connection_columns(),
                            read_clients));
  views.push_back(make_view("CLIENTS_EXTENDED", "Client connections, and why some of them keep their servers.",
                            ConsoleRole::kStats, extended_columns(), read_clients));
  views.push_back(make_view("SERVERS", "Server connections.", ConsoleRole::kStats, connection_columns(),
                            read_servers));
  views.push_back(make_view("SOCKETS", "All connections, with their buffers.", ConsoleRole::kStats,
                            socket_columns(), read_sockets));
  views.push_back(make_view("ACTIVE_SOCKETS", "Connections that are in use or have bytes on their way.",
                            ConsoleRole::kStats, socket_columns(), read_active_sockets));
  views.push_back(make_view(
      "FDS",
      "Always empty: PgBouncer hands connections, with their secrets, to a successor process through this view; "
      "Weir hands over listening sockets by other means.",
      ConsoleRole::kAdmin, fd_columns(),
      [](const Sources&, const Inspector::Then<FdRow>& then) { then(std::vector<FdRow>()); }));
  return views;
}

}  // namespace admin
