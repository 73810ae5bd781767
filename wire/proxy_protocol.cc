#include "wire/proxy_protocol.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "conf/address.h"
#include "wire/codec.h"

namespace wire {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view kVersion1 = "PROXY "sv;

constexpr uint8_t kCommandLocal = 0x20, kCommandProxy = 0x21;
constexpr uint8_t kUnspec = 0x00, kTcpV4 = 0x11, kUdpV4 = 0x12, kTcpV6 = 0x21, kUdpV6 = 0x22, kUnixStream = 0x31,
                  kUnixDatagram = 0x32;
constexpr std::size_t kUnixAddresses = 216;  // two of 108 bytes
constexpr uint8_t kTlvCrc32c = 0x03;

base::Error refused(std::string_view why) {
  return base::protocol_violation(fmt::format("invalid PROXY protocol header: {}", why));
}

bool is_prefix(std::string_view bytes, std::string_view whole) {
  return bytes == whole.substr(0, bytes.size());
}

// CRC-32C (RFC 3720, appendix B.4) of a header in which the checksum's own four bytes, at `hole`, count as zero.
uint32_t crc32c(std::string_view header, std::size_t hole) {
  uint32_t crc = ~0u;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const bool own = i >= hole && i < hole + 4;
    crc ^= own ? 0u : static_cast<unsigned char>(header[i]);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
  }
  return ~crc;
}

conf::IpAddress v4(std::string_view bytes) {
  conf::IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

conf::IpAddress v6(std::string_view bytes) {
  // An IPv4 address in IPv6 clothes is one: rules for IPv4 must match it.
  constexpr std::string_view kMapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff"sv;
  if (bytes.starts_with(kMapped)) return v4(bytes.substr(kMapped.size()));
  conf::IpAddress address;
  address.family = conf::IpAddress::Family::kV6;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

template <typename Make>
void read_endpoints(Reader& body, std::size_t size, Make make, ProxyHeader& header) {
  const std::string_view source = body.bytes(size);
  const std::string_view destination = body.bytes(size);
  const uint16_t source_port = body.u16();
  const uint16_t destination_port = body.u16();
  if (!body.ok()) return;
  header.source_address = conf::to_text(make(source));
  header.destination_address = conf::to_text(make(destination));
  header.source_port = source_port;
  header.destination_port = destination_port;
}

base::Status read_addresses(uint8_t family, Reader& body, ProxyHeader& header) {
  switch (family) {
    case kUnspec:
      header.local = true;
      body.rest();  // whatever it is, it is no address, and nothing says where TLVs would begin
      break;
    case kTcpV4:
      read_endpoints(body, 4, v4, header);
      break;
    case kTcpV6:
      read_endpoints(body, 16, v6, header);
      break;
    case kUnixStream:
      header.local = true;
      body.bytes(kUnixAddresses);  // the name of a socket on another machine says nothing here
      break;
    case kUdpV4:
    case kUdpV6:
    case kUnixDatagram:
      return refused("this is no datagram");
    default:
      return refused("unknown address family");
  }
  if (!body.ok()) return refused("too short for its addresses");
  return base::Ok{};
}

// What follows the addresses must be well-formed; only a checksum means something to us. `header` is all of it.
base::Status check_extensions(std::string_view header, Reader& body) {
  while (body.ok() && body.remaining() > 0) {
    const uint8_t type = body.u8();
    const std::string_view value = body.bytes(body.u16());
    if (!body.ok()) break;
    if (type != kTlvCrc32c) continue;
    if (value.size() != 4) return refused("a checksum that is not four bytes long");
    const std::size_t hole = header.size() - body.remaining() - value.size();
    if (Reader(value).u32() != crc32c(header, hole)) return refused("wrong checksum");
  }
  if (!body.ok()) return refused("an extension is longer than the header");
  return base::Ok{};
}

}  // namespace

base::Result<ProxyHeader> parse_proxy_v2(std::string_view bytes) {
  ProxyHeader header;
  if (!is_prefix(bytes.substr(0, kSignature.size()), kSignature)) {
    if (bytes.starts_with(kVersion1)) {
      return base::with_hint(refused("version 1 is not supported"),
                             "Set the load balancer to PROXY protocol version 2.");
    }
    if (is_prefix(bytes, kVersion1)) return header;
    return base::with_hint(refused("something else came first"),
                           "Addresses in proxy_protocol_from must send one on every connection.");
  }
  if (bytes.size() < kProxyHeaderSize) return header;

  Reader fixed(bytes.substr(kSignature.size(), kProxyHeaderSize - kSignature.size()));
  const uint8_t command = fixed.u8();
  const uint8_t family = fixed.u8();
  const std::size_t length = fixed.u16();
  if (command >> 4 != 2) return refused("unknown version");
  if (command != kCommandLocal && command != kCommandProxy) return refused("unknown command");
  if (length > kMaxProxyHeader - kProxyHeaderSize) return refused("too long");
  header.needed = kProxyHeaderSize + length;
  if (bytes.size() < header.needed) return header;

  const std::string_view whole = bytes.substr(0, header.needed);
  Reader body(whole.substr(kProxyHeaderSize));
  header.consumed = whole.size();
  header.local = command == kCommandLocal;
  if (header.local) return header;  // its addresses and extensions are to be ignored, whatever they are
  TRY_STATUS(read_addresses(family, body, header));
  TRY_STATUS(check_extensions(whole, body));
  return header;
}

}  // namespace wire
